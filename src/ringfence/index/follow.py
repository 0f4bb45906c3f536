"""Carries the registry's changes into every generation in use, and has the index built anew when it is not whole."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import structlog

from ringfence.errors import RingfenceError
from ringfence.index.build import RETIREMENT, build, tidy
from ringfence.index.errors import Behind, NotLocked, PartLost, Superseded
from ringfence.index.feed import Feed
from ringfence.index.settings import IndexSettings
from ringfence.index.store import IndexStore, PartState, Pointer, now
from ringfence.lookups.layout import Generation, bits_for

_SOON = 0.02  # seconds before a cycle that met another writer's work is begun again
PATIENCE = 30.0  # seconds that somebody who carries over by hand waits for others
_TIDY_EVERY = 2.0  # seconds
_GROWN = 128  # fields in a bucket on average from which more buckets are wanted
_log = structlog.get_logger(__name__)


class Follower:
    """One of any number of writers: all write the same, in any order, and a later one finds nothing to do.

    cycles: looks at the registry that ended well. applied: changes written. rebuilt: generations built by this one.
    """

    def __init__(self, store: IndexStore, feed: Feed, settings: IndexSettings) -> None:
        self._store = store
        self._feed = feed
        self._settings = settings
        self._building: asyncio.Task[None] | None = None
        self._tidied = 0.0
        self._told = ""
        self.cycles = self.applied = self.rebuilt = 0

    async def run(self) -> None:
        """Follow until cancelled."""
        try:
            await self._warn()
            while True:
                pause = self._settings.poll
                try:
                    await self.cycle()
                    if self._told:
                        _log.info("the consent index is kept up to date again")
                        self._told = ""
                except (Superseded, Behind):
                    pause = _SOON
                    await self._tidy()  # a builder that died would hold us up for ever
                except PartLost as error:
                    self._rebuild(str(error))
                except RingfenceError as error:
                    if self._told != str(error):
                        self._told = str(error)
                        _log.warning("the consent index is not kept up to date", why=self._told)
                await asyncio.sleep(pause)
        finally:
            if self._building is not None:
                self._building.cancel()
                await asyncio.gather(self._building, return_exceptions=True)

    async def _warn(self) -> None:
        try:
            dear = await asyncio.to_thread(self._store.dear)
        except RingfenceError:
            return  # an account without CONFIG, or a store that is away: the cycle tells
        if dear:
            _log.warning("the consent index is dear", why=dear)

    async def cycle(self) -> None:
        """One look at the registry. Raises RingfenceError, as PartLost when the index is to be built anew."""
        pointer = await asyncio.to_thread(self._store.pointer)
        if not pointer.current:
            self._rebuild("there is none")
            return
        current, states = await self.carry(pointer)
        await asyncio.to_thread(self._store.keep_fresh, self._settings.max_age)
        self.cycles += 1
        await self._look_after(pointer, current, states)

    async def carry(self, pointer: Pointer) -> tuple[Generation, list[PartState | None]]:
        """Write what is new to every generation in use; the current one, and what its parts said before."""
        current = self._store.keys.generation(pointer.current)
        if current is None:
            raise RingfenceError("the index is made with a digest key that is not configured here")
        states = await asyncio.to_thread(self._store.parts, current)
        position = _position(states)
        if position is None:
            raise PartLost("a part of the index is gone")
        others = await self._others(pointer)
        after = min([position, *[place for _, place in others]])
        await self._apply(pointer, current, [generation for generation, _ in others], after)
        return current, states

    async def _others(self, pointer: Pointer) -> list[tuple[Generation, int]]:
        """The generations beside the current one that readers may use soon or still, and how far they are."""
        found = []
        for name in (pointer.building, pointer.previous):
            generation = self._store.keys.generation(name)
            if generation is None:
                continue
            states = await asyncio.to_thread(self._store.parts, generation)
            if all(state is not None for state in states):
                found.append((generation, min(state.position for state in states if state is not None)))
        return found

    async def _apply(self, pointer: Pointer, current: Generation, others: list[Generation], after: int) -> None:
        """Everything behind `after`: first to the generation being built, then to the current and the one before."""
        building = pointer.building.partition(":")[0]
        first = [one for one in others if str(one) == pointer.building]
        last = [one for one in others if str(one) == pointer.previous]
        while rows := await self._feed.changes(after):
            span = (after, rows[-1].sequence)
            for generation in [*first, current, *last]:
                # The one before was told its successor too: the current one.
                successor = building if generation is current else current.name if generation in last else ""
                await asyncio.to_thread(self._store.write, generation, rows, successor, span)
            self.applied += len(rows)
            after = span[1]

    async def _look_after(self, pointer: Pointer, current: Generation, states: Sequence[PartState | None]) -> None:
        fields = sum(state.fields for state in states if state is not None)
        if fields > _GROWN << current.bits and bits_for(fields) > current.bits:
            self._rebuild(f"it has grown to {fields} pairs")
        loop = asyncio.get_running_loop()
        over = pointer.previous and now() - pointer.retired > RETIREMENT
        if (over or pointer.building) and loop.time() - self._tidied > _TIDY_EVERY:
            self._tidied = loop.time()
            await self._tidy()

    async def _tidy(self) -> None:
        if self._building is None:
            await asyncio.to_thread(tidy, self._store)

    def _rebuild(self, why: str) -> None:
        """Have it built beside the following; once at a time."""
        if self._building is not None:
            return
        _log.info("the consent index is built", why=why)
        self._building = asyncio.get_running_loop().create_task(self._build())
        self._building.add_done_callback(self._built)

    async def _build(self) -> None:
        try:
            built = await build(self._store, self._feed)
            self.rebuilt += 1
            _log.info("consent index built", rows=built.rows, generation=built.generation)
        except NotLocked:
            await asyncio.sleep(self._settings.poll)
        except RingfenceError as error:
            _log.warning("the consent index was not built", why=str(error))
            await asyncio.sleep(1.0)

    def _built(self, task: asyncio.Task[None]) -> None:
        self._building = None
        if not task.cancelled() and task.exception() is not None:
            _log.error("the consent index was not built", why=repr(task.exception()))


async def carry_over(store: IndexStore, feed: Feed) -> None:
    """What the registry says now stands in every generation in use when this returns; one is built where there is none.

    Raises RingfenceError, also where others are in the way for PATIENCE.
    """
    loop = asyncio.get_running_loop()
    until = loop.time() + PATIENCE
    writer = Follower(store, feed, IndexSettings())
    while True:
        try:
            pointer = await asyncio.to_thread(store.pointer)
            if pointer.current:
                await writer.carry(pointer)
                return
            await build(store, feed)
        except (Superseded, Behind, NotLocked, PartLost):
            if loop.time() > until:
                raise
            await asyncio.sleep(_SOON)


def _position(states: Sequence[PartState | None]) -> int | None:
    """Up to which change every part has all; None when one is gone or was never finished."""
    least: int | None = None
    for state in states:
        if state is None or not state.complete:
            return None
        least = state.position if least is None else min(least, state.position)
    return least
