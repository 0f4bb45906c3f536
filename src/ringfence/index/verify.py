"""Compares the index with the registry, row by row."""

from __future__ import annotations

import asyncio
from typing import NamedTuple

from ringfence.index.errors import PartLost
from ringfence.index.feed import Feed, IndexRow
from ringfence.index.store import IndexStore
from ringfence.lookups.errors import StoreError
from ringfence.lookups.layout import Generation, Record, unpack


class Verified(NamedTuple):
    """rows: compared. missing: not in the index. wrong: another record there. unmarked: in a bucket that is not whole.
    surplus: live records of the index that no row explains.

    What changes while it is compared may count as missing or surplus once; a second run tells.
    """

    rows: int
    missing: int
    wrong: int
    unmarked: int
    surplus: int

    @property
    def sound(self) -> bool:
        """Nothing to find fault with."""
        return not (self.missing or self.wrong or self.unmarked or self.surplus)


async def verify(store: IndexStore, feed: Feed) -> Verified:
    """Compare. Raises StoreError, PartLost when there is no complete index."""
    pointer = await asyncio.to_thread(store.pointer)
    current = store.keys.generation(pointer.current)
    if current is None:
        raise PartLost("there is no index, or it is made with a digest key that is not configured")
    rows = missing = wrong = unmarked = 0
    async for some in feed.rows():
        found = await asyncio.to_thread(_compare, store, current, some)
        rows += len(some)
        missing, wrong, unmarked = missing + found[0], wrong + found[1], unmarked + found[2]
    live = await asyncio.to_thread(store.live_records, current)
    return Verified(rows, missing, wrong, unmarked, max(live - (rows - missing), 0))


def _compare(store: IndexStore, generation: Generation, rows: list[IndexRow]) -> tuple[int, int, int]:
    wanted = []
    for row in rows:
        bucket, field = generation.place(row.callee, row.scope)
        wanted.append((generation.bucket_key(bucket), field))
    missing = wrong = unmarked = 0
    for row, (mark, value) in zip(rows, store.read(generation, wanted), strict=True):
        unmarked += mark is None
        records = unpack(value or b"")
        if records is None:
            raise StoreError("the index holds what is no record of ours")
        found = next((one for one in records if one.kind == row.kind and not one.removed), None)
        if found is None:
            missing += 1
        elif not _same(found, row):
            wrong += 1
    return missing, wrong, unmarked


def _same(record: Record, row: IndexRow) -> bool:
    return (record.sequence, record.since, record.until) == (row.sequence, row.since, row.until)
