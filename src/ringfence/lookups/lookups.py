"""All questions of a turn to the store in one write a server, under one deadline; every ticket is answered once."""

from __future__ import annotations

import asyncio
import contextlib
from time import monotonic
from typing import Any

import structlog

from ringfence.lookups.callee_calls import CalleeCallReport, CalleeCallsQuestion
from ringfence.lookups.caller_rate import CallerRateQuestion
from ringfence.lookups.consent import ConsentQuestion
from ringfence.lookups.errors import StoreError
from ringfence.lookups.figures import LATENCY_BOUNDS, Figures
from ringfence.lookups.keys import Keys
from ringfence.lookups.last_caller import LastCallerReport
from ringfence.lookups.node import Node
from ringfence.lookups.questions import Fact, Question
from ringfence.lookups.redirect import Redirected, elsewhere, placed
from ringfence.lookups.resp import Address, ClusterPlace, Place, SentinelPlace
from ringfence.lookups.roaming import NoRoamingCheck, RoamingQuestion
from ringfence.lookups.score import ScoreQuestion
from ringfence.lookups.settings import RedisSettings
from ringfence.lookups.share import REPORT, Ask, Deliver, Item, Share
from ringfence.lookups.slots import SLOTS, slot_of_command
from ringfence.lookups.topology import master_of, slots_of
from ringfence.lookups.view import IndexView
from ringfence.screening import Call, CalleeMemory, Facts, Need, Unknown

__all__ = ["LATENCY_BOUNDS", "Deliver", "Lookups"]

LOOK_AGAIN = 10.0  # seconds between looks at a cluster that gave no reason for one
SENTINEL_LOOK = 1.0  # seconds between questions to the Sentinels: a fail-over takes them several
HELD = 0.001  # seconds that what the store is told waits for a question to go with: a wake-up less
_LEAST_PAUSE = 0.1  # seconds between two looks at a cluster, whatever it gives reason for
_UNREACHABLE = "unreachable"
_NO_MEMORY = CalleeMemory(0, 0.0)

Asked = tuple[int, Call, tuple[Question, ...]]
"""A ticket, and the questions about a call."""
_log = structlog.get_logger(__name__)


class Lookups:
    """The store as the call path sees it: one server, or those of a cluster."""

    def __init__(
        self,
        settings: RedisSettings,
        place: Place,
        keys: Keys,
        window: float,
        view: IndexView | None = None,
        roaming: bool = True,
        memory: CalleeMemory = _NO_MEMORY,
        callers_kept: float = 3600.0,
    ) -> None:
        """window: seconds over which a caller's attempts are counted. view: which index is believed.
        roaming: the store knows who is abroad. memory: what is remembered of a holder's calls to a callee.
        callers_kept: seconds for which a callee's last marketing caller is kept, see `note_callers`."""
        self._roaming: Question = RoamingQuestion(keys) if roaming else NoRoamingCheck()
        self._last_callers: tuple[Question, ...] = (LastCallerReport(keys, callers_kept),)
        self._settings = settings
        self._place = place
        self._keys = keys
        self._view = view or IndexView()
        self._figures = Figures()
        self._only: Node | None = None
        self._nodes: dict[Address, Node] = {}  # of a cluster
        self._slots: list[Node | None] = []  # of a cluster: whose each slot is
        self._held: list[tuple[list[Asked], Deliver]] = []
        self._telling: asyncio.TimerHandle | None = None
        self._learning: asyncio.Task[None] | None = None
        self._learn = asyncio.Event()
        if not isinstance(place, ClusterPlace):
            self._only = Node(settings, self._where, self._figures, self._answer)
        self.use_windows(window, memory)

    async def start(self) -> None:
        """Begin to connect; waits for the first attempt, whether it succeeds or not."""
        if self._only is not None:
            await self._only.start()
            if isinstance(self._place, SentinelPlace):
                self._learning = asyncio.create_task(self._follow_sentinels(self._place, self._only))
            return
        first = asyncio.Event()
        self._learning = asyncio.create_task(self._follow_cluster(first))
        await first.wait()

    async def close(self) -> None:
        """End all connections; whoever still waits is told so."""
        self._tell()
        if self._learning is not None:
            self._learning.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._learning
        for node in self._every():
            await node.close("closed")
        self._slots = [None] * len(self._slots)

    def use_windows(self, window: float, memory: CalleeMemory) -> None:
        """Count attempts and remember calls over other times from now on (a reload changed the rules); answers that
        are still owed are read with what they were asked with."""
        self._questions: tuple[Question, ...] = (
            ConsentQuestion(self._view),
            ScoreQuestion(self._keys),
            CallerRateQuestion(self._keys, window),
            CalleeCallsQuestion(self._keys, memory),
            self._roaming,
        )
        self._report: tuple[Question, ...] = (CalleeCallReport(self._keys, memory),)
        self._plans: dict[frozenset[Need], tuple[Question, ...]] = {}

    @property
    def connected(self) -> bool:
        """Whether the whole store can be asked."""
        nodes = self._every()
        return bool(nodes) and all(node.connected for node in nodes)

    @property
    def breaker_state(self) -> str:
        """closed, open or half_open: of the server that is worst off."""
        states = {node.breaker.state for node in self._every()}
        return next((state for state in ("open", "half_open") if state in states), "closed")

    def stats(self) -> dict[str, Any]:
        """Plain numbers for telemetry: `Figures`, and the state of now. pending: replies that the store owes.

        servers: how many it has. index_*: whether a consent index is believed, and which.
        """
        nodes = self._every()
        view = self._view
        return {
            **self._figures.plain(),
            "connected": self.connected,
            "breaker": self.breaker_state,
            "breaker_opened": sum(node.breaker.opened for node in nodes),
            "pending": sum(node.pending for node in nodes),
            "pending_limit": self._settings.max_pending * max(len(nodes), 1),
            "servers": len(nodes),
            "index_believed": view.generation is not None,
            "index_changes": view.changes,
            "index_pairs": view.pairs,
            "index_built": view.built,
        }

    def _every(self) -> list[Node]:
        return [self._only] if self._only is not None else list(self._nodes.values())

    # -- command -----------------------------------------------------------------------------------------------

    def submit(self, batch: list[tuple[int, Call, frozenset[Need]]], deliver: Deliver) -> None:
        """Ask about all calls of a turn. `deliver` is called once a ticket: with facts, or with why there are none.

        It may be called before this returns: for calls that nothing can be asked about now.
        """
        self._figures.asked += len(batch)
        # Before these questions: another call to the same callee is to see what was forwarded.
        self._tell()
        self._send([(ticket, call, self._questions_for(needs)) for ticket, call, needs in batch], deliver)

    def remember(self, calls: list[Call]) -> None:
        """Count forwarded calls for their callees, within HELD; those that the store does not take are forgotten, and
        counted so."""
        self._figures.remembered += len(calls)
        self._hold([(REPORT, call, self._report) for call in calls], self._remembered)

    def note_callers(self, calls: list[Call]) -> None:
        """Keep whose marketing call reached each callee last, within HELD; what the store does not take is counted as
        lost."""
        self._hold([(REPORT, call, self._last_callers) for call in calls], self._noted)

    def _hold(self, batch: list[Asked], deliver: Deliver) -> None:
        self._held.append((batch, deliver))
        if self._telling is None:
            self._telling = asyncio.get_running_loop().call_later(HELD, self._tell)

    def _tell(self) -> None:
        if self._telling is not None:
            self._telling.cancel()
            self._telling = None
        held, self._held = self._held, []
        for batch, deliver in held:
            self._send(batch, deliver)

    def _noted(self, _: int, facts: Facts) -> None:
        self._figures.callers_lost += isinstance(facts.callee_calls, Unknown)

    def _remembered(self, _: int, facts: Facts) -> None:
        self._figures.forgotten += isinstance(facts.callee_calls, Unknown)

    def _send(self, batch: list[Asked], deliver: Deliver) -> None:
        now = monotonic()
        node = self._only
        if node is None:
            self._send_to_cluster(batch, deliver, now)
            return
        refusal = node.refuses(now) if batch else ""
        if refusal:
            self._refuse(batch, deliver, refusal)
            return
        commands: list[bytes] = []
        items, expected = self._items(batch, deliver, commands)
        if items:
            self._figures.batches += 1
            node.send(Share(items, expected, now, now + self._settings.deadline), b"".join(commands))

    def _items(self, batch: list[Asked], deliver: Deliver, commands: list[bytes]) -> tuple[list[Item], int]:
        """The calls that were asked about, and how many replies their commands bring."""
        items: list[Item] = []
        expected = 0
        for ticket, call, asked in batch:
            ask = Ask(ticket, call, deliver)
            owed = asked
            for question in asked:
                command = question.commands(call)
                if isinstance(command, bytes):
                    commands.append(command)
                    expected += question.replies
                else:
                    self._not_asked(ask, question, command)
                    owed = tuple([each for each in owed if each is not question])
            if owed:
                ask.left = 1
                items.append((ask, owed))
            else:
                _hand_over(ask)
        return items, expected

    def _questions_for(self, needs: frozenset[Need]) -> tuple[Question, ...]:
        asked = self._plans.get(needs)
        if asked is None:
            asked = self._plans[needs] = tuple([each for each in self._questions if each.need in needs])
        return asked

    def _not_asked(self, ask: Ask, question: Question, fact: Fact) -> None:
        setattr(ask.facts, question.need, fact)
        if type(fact) is Unknown:
            self._missed(ask, fact.reason)

    def _missed(self, ask: Ask, reason: str) -> None:
        if ask.ticket != REPORT:  # what is told has no fact to miss: `_remembered` counts it
            self._figures.missed(reason)

    def _refuse(self, batch: list[Asked], deliver: Deliver, reason: str) -> None:
        unknown = Unknown(reason)
        for ticket, call, asked in batch:
            ask = Ask(ticket, call, deliver)
            for question in asked:
                self._not_asked(ask, question, unknown)
            _hand_over(ask)

    def _send_to_cluster(self, batch: list[Asked], deliver: Deliver, now: float) -> None:
        """Each question goes to the server that has its slot: one share and one write a server."""
        shares: dict[Node, tuple[Share, list[bytes]]] = {}
        refused: dict[Node | None, str] = {None: _UNREACHABLE}
        for ticket, call, asked in batch:
            ask = Ask(ticket, call, deliver)
            for question in asked:
                command = question.commands(call)
                if not isinstance(command, bytes):
                    self._not_asked(ask, question, command)
                    continue
                node = self._slots[slot_of_command(command)] if self._slots else None
                if node not in shares and node not in refused:
                    assert node is not None
                    reason = node.refuses(now)
                    if reason:
                        refused[node] = reason
                        self._learn.set()
                    else:
                        shares[node] = (Share([], 0, now, now + self._settings.deadline), [])
                if node in refused:
                    self._not_asked(ask, question, Unknown(refused[node]))
                    continue
                assert node is not None
                share, commands = shares[node]
                commands.append(command)
                share.expected += question.replies
                ask.left += 1
                share.items.append((ask, (question,)))  # type: ignore[union-attr]
            if not ask.left:
                _hand_over(ask)
        for node, (share, commands) in shares.items():
            share.calls = len(share.items)
            self._figures.batches += 1
            node.send(share, b"".join(commands))

    # -- answers ----------------------------------------------------------------------------------------------

    def _answer(self, share: Share, reason: str) -> None:
        """Fill in facts as far as the replies reach, `reason` behind that; deliver those that are complete."""
        items, share.items = share.items, ()
        figures = self._figures
        replies = share.replies
        end = 0
        for ask, asked in items:
            ask.left -= 1
            for question in asked:
                at = end
                end += question.replies
                if end <= len(replies):
                    fact = question.fact(ask.call, replies, at)
                    if type(fact) is Unknown:
                        if self._only is None and self._redirect(share, ask, question, replies[at:end]):
                            continue
                        ask.whole = False
                        figures.errors += 1
                        self._missed(ask, fact.reason)
                else:
                    ask.whole = False
                    ask.overdue = ask.overdue or reason == "deadline"
                    fact = Unknown(reason)
                    self._missed(ask, reason)
                setattr(ask.facts, question.need, fact)
            if not ask.left:
                if ask.ticket != REPORT:
                    figures.answered += ask.whole
                    figures.deadline_misses += ask.overdue
                _hand_over(ask)

    def _redirect(self, share: Share, ask: Ask, question: Question, replies: list[object]) -> bool:
        """Ask elsewhere what was redirected, once, under the first deadline; False when that cannot be."""
        found = next((one for one in map(elsewhere, replies) if one is not None), None)
        if found is None or type(question) is Redirected:
            return False
        self._learn.set()
        now = monotonic()
        before = self._slots[found.slot]
        if before is None or before.address is None:
            return False
        node = self._nodes.get(placed(found, before.address))
        if node is None or node.refuses(now):
            return False
        command = question.commands(ask.call)
        if not isinstance(command, bytes):
            return False
        if found.moved:
            self._slots[found.slot] = node
        again = Redirected(question, command, replies)
        self._figures.redirects += 1
        ask.left += 1
        node.send(Share([(ask, (again,))], again.replies, now, share.due), again.data)
        return True

    # -- where the servers are --------------------------------------------------------------------------------

    async def _where(self) -> Address:
        if isinstance(self._place, SentinelPlace):
            return await master_of(self._place, self._settings.connect_timeout)
        assert isinstance(self._place, Address)
        return self._place

    async def _follow_sentinels(self, place: SentinelPlace, node: Node) -> None:
        """Leave a master that is none any more: a partitioned one would still take our questions."""
        while True:
            await asyncio.sleep(SENTINEL_LOOK)
            try:
                address = await master_of(place, self._settings.connect_timeout)
            except StoreError:
                continue  # who cannot ask keeps what works
            if node.connected and node.address != address:
                _log.warning("the store's master changed", server=str(address))
                node.sever()

    async def _follow_cluster(self, first: asyncio.Event) -> None:
        told = ""
        assert isinstance(self._place, ClusterPlace)
        while True:
            self._learn.clear()
            try:
                known = [node.address for node in self._nodes.values() if node.connected and node.address is not None]
                slots = await slots_of(self._place, known, self._settings.connect_timeout)
                await self._adopt(slots)
                told = ""
            except StoreError as error:
                if str(error) != told:
                    told = str(error)
                    _log.warning("the cluster cannot be read", why=told)
            first.set()
            await asyncio.sleep(_LEAST_PAUSE)
            pause = LOOK_AGAIN if not told else min(1.0, LOOK_AGAIN)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._learn.wait()

    async def _adopt(self, slots: list[tuple[int, int, Address]]) -> None:
        """Take over a map: connect to servers that are new, then ask by it, then leave those that have no slot."""
        masters = {address for _, _, address in slots}
        fresh: dict[Address, Node] = {}
        for address in masters - self._nodes.keys():
            fresh[address] = Node(self._settings, _always(address), self._figures, self._answer)
        if fresh:
            _log.info("servers of the cluster", now=len(masters), new=len(fresh))
        await asyncio.gather(*[node.start() for node in fresh.values()])
        self._nodes |= fresh
        table: list[Node | None] = [None] * SLOTS
        for begin, end, address in slots:
            table[begin : end + 1] = [self._nodes[address]] * (end + 1 - begin)
        self._slots = table
        for address in self._nodes.keys() - masters:
            await self._nodes.pop(address).close(_UNREACHABLE)


def _always(address: Address) -> Any:
    async def where() -> Address:
        return address

    return where


def _hand_over(ask: Ask) -> None:
    """One receiver's bug must not keep the others' facts from them."""
    try:
        ask.deliver(ask.ticket, ask.facts)
    except Exception:
        _log.exception("facts were not taken")
