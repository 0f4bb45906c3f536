"""Reads beside the call path which generation of the consent index is in use."""

from __future__ import annotations

import asyncio
import contextlib

import structlog

from ringfence.lookups.errors import StoreError
from ringfence.lookups.keys import Keys
from ringfence.lookups.layout import Generation
from ringfence.lookups.questions import command
from ringfence.lookups.redirect import elsewhere, placed
from ringfence.lookups.resp import Address, Place, RespConnection, SentinelPlace
from ringfence.lookups.settings import RedisSettings
from ringfence.lookups.slots import slot_of
from ringfence.lookups.topology import server_for
from ringfence.lookups.view import NOT_READ, IndexView
from ringfence.screening import Unknown

LOOK = 0.25  # seconds between two looks
BELIEF = 5.0  # seconds that a generation is believed unseen; writers keep the one before for twice as long
NO_INDEX = Unknown("no_index")
STALE = Unknown("index_stale")
STRANGE = Unknown("index_unreadable")
_log = structlog.get_logger(__name__)


class IndexWatch:
    """Keeps a view current over a connection of its own, so that it neither waits for calls nor they for it."""

    def __init__(self, settings: RedisSettings, place: Place, keys: Keys, view: IndexView) -> None:
        self._settings = settings
        self._place = place
        self._keys = keys
        self._view = view
        self._commands = looking(keys)
        self._task: asyncio.Task[None] | None = None
        self._replies: asyncio.Queue[object] = asyncio.Queue()
        self._moved: Address | None = None

    async def start(self) -> None:
        """Begin to look; waits for the first look, whether it saw anything or not."""
        first = asyncio.Event()
        self._task = asyncio.create_task(self._keep_looking(first))
        await first.wait()

    async def close(self) -> None:
        """Look no more; nothing is believed from now on."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        self._view.doubt(NOT_READ)

    async def _keep_looking(self, first: asyncio.Event) -> None:
        loop = asyncio.get_running_loop()
        seen = loop.time()
        connection: RespConnection | None = None
        address: Address | None = None
        rounds = 0
        try:
            while True:
                self._keys.renew()
                try:
                    async with asyncio.timeout(self._settings.connect_timeout):
                        if isinstance(self._place, SentinelPlace) and rounds % 4 == 0:
                            where = await self._where()
                            if where != address and connection is not None:
                                connection.close()
                                connection = None
                        if connection is None or not connection.usable:
                            address = await self._where()
                            connection = await self._connect(address)
                        if await self._look(connection, address):
                            seen = loop.time()
                        elif self._moved is not None:
                            connection.close()
                except (StoreError, TimeoutError):
                    if connection is not None:
                        connection.close()
                if loop.time() - seen > BELIEF:
                    self._doubt(NOT_READ)
                first.set()
                rounds += 1
                await asyncio.sleep(LOOK)
        finally:
            if connection is not None:
                connection.close()

    async def _where(self) -> Address:
        moved, self._moved = self._moved, None
        if moved is not None:
            return moved
        return await server_for(self._place, slot_of(self._keys.pointer), self._settings.connect_timeout)

    async def _connect(self, address: Address) -> RespConnection:
        replies: asyncio.Queue[object] = asyncio.Queue()
        self._replies = replies
        return await RespConnection.connect(
            address, self._settings.connect_timeout, replies.put_nowait, lambda: replies.put_nowait(StoreError("lost"))
        )

    async def _look(self, connection: RespConnection, address: Address | None) -> bool:
        """Whether the store said something; the view follows what it said."""
        connection.write(self._commands)
        pointer, fresh = await self._replies.get(), None
        if not isinstance(pointer, StoreError):
            fresh = await self._replies.get()
        redirect = elsewhere(pointer)
        if redirect is not None and address is not None:
            self._moved = placed(redirect, address)
            return False
        if isinstance(pointer, StoreError) or type(pointer) is not dict or type(fresh) is not int:
            return False
        self._saw(pointer, bool(fresh))
        return True

    def _saw(self, pointer: dict[bytes, bytes], fresh: bool) -> None:
        found = believable(self._keys, self._view.generation, pointer, fresh)
        if isinstance(found, Unknown):
            self._doubt(found)
        else:
            self._view.believe(found, pointer)

    def _doubt(self, why: Unknown) -> None:
        if self._view.generation is not None:
            _log.warning("no consent index is believed any more", why=why.reason)
        self._view.doubt(why)


def looking(keys: Keys) -> bytes:
    """The commands that `believable` takes the replies of."""
    return command(b"HGETALL", keys.pointer) + command(b"EXISTS", keys.fresh)


def believable(keys: Keys, known: Generation | None, pointer: dict[bytes, bytes], fresh: bool) -> Generation | Unknown:
    """The generation in use, or why none may be believed; known: the one before, used again where it is the same."""
    current = pointer.get(b"current")
    if current is None:
        return NO_INDEX
    if pointer.get(b"followed") and not fresh:
        return STALE
    if known is not None and str(known).encode() == current:
        return known
    return keys.generation(current.decode(errors="replace")) or STRANGE
