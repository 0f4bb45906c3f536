"""What the index is built from."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import NamedTuple, Protocol

from ringfence.lookups.layout import Kind


class IndexRow(NamedTuple):
    """One thing that stands, or that changed, for a callee and a scope.

    callee: E.164. scope: `*`, `sector:NAME` or `holder:NAME`. since, until: epoch seconds; until None: without an end,
    0: it stands no more. sequence: place in the order of recording; the highest of a callee, scope and kind counts.
    """

    callee: str
    scope: str
    kind: Kind
    since: int
    until: int | None
    sequence: int


class Feed(Protocol):
    """The registry, as the index sees it. What fails raises RingfenceError."""

    async def count(self) -> int:
        """About how many rows stand: for the number of buckets, and for the progress bar."""

    async def head(self) -> int:
        """The sequence of the latest change, 0 before the first."""

    def rows(self) -> AsyncIterator[list[IndexRow]]:
        """All that stands, in batches; what changed since the first was read may or may not show."""

    async def changes(self, after: int) -> list[IndexRow]:
        """Changes behind a sequence, in order; a part of them where there are many, none only where there are none."""
