"""All questions of a turn to the store in one write, under one deadline; every ticket is answered exactly once."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections import deque
from typing import Any

import structlog

from ringfence.lookups.batch import Ask, Batch, Deliver
from ringfence.lookups.breaker import Breaker
from ringfence.lookups.caller_rate import CallerRateQuestion
from ringfence.lookups.consent import ConsentQuestion
from ringfence.lookups.errors import StoreError
from ringfence.lookups.figures import LATENCY_BOUNDS, Figures
from ringfence.lookups.keys import Keys
from ringfence.lookups.questions import Question
from ringfence.lookups.resp import Address, RespConnection
from ringfence.lookups.roaming import NoRoamingCheck, RoamingQuestion
from ringfence.lookups.score import ScoreQuestion
from ringfence.lookups.settings import RedisSettings
from ringfence.screening import Call, Facts, Need, Unknown

__all__ = ["LATENCY_BOUNDS", "Deliver", "Lookups"]

STALLED = 2.0  # seconds without a reply that is owed; TCP alone gives up a path that swallows packets after 15 minutes
_FIRST_PAUSE = 0.1  # seconds before the second attempt to connect; doubled up to reconnect_max
_log = structlog.get_logger(__name__)


class Lookups:
    """The store as the call path sees it."""

    def __init__(
        self, settings: RedisSettings, address: Address, keys: Keys, window: float, roaming: bool = True
    ) -> None:
        """window: seconds over which a caller's attempts are counted. roaming: the store knows who is abroad."""
        self._roaming: Question = RoamingQuestion(keys) if roaming else NoRoamingCheck()
        self._settings = settings
        self._address = address
        self._keys = keys
        # Sequential questions to a silent store fail a deadline apart: those count each, a moment's crowd once.
        self._breaker = Breaker(settings.breaker, spacing=settings.deadline / 2)
        self._figures = Figures()
        self._connection: RespConnection | None = None
        self._connecting: asyncio.Task[None] | None = None
        self._owed: deque[Batch] = deque()  # in the order of their commands, which is that of the replies
        self._waiting: deque[Batch] = deque()  # in the order of their deadlines
        self._timer: asyncio.TimerHandle | None = None
        self._stall: asyncio.TimerHandle | None = None
        self._pending = 0
        self.use_window(window)

    async def start(self) -> None:
        """Begin to connect; waits for the first attempt, whether it succeeds or not."""
        first = asyncio.Event()
        self._connecting = asyncio.create_task(self._keep_connecting(first))
        await first.wait()

    async def close(self) -> None:
        """End the connection; whoever still waits is told so."""
        if self._connecting is not None:
            self._connecting.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._connecting
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        self._give_up("closed")

    def use_window(self, window: float) -> None:
        """Count attempts over another window from now on (a reload changed the rule); answers that are still owed
        are read with the one that they were asked with."""
        self._questions: tuple[Question, ...] = (
            ConsentQuestion(self._keys),
            ScoreQuestion(self._keys),
            CallerRateQuestion(self._keys, window),
            self._roaming,
        )
        self._plans: dict[frozenset[Need], tuple[Question, ...]] = {}

    @property
    def connected(self) -> bool:
        """Whether the store can be asked."""
        return self._connection is not None and self._connection.usable

    @property
    def breaker_state(self) -> str:
        """closed, open or half_open."""
        return self._breaker.state

    def stats(self) -> dict[str, Any]:
        """Plain numbers for telemetry: `Figures`, and the state of now. pending: replies that the store owes."""
        return {
            **self._figures.plain(),
            "connected": self.connected,
            "breaker": self._breaker.state,
            "breaker_opened": self._breaker.opened,
            "pending": self._pending,
            "pending_limit": self._settings.max_pending,
        }

    # -- asking -----------------------------------------------------------------------------------------------

    def submit(self, batch: list[tuple[int, Call, frozenset[Need]]], deliver: Deliver) -> None:
        """Ask about all calls of a turn. `deliver` is called once a ticket: with facts, or with why there are none.

        It may be called before this returns: for calls that nothing can be asked about now.
        """
        loop = asyncio.get_running_loop()
        now = loop.time()
        self._figures.asked += len(batch)
        if not self._breaker.allows(now):
            self._refuse(batch, deliver, "breaker_open")
            return
        connection = self._connection
        if connection is None or not connection.usable:
            self._breaker.failed(now)
            self._refuse(batch, deliver, "unreachable")
            return
        if self._pending >= self._settings.max_pending:
            self._refuse(batch, deliver, "overloaded")
            return
        commands: list[bytes] = []
        asks, expected = self._asks(batch, deliver, commands)
        if not asks:
            return
        sent = Batch(asks, deliver, expected, now, now + self._settings.deadline)
        self._pending += expected
        self._figures.batches += 1
        self._owed.append(sent)
        self._waiting.append(sent)
        if self._timer is None:
            self._timer = loop.call_at(sent.due, self._tick)
        connection.write(b"".join(commands))

    def _asks(
        self, batch: list[tuple[int, Call, frozenset[Need]]], deliver: Deliver, commands: list[bytes]
    ) -> tuple[list[Ask], int]:
        """The calls that were asked about, and how many replies their commands bring."""
        asks: list[Ask] = []
        expected = 0
        for ticket, call, needs in batch:
            facts = Facts()
            asked = self._plans.get(needs)
            if asked is None:
                asked = self._plans[needs] = tuple([each for each in self._questions if each.need in needs])
            for question in asked:
                command = question.commands(call)
                if command:
                    commands.append(command)
                    expected += question.replies
                else:
                    fact = question.absent(call)
                    setattr(facts, question.need, fact)
                    if type(fact) is Unknown:
                        self._figures.missed(fact.reason)
                    asked = tuple([each for each in asked if each is not question])
            if asked:
                asks.append((ticket, call, facts, asked))
            else:
                _hand_over(deliver, ticket, facts)
        return asks, expected

    def _refuse(self, batch: list[tuple[int, Call, frozenset[Need]]], deliver: Deliver, reason: str) -> None:
        unknown = Unknown(reason)
        for ticket, _, needs in batch:
            facts = Facts()
            for need in needs:
                setattr(facts, need, unknown)
            self._figures.missed(reason, len(needs))
            _hand_over(deliver, ticket, facts)

    # -- answers ----------------------------------------------------------------------------------------------

    def _reply(self, reply: object) -> None:
        owed = self._owed
        if not owed:
            # More replies than questions: from here on answers would go to the wrong calls.
            if self._connection is not None:
                self._connection.sever()
            return
        batch = owed[0]
        batch.replies.append(reply)
        if len(batch.replies) == batch.expected:
            owed.popleft()
            self._pending -= batch.expected
            self._complete(batch)

    def _complete(self, batch: Batch) -> None:
        self._figures.took(asyncio.get_running_loop().time() - batch.since, batch.calls)
        if batch.asks:
            self._breaker.succeeded()
            self._answer(batch, "")
        else:
            self._figures.late += 1

    def _tick(self) -> None:
        """One timer for all: the oldest batch that waits decides when it is wound next."""
        self._timer = None
        loop = asyncio.get_running_loop()
        now = loop.time()
        waiting = self._waiting
        # What is due in a moment is due now: a timer may come early by the clock's resolution.
        while waiting and (not waiting[0].asks or waiting[0].due <= now + 0.0005):
            batch = waiting.popleft()
            if batch.asks:
                self._breaker.failed(now)
                self._answer(batch, "deadline")
        if waiting:
            self._timer = loop.call_at(waiting[0].due, self._tick)
        if self._owed and self._stall is None:
            self._stall = loop.call_at(self._owed[0].since + STALLED, self._look_for_stall, self._owed[0])

    def _look_for_stall(self, oldest: Batch) -> None:
        """The store owes the same reply as when this was wound: a new connection may do better."""
        self._stall = None
        if self._owed and self._owed[0] is oldest and self._connection is not None:
            self._connection.sever()

    def _answer(self, batch: Batch, reason: str) -> None:
        """Deliver to every ticket: facts as far as the replies reach, `reason` behind that."""
        asks, batch.asks = batch.asks, ()
        figures = self._figures
        replies = batch.replies
        end = 0
        for ticket, call, facts, asked in asks:
            whole = came = True
            for question in asked:
                at = end
                end += question.replies
                if end <= len(replies):
                    fact = question.fact(call, replies, at)
                    if type(fact) is Unknown:
                        whole = False
                        figures.errors += 1
                        figures.missed(fact.reason)
                else:
                    whole = came = False
                    fact = Unknown(reason)
                    figures.missed(reason)
                setattr(facts, question.need, fact)
            figures.answered += whole
            figures.deadline_misses += reason == "deadline" and not came
            _hand_over(batch.deliver, ticket, facts)

    def _give_up(self, reason: str) -> None:
        """Nobody will answer what is owed."""
        owed, self._owed = self._owed, deque()
        self._waiting.clear()
        self._pending = 0
        for handle in (self._timer, self._stall):
            if handle is not None:
                handle.cancel()
        self._timer = self._stall = None
        for batch in owed:
            self._answer(batch, reason)

    # -- connection -------------------------------------------------------------------------------------------

    async def _keep_connecting(self, first: asyncio.Event) -> None:
        pause = _FIRST_PAUSE
        told = ""
        before = False
        while True:
            lost = asyncio.Event()
            try:
                self._connection = await RespConnection.connect(
                    self._address, self._settings.connect_timeout, self._reply, lost.set
                )
            except StoreError as error:
                if str(error) != told:  # an outage is one line, not one an attempt
                    told = str(error)
                    _log.warning("store not connected", why=told)
                first.set()
                # Many nodes lost the same store at once: they do not come back at once.
                await asyncio.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311 - no secret
                pause = min(2 * pause, self._settings.reconnect_max)
                continue
            self._figures.reconnects += before
            before = True
            first.set()
            self._breaker.revived()
            _log.info("store connected")
            pause, told = _FIRST_PAUSE, ""
            await lost.wait()
            self._connection = None
            self._breaker.failed(asyncio.get_running_loop().time())
            _log.warning("store connection lost")
            self._give_up("unreachable")


def _hand_over(deliver: Deliver, ticket: int, facts: Facts) -> None:
    """One receiver's bug must not keep the others' facts from them."""
    try:
        deliver(ticket, facts)
    except Exception:
        _log.exception("facts were not taken")
