"""One server of the store on the call path: its connection, its breaker, and the shares that it owes."""

from __future__ import annotations

import asyncio
import contextlib
import random
from bisect import insort
from collections import deque
from collections.abc import Awaitable, Callable
from operator import attrgetter
from time import monotonic

import structlog

from ringfence.lookups.breaker import Breaker
from ringfence.lookups.errors import StoreError
from ringfence.lookups.figures import Figures
from ringfence.lookups.resp import Address, RespConnection
from ringfence.lookups.settings import RedisSettings
from ringfence.lookups.share import Share

CLOCK = 0.0015  # seconds by which a timer may come early: uvloop keeps time in whole milliseconds
STALLED = 2.0  # seconds without a reply that is owed; TCP alone gives up a path that swallows packets after 15 minutes
_FIRST_PAUSE = 0.1  # seconds before the second attempt to connect; doubled up to reconnect_max
_due = attrgetter("due")
_log = structlog.get_logger(__name__)


class Node:
    """Asks one server, under one deadline a share; every share is answered exactly once.

    where: finds its address before each attempt to connect; raises StoreError. answered: takes a share and, where
    replies are missing, the reason. address: where it was connected last.
    """

    def __init__(
        self,
        settings: RedisSettings,
        where: Callable[[], Awaitable[Address]],
        figures: Figures,
        answered: Callable[[Share, str], None],
    ) -> None:
        self._settings = settings
        self._where = where
        self._figures = figures
        self._answered = answered
        # Sequential questions to a silent store fail a deadline apart: those count each, a moment's crowd once.
        self.breaker = Breaker(settings.breaker, spacing=settings.deadline / 2)
        self.address: Address | None = None
        self.pending = 0
        self._connection: RespConnection | None = None
        self._connecting: asyncio.Task[None] | None = None
        self._owed: deque[Share] = deque()  # in the order of their commands, which is that of the replies
        self._waiting: deque[Share] = deque()  # in the order of their deadlines
        self._timer: asyncio.TimerHandle | None = None
        self._stall: asyncio.TimerHandle | None = None

    async def start(self) -> None:
        """Begin to connect; waits for the first attempt, whether it succeeds or not."""
        first = asyncio.Event()
        self._connecting = asyncio.create_task(self._keep_connecting(first))
        await first.wait()

    async def close(self, reason: str) -> None:
        """End the connection; whoever still waits is told why."""
        if self._connecting is not None:
            self._connecting.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._connecting
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        self._give_up(reason)

    def sever(self) -> None:
        """Connect anew: its address changed."""
        if self._connection is not None:
            self._connection.sever()

    @property
    def connected(self) -> bool:
        """Whether it can be asked."""
        return self._connection is not None and self._connection.usable

    # -- asking -----------------------------------------------------------------------------------------------

    def refuses(self, now: float) -> str:
        """Why it is not to be asked now, "" when it may be."""
        if not self.breaker.allows(now):
            return "breaker_open"
        connection = self._connection
        if connection is None or not connection.usable:
            self.breaker.failed(now)
            return "unreachable"
        return "overloaded" if self.pending >= self._settings.max_pending else ""

    def send(self, share: Share, commands: bytes) -> None:
        """Ask; only when it does not refuse."""
        assert self._connection is not None
        self.pending += share.expected
        self._owed.append(share)
        waiting = self._waiting
        if waiting and share.due < waiting[-1].due:  # a redirected question keeps its first deadline
            insort(waiting, share, key=_due)
            if self._timer is not None and waiting[0] is share:
                self._timer.cancel()
                self._timer = None
        else:
            waiting.append(share)
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_at(waiting[0].due, self._tick)
        self._connection.write(commands)

    # -- answers ----------------------------------------------------------------------------------------------

    def _reply(self, reply: object) -> None:
        owed = self._owed
        if not owed:
            # More replies than questions: from here on answers would go to the wrong calls.
            self.sever()
            return
        share = owed[0]
        share.replies.append(reply)
        if len(share.replies) == share.expected:
            owed.popleft()
            self.pending -= share.expected
            self._complete(share)

    def _complete(self, share: Share) -> None:
        self._figures.took(monotonic() - share.since, share.calls)
        if share.items:
            self.breaker.succeeded()
            self._answered(share, "")
        else:
            self._figures.late += 1

    def _tick(self) -> None:
        """One timer for all: the oldest share that waits decides when it is wound next."""
        self._timer = None
        loop = asyncio.get_running_loop()
        now = monotonic()
        soon = now + CLOCK  # what is due in a moment is due now
        waiting = self._waiting
        while waiting and (not waiting[0].items or waiting[0].due <= soon):
            share = waiting.popleft()
            if share.items:
                self.breaker.failed(now)
                self._answered(share, "deadline")
        if waiting:
            self._timer = loop.call_at(waiting[0].due, self._tick)
        if self._owed and self._stall is None:
            self._stall = loop.call_at(self._owed[0].since + STALLED, self._look_for_stall, self._owed[0])

    def _look_for_stall(self, oldest: Share) -> None:
        """The server owes the same reply as when this was wound: a new connection may do better."""
        self._stall = None
        if self._owed and self._owed[0] is oldest:
            self.sever()

    def _give_up(self, reason: str) -> None:
        """Nobody will answer what is owed."""
        owed, self._owed = self._owed, deque()
        self._waiting.clear()
        self.pending = 0
        for handle in (self._timer, self._stall):
            if handle is not None:
                handle.cancel()
        self._timer = self._stall = None
        for share in owed:
            if share.items:
                self._answered(share, reason)

    # -- connection -------------------------------------------------------------------------------------------

    async def _keep_connecting(self, first: asyncio.Event) -> None:
        pause = _FIRST_PAUSE
        told = ""
        before = False
        while True:
            lost = asyncio.Event()
            try:
                self.address = await self._where()
                self._connection = await RespConnection.connect(
                    self.address, self._settings.connect_timeout, self._reply, lost.set
                )
            except StoreError as error:
                if str(error) != told:  # an outage is one line, not one an attempt
                    told = str(error)
                    _log.warning("store not connected", why=told, server=str(self.address))
                first.set()
                # Many nodes lost the same store at once: they do not come back at once.
                await asyncio.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311 - no secret
                pause = min(2 * pause, self._settings.reconnect_max)
                continue
            self._figures.reconnects += before
            before = True
            first.set()
            self.breaker.revived()
            _log.info("store connected", server=str(self.address))
            pause, told = _FIRST_PAUSE, ""
            await lost.wait()
            self._connection = None
            self.breaker.failed(monotonic())
            _log.warning("store connection lost", server=str(self.address))
            self._give_up("unreachable")
