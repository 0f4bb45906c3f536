"""A consent index for tests: a registry in memory, and single records put into a store as the layout page says."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from typing import Any

from redis import Redis

from ringfence.index.feed import IndexRow
from ringfence.lookups import IndexView, Keys
from ringfence.lookups.layout import Kind, pack


def fixed_view(keys: Keys) -> IndexView:
    """A view that believes one small generation; nothing of it is in any store."""
    view = IndexView()
    view.believe(keys.new_generation("0123abcd", 6), {})
    return view


def mark(store: Redis, view: IndexView, callee: str) -> None:
    """Finish the bucket of a callee."""
    assert view.generation is not None
    bucket, _ = view.generation.place(callee, "*")
    store.hset(view.generation.bucket_key(bucket), "m", "1")


def say(
    store: Redis, view: IndexView, callee: str, scope: str, kind: Kind, since: int = 1, until: int | None = None
) -> None:
    """One record in its finished bucket."""
    assert view.generation is not None
    mark(store, view, callee)
    bucket, field = view.generation.place(callee, scope)
    store.hset(view.generation.bucket_key(bucket), field, pack(kind, 1, since, until))


class MemoryFeed:
    """A registry that is a dictionary, with its outbox.

    standing: what stands, by callee, scope and kind. log: all changes. batch: rows or changes given at once.
    on_batch: called before each batch of rows is given: a test's hand in the middle of a building.
    """

    def __init__(self, rows: Iterable[tuple[str, str, Kind, int, int | None]] = (), batch: int = 1000) -> None:
        self.standing: dict[tuple[str, str, Kind], IndexRow] = {}
        self.log: list[IndexRow] = []
        self.batch = batch
        self.on_batch: Any = None
        self.broken: Exception | None = None
        for row in rows:
            self.say(*row)

    def say(self, callee: str, scope: str, kind: Kind, since: int = 1, until: int | None = None) -> IndexRow:
        """Record it; until 0 removes."""
        row = IndexRow(callee, scope, kind, since, until, len(self.log) + 1)
        self.log.append(row)
        if until == 0:
            self.standing.pop((callee, scope, kind), None)
        else:
            self.standing[callee, scope, kind] = row
        return row

    async def count(self) -> int:
        return len(self.standing)

    async def head(self) -> int:
        if self.broken is not None:
            raise self.broken
        return len(self.log)

    async def rows(self) -> AsyncIterator[list[IndexRow]]:
        every = sorted(self.standing.values())
        for at in range(0, max(len(every), 1), self.batch):
            if self.on_batch is not None:
                await self.on_batch(at)
            # What changed since may or may not show.
            yield [self.standing.get(row[:3], row) for row in every[at : at + self.batch]]

    async def changes(self, after: int) -> list[IndexRow]:
        if self.broken is not None:
            raise self.broken
        return self.log[after : after + self.batch]
