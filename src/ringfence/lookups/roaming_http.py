"""The roaming check asked of a service of the carrier's own, by HTTP: an HLR, a signalling probe, a shared register.

POST to one URL with `{"number": "+8613800138000"}`; the answer is 200 with `{"roaming": true}` or false. The number
stands in no URL, as those are logged everywhere.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from time import monotonic
from typing import TYPE_CHECKING, Any

import orjson
import structlog

from ringfence.lookups.breaker import Breaker
from ringfence.lookups.roaming import NOT_ABROAD, concerns
from ringfence.lookups.settings import RoamingSettings
from ringfence.screening import Call, Facts, Need, Roaming, Unknown

if TYPE_CHECKING:
    from aiohttp import ClientSession

    from ringfence.lookups.lookups import Deliver, Lookups

MOST_BYTES = 4096  # of an answer; two words are expected
_log = structlog.get_logger(__name__)


class RoamingService:
    """Asks one service, never longer than the deadline and never more at once than `max_pending`."""

    def __init__(self, settings: RoamingSettings, token: str | None) -> None:
        """settings: with a url. token: of the Authorization header, None for none."""
        assert settings.url is not None
        self._settings = settings
        self._url = settings.url
        self._token = token
        # Calls of one moment fail together and have failed once.
        self._breaker = Breaker(settings.breaker, spacing=settings.deadline / 2)
        self._session: ClientSession | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._asked = self._answered = self._shed = 0
        self._unknown: dict[str, int] = {}

    async def start(self) -> None:
        """Make ready to ask; nothing is connected before the first question."""
        # 150 ms of import: only where somebody asks by HTTP.
        from aiohttp import ClientSession, ClientTimeout, TCPConnector

        context: Any = True
        if self._settings.ca is not None:
            context = ssl.create_default_context(cafile=str(self._settings.ca))
        self._session = ClientSession(
            connector=TCPConnector(limit=self._settings.connections, ssl=context),
            timeout=ClientTimeout(total=self._settings.deadline),
            headers={"Authorization": f"Bearer {self._token}"} if self._token else {},
            trust_env=False,
            auto_decompress=False,
        )

    async def close(self) -> None:
        """Let go of everything; whoever still waits is told nothing more."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._session is not None:
            await self._session.close()

    def ask(self, number: str, deliver: Callable[[Roaming | Unknown], None]) -> None:
        """Ask about a number in E.164; `deliver` is called exactly once, maybe before this returns."""
        self._asked += 1
        if self._session is None:
            deliver(self._missed("closed"))
            return
        if len(self._tasks) >= self._settings.max_pending:
            self._shed += 1
            deliver(self._missed("overloaded"))
            return
        if not self._breaker.allows(monotonic()):
            deliver(self._missed("breaker_open"))
            return
        task = asyncio.get_running_loop().create_task(self._answer(number, deliver))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def stats(self) -> dict[str, Any]:
        """Plain numbers for telemetry. unknown: questions without an answer, by reason."""
        return {
            "asked": self._asked,
            "answered": self._answered,
            "shed": self._shed,
            "pending": len(self._tasks),
            "pending_limit": self._settings.max_pending,
            "breaker": self._breaker.state,
            "breaker_opened": self._breaker.opened,
            "unknown": dict(self._unknown),
        }

    def _missed(self, reason: str) -> Unknown:
        self._unknown[reason] = self._unknown.get(reason, 0) + 1
        return Unknown(reason)

    async def _answer(self, number: str, deliver: Callable[[Roaming | Unknown], None]) -> None:
        try:
            fact = await self._fact(number)
        except asyncio.CancelledError:
            deliver(self._missed("closed"))
            raise
        try:
            deliver(fact)
        except Exception:
            _log.exception("a roaming answer was not taken")

    async def _fact(self, number: str) -> Roaming | Unknown:
        from aiohttp import ClientError

        assert self._session is not None
        reason = "wrong_reply"
        try:
            async with self._session.post(self._url, json={"number": number}, allow_redirects=False) as response:
                if response.status == 200:
                    fact = _read(await response.content.read(MOST_BYTES))
                    if fact is not None:
                        self._breaker.succeeded()
                        self._answered += 1
                        return fact
                else:
                    reason = f"status_{response.status}"
        except TimeoutError:
            reason = "deadline"
        except (ClientError, OSError, ValueError):
            reason = "unreachable"
        self._breaker.failed(monotonic())
        return self._missed(reason)


def _read(body: bytes) -> Roaming | None:
    try:
        answer = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    abroad = answer.get("roaming") if isinstance(answer, dict) else None
    return Roaming(abroad) if isinstance(abroad, bool) else None


class WithRoaming:
    """The look-ups of a turn, with the one that goes to the roaming service beside those that go to the store.

    Each ticket is answered once, when both have come; both keep deadlines of their own.
    """

    def __init__(self, lookups: Lookups, service: RoamingService) -> None:
        self._lookups = lookups
        self._service = service

    def remember(self, calls: list[Call]) -> None:
        """As `Lookups.remember`."""
        self._lookups.remember(calls)

    def note_callers(self, calls: list[Call]) -> None:
        """As `Lookups.note_callers`."""
        self._lookups.note_callers(calls)

    def submit(self, batch: list[tuple[int, Call, frozenset[Need]]], deliver: Deliver) -> None:
        """As `Lookups.submit`."""
        if not any(Need.ROAMING in needs for _, _, needs in batch):
            self._lookups.submit(batch, deliver)
            return
        joins: dict[int, _Join] = {}
        rest: list[tuple[int, Call, frozenset[Need]]] = []
        for ticket, call, needs in batch:
            if Need.ROAMING in needs:
                joins[ticket] = _Join(ticket, deliver)
                needs = needs - {Need.ROAMING}
            if needs:
                rest.append((ticket, call, needs))
            else:
                joins[ticket].stored(Facts())

        def stored(ticket: int, facts: Facts) -> None:
            join = joins.get(ticket)
            if join is None:
                deliver(ticket, facts)
            else:
                join.stored(facts)

        if rest:
            self._lookups.submit(rest, stored)
        for ticket, call, _ in batch:
            join = joins.get(ticket)
            if join is not None:
                if concerns(call):
                    self._service.ask(call.caller.value, join.roamed)
                else:
                    join.roamed(NOT_ABROAD)


class _Join:
    """What one ticket still waits for."""

    __slots__ = ("_deliver", "_facts", "_roaming", "_ticket")

    def __init__(self, ticket: int, deliver: Deliver) -> None:
        self._ticket = ticket
        self._deliver = deliver
        self._facts: Facts | None = None
        self._roaming: Roaming | Unknown | None = None

    def stored(self, facts: Facts) -> None:
        self._facts = facts
        self._finish()

    def roamed(self, roaming: Roaming | Unknown) -> None:
        self._roaming = roaming
        self._finish()

    def _finish(self) -> None:
        if self._facts is not None and self._roaming is not None:
            self._facts.roaming = self._roaming
            self._deliver(self._ticket, self._facts)
