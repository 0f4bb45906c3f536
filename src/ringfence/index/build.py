"""A generation of the index built beside the one in use, and swapped in when it is complete.

A gap would be a refusal that one reader's generation knows and another's does not. So:
1. The new generation is named in the pointer, then every part of the current one is told its successor. From then on
   the store itself refuses a write to the current one by whoever does not know of the new one; those who do write to
   the new one first. What is visible in the current generation is in the new one already.
2. All rows are read, and the changes since before the first step. A record never gives way to an older one, so rows and
   changes may come in any order.
3. Each part is marked complete only if the store still has all the rows that were written to it.
4. One write to the pointer swaps. The generation before is written to, and believed, for a while longer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import NamedTuple

import structlog

from ringfence.index.errors import NotLocked
from ringfence.index.feed import Feed, IndexRow
from ringfence.index.store import IndexStore, Pointer, now
from ringfence.lookups.layout import TAGS, Generation, bits_for
from ringfence.lookups.watch import BELIEF

RETIREMENT = 2 * BELIEF  # seconds that the generation before is kept: twice as long as a reader may believe it unseen
_FIRST_FRESH = 10.0  # seconds that a new generation is believed before a follower must have taken it over
_BATCH = 8192  # rows that are written at once: some milliseconds of the store's time
Progress = Callable[[int, int], None]
"""Called with the rows written so far and those expected."""

_log = structlog.get_logger(__name__)


class Built(NamedTuple):
    """rows: written. generation: as `str(Generation)` gives it."""

    rows: int
    generation: str


async def build(
    store: IndexStore, feed: Feed, progress: Progress = lambda done, all_: None, followed: bool = True
) -> Built:
    """Build a generation and put it into use. Raises NotLocked where another builds, StoreError, RingfenceError.

    followed: readers are to believe it only as long as a `Follower` keeps it up to date.
    """
    token = await asyncio.to_thread(store.lock)
    if token is None:
        raise NotLocked("another process builds the index")
    made: Generation | None = None
    try:
        before = await _prepare(store, token)
        expected = await feed.count()
        head = await feed.head()
        made = await asyncio.to_thread(store.create, bits_for(expected), head)
        await asyncio.to_thread(_announce, store, token, before, made)
        work = _Work(store, feed, token, made, head)
        await work.fill(expected, progress)
        await work.catch_up()
        await asyncio.to_thread(store.finish, made, work.counts)
        await work.catch_up()
        await asyncio.to_thread(_swap, store, token, before, made, work.rows, followed)
        return Built(work.rows, str(made))
    except BaseException:
        if made is not None:
            await asyncio.shield(asyncio.to_thread(_abandon, store, token, made))
        raise
    finally:
        await asyncio.shield(asyncio.to_thread(_unlock, store, token))


class _Work:
    """counts: rows written to each part by us."""

    def __init__(self, store: IndexStore, feed: Feed, token: str, generation: Generation, after: int) -> None:
        self._store = store
        self._feed = feed
        self._token = token
        self._generation = generation
        self._after = after
        self.counts = [0] * len(TAGS)
        self.rows = 0

    async def fill(self, expected: int, progress: Progress) -> None:
        """All rows; the next ones are read while some are written."""
        writing: asyncio.Task[None] | None = None
        try:
            async for rows in self._feed.rows():
                for at in range(0, len(rows), _BATCH):
                    if writing is not None:
                        await writing
                    writing = asyncio.create_task(self._write(rows[at : at + _BATCH]))
                    self.rows += len(rows[at : at + _BATCH])
                progress(self.rows, max(expected, self.rows))
            if writing is not None:
                await writing
        finally:
            if writing is not None and not writing.done():
                await asyncio.wait([writing])

    async def catch_up(self) -> None:
        """The changes since the last look."""
        while changed := await self._feed.changes(self._after):
            await self._write(changed)
            self._after = changed[-1].sequence

    async def _write(self, rows: list[IndexRow]) -> None:
        def write() -> None:
            self._store.write(self._generation, rows, counts=self.counts)
            self._store.point(self._token)  # our sign of life, and the proof that we still may

        await asyncio.to_thread(write)


async def _prepare(store: IndexStore, token: str) -> Pointer:
    """Clear away what builders before us left. Without a pointer, everything there is was left behind."""
    pointer = await asyncio.to_thread(store.pointer)
    if not pointer.current:
        await asyncio.to_thread(store.sweep, ())
        return pointer
    await asyncio.to_thread(clear_building, store, token, pointer)
    while pointer.previous and now() - pointer.retired <= RETIREMENT:
        await asyncio.sleep(0.5)  # some may read it still: it has its full time
        await asyncio.to_thread(store.point, token)
    await asyncio.to_thread(_retire, store, token, pointer)
    return pointer._replace(building="", previous="")


def _announce(store: IndexStore, token: str, before: Pointer, made: Generation) -> None:
    store.point(token, building=str(made))
    current = store.keys.generation(before.current)
    if current is not None:
        store.announce(current, made.name)


def _swap(store: IndexStore, token: str, before: Pointer, made: Generation, rows: int, followed: bool) -> None:
    if followed:
        store.keep_fresh(_FIRST_FRESH)
    moment = str(now())
    store.point(
        token,
        current=str(made),
        previous=before.current,
        building="",
        pairs=str(rows),
        built=moment,
        retired=moment,
        followed="1" if followed else "",
    )


def _abandon(store: IndexStore, token: str, made: Generation) -> None:
    """As far as that can still be done; whoever builds next does the rest."""
    try:
        pointer = store.pointer()
        if pointer.current == str(made):
            return
        clear_building(store, token, pointer._replace(building=str(made)))
    except Exception as error:
        _log.warning("an unfinished index is left behind", why=str(error))


def _unlock(store: IndexStore, token: str) -> None:
    try:
        store.unlock(token)
    except Exception as error:
        _log.warning("the lock of the index runs out by itself", why=str(error))


def clear_building(store: IndexStore, token: str, pointer: Pointer) -> None:
    """Take a generation that nobody builds any more out of the pointer, then out of the store."""
    left = store.keys.generation(pointer.building)
    store.point(token, building="")
    current = store.keys.generation(pointer.current)
    if current is not None:
        store.announce(current, "")
    if left is not None:
        store.drop(left)


def tidy(store: IndexStore) -> bool:
    """Remove what a dead builder left, and a previous generation whose time is over; False while another builds."""
    token = store.lock()
    if token is None:
        return False
    try:
        pointer = store.pointer()
        if pointer.building or _expects_another(store, pointer):
            clear_building(store, token, pointer)
        if now() - pointer.retired > RETIREMENT:
            _retire(store, token, pointer)
        return True
    finally:
        store.unlock(token)


def _retire(store: IndexStore, token: str, pointer: Pointer) -> None:
    """Remove the generation before the current one: first from the pointer."""
    previous = store.keys.generation(pointer.previous)
    if pointer.previous:
        store.point(token, previous="", retired="")
    if previous is not None:
        store.drop(previous)


def _expects_another(store: IndexStore, pointer: Pointer) -> bool:
    current = store.keys.generation(pointer.current)
    return current is not None and any(part is not None and part.next for part in store.parts(current))
