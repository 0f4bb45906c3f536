"""`python -m tests.registry.measure [LINES]`: what an import, the feed and a verification cost, on SQLite."""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from pathlib import Path
from zoneinfo import ZoneInfo

from ringfence.numbering import Numbering
from ringfence.numbering.settings import NumberingSettings
from ringfence.registry import feed
from ringfence.registry.actors import Actor
from ringfence.registry.columns import Reader
from ringfence.registry.importing import Import
from ringfence.registry.opening import open_registry
from ringfence.registry.settings import RegistrySettings
from ringfence.registry.verify import verify


async def measure(folder: Path, lines: int) -> None:
    numbering = Numbering(NumberingSettings())

    async def as_it_is(name: str) -> str:
        return name

    reader = Reader(lambda text: numbering.read(text).value, as_it_is, ZoneInfo("Asia/Shanghai"))
    file = folder / "consents.csv"
    rows = (f"+86130{place:08},Bank,2024-01-01,call {place}\n" for place in range(lines))
    file.write_text("callee,holder,given_at,reference\n" + "".join(rows))
    async with await open_registry(RegistrySettings(), folder) as registry:
        began = time.perf_counter()
        actor = Actor("operator:measure", "operator", "here")
        done = await Import(registry, "consents", actor, reader, folder / "report.csv").run(file)
        assert done.recorded == lines
        print(f"import {lines / (time.perf_counter() - began):,.0f} lines/s")
        began = time.perf_counter()
        count = sum([len(some) async for some in feed.rows(registry)])
        print(f"feed {count / (time.perf_counter() - began):,.0f} rows/s")
        began = time.perf_counter()
        report = await verify(registry, None)
        assert not report.faults
        print(f"verify {report.entries / (time.perf_counter() - began):,.0f} entries/s")
    size = sum(path.stat().st_size for path in (folder / "registry").iterdir())
    print(f"{size / lines:,.0f} bytes a consent")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as temporary:
        asyncio.run(measure(Path(temporary), int(sys.argv[1]) if len(sys.argv) > 1 else 60_000))
