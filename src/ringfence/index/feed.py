"""What the index is built from."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Protocol

from ringfence.index.errors import PartLost
from ringfence.registry import feed as registry_feed
from ringfence.registry.errors import Gone
from ringfence.registry.feed import IndexRow

if TYPE_CHECKING:
    from ringfence.registry.register import Registry

__all__ = ["Feed", "IndexRow", "RegistryFeed"]


class Feed(Protocol):
    """The registry, as the index sees it. What fails raises RingfenceError."""

    async def count(self) -> int:
        """About how many rows stand: for the number of buckets, and for the progress bar."""

    async def head(self) -> int:
        """The sequence of the latest change, 0 before the first."""

    def rows(self) -> AsyncIterator[list[IndexRow]]:
        """All that stands, in batches; what changed since the first was read may or may not show."""

    async def changes(self, after: int) -> list[IndexRow]:
        """Changes behind a sequence, in order; a part of them where there are many, none only where there are none.

        Raises PartLost where they are kept no more.
        """


class RegistryFeed:
    """A registry that is open."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    async def count(self) -> int:
        """Of its standing rows."""
        return await self._registry.count_standing()

    async def head(self) -> int:
        """Of its outbox."""
        return await registry_feed.head(self._registry)

    def rows(self) -> AsyncIterator[list[IndexRow]]:
        """Its standing rows."""
        return registry_feed.rows(self._registry)

    async def changes(self, after: int) -> list[IndexRow]:
        """Its outbox. Raises PartLost behind its floor."""
        try:
            return await registry_feed.changes(self._registry, after)
        except Gone as error:
            raise PartLost(str(error)) from None
