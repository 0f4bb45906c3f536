"""What leaves a daemon with two workers for others: all of both."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from tests.clickhouse.conftest import Server, server
from tests.clickhouse.test_daemon import asking, feeding
from tests.mirror.support import (
    BANK,
    BANK_NUMBER,
    CALLEE,
    OTHER,
    Homer,
    captures,
    exporting,
    house,
    ready_to_export,
    ringfence,
)
from tests.support.house import House
from tests.workers.support import workers_of

from ringfence.sip.shares import share_of

pytestmark = pytest.mark.e2e
__all__ = ["server"]


@pytest.fixture(autouse=True)
def two_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RINGFENCE_WORKERS", "2")


async def calls_by_both(running: House, callee: str = CALLEE) -> list[str]:
    """Call-IDs of answered calls, until each worker had one."""
    made: list[str] = []
    while len(made) < 4 or len({share_of(call_id.encode(), 2) for call_id in made}) < 2:
        report = await running.call(BANK, BANK_NUMBER, callee)
        assert report.status == 200
        made.append(report.call_id)
    return made


async def test_clickhouse_gets_the_records_of_all_workers(server: Server, tmp_path: Path) -> None:
    with TemporaryDirectory(prefix="rf") as name:
        async with House(Path(name), feeding(server, tmp_path, "two")) as running:
            made = await calls_by_both(running)
            await running.until(lambda: running.metric("clickhouse_inserted_total") == 3 * len(made), 20)
            assert running.metric("clickhouse_behind") == running.metric("clickhouse_failures_total") == 0
            shares = [share_of(call_id.encode(), 2) for call_id in made]
            async with asking(server, tmp_path) as client:
                rows = await client.select(
                    "SELECT worker, count() AS n FROM two.records FINAL GROUP BY worker ORDER BY worker"
                )
            assert [(int(row["worker"]), int(row["n"])) for row in rows] == [
                (1, 3 * shares.count(0)),
                (2, 3 * shares.count(1)),
            ]


async def one_dies(running: House) -> None:
    """A worker is killed; its successor serves calls."""
    os.kill(workers_of(running.process)[1], signal.SIGKILL)
    await running.until(lambda: running.metric("child_restarts_total", process="worker-1") == 1, 20)
    await running.until(lambda: running.metric("worker_up") == 2, 20)


async def test_homer_gets_the_calls_of_all_workers() -> None:
    homer = Homer()
    async with house(exporting(homer)) as running:
        await ready_to_export(running)
        made = await calls_by_both(running)
        await running.until(lambda: running.metric("mirror_copied_total") >= len(homer.take()) > 12 * len(made))
        await one_dies(running)
        made += await calls_by_both(running)
        for call_id in made:
            await running.until(lambda call_id=call_id: homer.over(call_id))
            kinds = [packet.kind for packet in homer.of(call_id)]
            assert (kinds.count(100), kinds.count(1) >= 12) == (3, True)
        assert {packet.correlation.decode() for packet in homer.packets if packet.kind == 100} == {*made}
        assert running.metric("mirror_dropped_total") == 0


async def test_a_capture_holds_the_calls_of_all_workers_in_one_file() -> None:
    async with house() as running:
        before = await calls_by_both(running)
        await ringfence(running, "capture", "start", "--trunk", "bank", "--for", "5m")
        await ringfence(running, "capture", "start", "--number", OTHER, "--for", "5m")
        made = await calls_by_both(running)
        await one_dies(running)
        wanted = await calls_by_both(running, OTHER)
        for capture in await captures(running):
            await ringfence(running, "capture", "stop", capture["capture"])
        await running.until(lambda: running.metric("captures") == 0)
        trunk, number = await captures(running)
        assert {path.name for path in (running.folder / "data/captures").iterdir()} == {
            Path(capture["file"]).name for capture in (trunk, number)
        }
        for capture, inside, outside in ((trunk, made + wanted, before), (number, wanted, before + made)):
            data = Path(capture["file"]).read_bytes()
            assert capture["state"] == "stopped" and capture["messages"] >= 12 * len(inside)
            assert all(data.count(call_id.encode()) >= 12 for call_id in inside)
            assert not any(call_id.encode() in data for call_id in outside)
        await asyncio.sleep(0.3)
        copied = running.metric("mirror_copied_total")
        await calls_by_both(running)  # nothing is captured any more, and so nothing copied
        assert running.metric("mirror_copied_total") == copied
