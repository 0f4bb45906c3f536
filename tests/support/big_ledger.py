"""A ledger as large as a carrier's, written as its own files: trunks by the hundred thousand, ranges by the million."""

from __future__ import annotations

import random
from pathlib import Path

RANGE = 100  # numbers a range
FIRST = 13_000_000_000  # the first mobile number that is granted; a gap of one range follows every range
HOLDERS_PER_TRUNK = 10
_SPAN = 2 * RANGE


def write(folder: Path, ranges: int, trunks: int, titles: int = 10_000, shuffled: bool = True) -> None:
    """`ranges` granted ranges, spread over `trunks`, within `titles` assigned ones; grants not in order of numbers."""
    folder.mkdir(parents=True, exist_ok=True)
    holders = max(1, trunks // HOLDERS_PER_TRUNK)
    with (folder / "holders.csv").open("w") as file:
        file.write("name,legal_name,licence,sector,contract,calls_per_hour\n")
        for each in range(holders):
            file.write(f"holder-{each},Holder {each} Ltd.,B2-{each:08},finance,C-{each},600\n")
    with (folder / "trunks.csv").open("w") as file:
        file.write("name,holder,kind,place\n")
        for each in range(trunks):
            file.write(f"trunk-{each:06},holder-{each % holders},{'call_center' if each % 7 == 0 else 'enterprise'},"
                       f"rack {each % 400}\n")  # fmt: skip
    with (folder / "sources.csv").open("w") as file:
        file.write("trunk,address,port\n")
        for each in range(trunks):
            file.write(f"trunk-{each:06},10.{each >> 16 & 255}.{each >> 8 & 255}.{each & 255},5060\n")
    blocks = max(1, min(titles, ranges))
    per_block = -(-ranges // blocks)
    with (folder / "resources.csv").open("w") as file:
        file.write("holder,from,to,certificate,valid_from,valid_until\n")
        for each in range(blocks):
            low = FIRST + each * per_block * _SPAN
            file.write(
                f"holder-{each % holders},+86{low},+86{low + per_block * _SPAN - 1},N-{each},2026-01-01,2099-12-31\n"
            )
    order = list(range(ranges))
    if shuffled:
        random.Random(1).shuffle(order)
    with (folder / "grants.csv").open("w") as file:
        file.write("trunk,from,to,purpose,note\n")
        lines = []
        for each in order:
            low = FIRST + each * _SPAN
            block = each // per_block
            # Trunks of a holder have numbers that differ from his by a multiple of how many holders there are.
            trunk = (block % holders) + holders * (each % max(1, trunks // holders))
            lines.append(f"trunk-{trunk:06},+86{low},+86{low + RANGE - 1},service,\n")
            if len(lines) == 10_000:
                file.writelines(lines)
                lines.clear()
        file.writelines(lines)


def number_of(place: int) -> str:
    """A number of the granted range at a place in the order of numbers."""
    return f"+86{FIRST + place * _SPAN + 7}"
