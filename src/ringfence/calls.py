"""What serves calls in one process: sockets, engine, look-ups and records; the daemon itself, or one of its workers."""

from __future__ import annotations

import asyncio
import random
import secrets
import time
from contextlib import AsyncExitStack
from functools import partial
from typing import Any, NamedTuple, Protocol

from pydantic import ValidationError

from ringfence import collector
from ringfence.config.keys import route_key, store_keys
from ringfence.config.load import Bundle
from ringfence.control.dialled import CHANNEL as VOICE_CHANNEL
from ringfence.control.dialled import DialledRefusals
from ringfence.control.question import Question
from ringfence.engine.engine import Engine
from ringfence.engine.policy import Policy
from ringfence.engine.state import State
from ringfence.engine.trail import Recording
from ringfence.errors import RingfenceError
from ringfence.explaining import explained
from ringfence.explaining.live import filled, lacking
from ringfence.forwarding.gateways import build_groups
from ringfence.ledger.ledger import MAX_KEPT, MAX_MADE
from ringfence.lookups import IndexView, IndexWatch, Lookups, Resolver, StoreError, roaming_service, store_place
from ringfence.lookups.roaming_http import WithRoaming
from ringfence.mirror.mirror import COPIES
from ringfence.mirror.source import Source
from ringfence.mirror.tap import Tap
from ringfence.records.place import folder_of, spool_of
from ringfence.records.recorder import Recorder
from ringfence.records.spool import Spool
from ringfence.runner import Runner
from ringfence.screening import NOT_ASKED, Call, Facts, Intake, Need, Pipeline
from ringfence.telemetry.snapshot import GatewayState, Node, Snapshot, Table, snapshot
from ringfence.transport.transports import Transports
from ringfence.voice.lines import build_lines

QUIET = 1000  # transactions below which a full garbage collection takes a few milliseconds
INDEX_PATIENCE = 30.0  # seconds that a starting daemon says so for the sake of its consent index
_dice = random.SystemRandom().random


class Seat(NamedTuple):
    """Which worker this process is, from 1 on, and of how many; 1 of 1 is a daemon without workers."""

    number: int = 1
    of: int = 1


ALONE = Seat()


class Health(NamedTuple):
    """reasons: why calls should go elsewhere. warnings: what is amiss while they are served: a store that is gone or a
    fault in a file hits all nodes at once, and must not take them all away."""

    reasons: list[str]
    warnings: list[str]


class Served(Protocol):
    """Calls as the daemon has them served: in its own process, or by workers."""

    async def open(self, bundle: Bundle) -> None:
        """Serve calls by these settings from now on. Raises RingfenceError where that cannot be."""
        ...

    async def adopt(self, bundle: Bundle) -> None:
        """Put a new generation in force for calls to come."""
        ...

    async def health(self) -> Health:
        """How it stands with them at this moment."""
        ...

    async def snapshot(self, node: Node) -> Snapshot:
        """What was counted. Raises RingfenceError before they are served."""
        ...

    async def explain(self, asked: dict[str, Any]) -> dict[str, Any]:
        """What would become of a call that came now: by the policy in force, with the facts that it would get.

        Raises RingfenceError for what is no question.
        """
        ...

    async def renew_certificates(self) -> None:
        """Read the certificate files of all TLS listeners again. Raises RingfenceError."""
        ...

    async def copy(self, share: float | None) -> None:
        """Hand copies of this share of the calls to the copying process from now on; None: of none."""
        ...

    def ports(self) -> list[int]:
        """What each listener is bound to, in the order of the settings; known once calls are served."""
        ...

    async def drain(self) -> None:
        """Take no new calls, emergency calls excepted."""
        ...

    async def busy(self) -> bool:
        """Whether calls are being set up."""
        ...

    async def close(self) -> None:
        """End."""
        ...


def policy_of(bundle: Bundle) -> Policy:
    """What the engine needs of one generation."""
    settings = bundle.settings
    return Policy(
        bundle.generation,
        settings.sip,
        bundle.ledger,
        bundle.pipeline,
        Intake(bundle.numbering),
        settings.screening.tagging,
        build_groups(settings.gateways),
        build_lines(settings.voice.lines, bundle.numbering),
        settings.screening.retry_after,
    )


def needs_index(bundle: Bundle) -> bool:
    """Whether calls of any trunk are judged by consent."""
    return any(trunk.marketing for trunk in bundle.ledger.profiles)


class Calls:
    """Calls served in this process. The store is there already.

    transports: not opened yet.
    """

    def __init__(self, transports: Transports, seat: Seat = ALONE) -> None:
        self._transports = transports
        self._seat = seat
        self._started = time.time()
        self._index = IndexView()
        self._recorder: Recorder | None = None
        self._refusals: DialledRefusals | None = None
        self._runner: Runner | None = None
        self._source: Source | None = None
        self._opened = AsyncExitStack()
        self._tidying: asyncio.Task[None] | None = None
        self._bundle: Bundle

    async def open(self, bundle: Bundle) -> None:
        """As `Served.open`."""
        settings = bundle.settings
        self._bundle = bundle
        self._keys = store_keys(settings)
        self._recording = Recording(settings.records.enabled)
        await self._open_lookups(bundle)
        self._recorder = await self._open_records(bundle)
        lookups = self._lookups if self._roaming is None else WithRoaming(self._lookups, self._roaming)
        voice = settings.voice
        if voice.lines:
            channel = settings.data_directory / VOICE_CHANNEL
            self._refusals = DialledRefusals(channel, voice.deadline, voice.max_pending)
            self._opened.push_async_callback(self._refusals.close)
        runner = Runner(self._transports, lookups, self._resolver, self._recorder, self._refusals)
        await self._transports.open(runner.received, runner.unreachable, runner.malformed)
        self._opened.push_async_callback(self._transports.close)
        runner.start(self._engine(bundle))
        self._runner = runner
        self._source = Source(settings.data_directory / COPIES, settings.mirror.buffer_bytes, self._attach)
        self._opened.push_async_callback(self._source.close)
        collector.spare()
        transactions = runner.engine.state.transactions
        self._tidying = asyncio.create_task(
            collector.tidy(lambda: len(transactions) < QUIET, self._transports.left_behind)
        )

    async def _open_lookups(self, bundle: Bundle) -> None:
        settings = bundle.settings
        self._resolver = Resolver(_dice)
        self._place = store_place(settings.redis, settings.data_directory)
        self._roaming = roaming_service(settings.roaming)
        if self._roaming is not None:
            self._opened.push_async_callback(self._roaming.close)
            await self._roaming.start()
        watch = IndexWatch(settings.redis, self._place, self._keys, self._index)
        by_store = settings.roaming.source == "redis"
        self._lookups = Lookups(
            settings.redis, self._place, self._keys, bundle.pipeline.rate_window, self._index, by_store,
            bundle.pipeline.callee_memory, settings.voice.last_caller_kept,
        )  # fmt: skip
        self._opened.push_async_callback(self._lookups.close)
        self._opened.push_async_callback(watch.close)
        await asyncio.gather(self._lookups.start(), watch.start())

    async def _open_records(self, bundle: Bundle) -> Recorder | None:
        settings = bundle.settings
        if not settings.records.enabled:
            return None
        folder, first = spool_of(folder_of(settings.records, settings.data_directory), *self._seat)
        spool = Spool(folder, settings.records, settings.node, first=first)
        await asyncio.to_thread(spool.open)  # a killed writer's segment is read whole, to know where to go on
        recorder = Recorder(spool, self._recording, settings.records.when_full == "refuse")
        recorder.start()
        self._opened.callback(recorder.stop)
        return recorder

    def _engine(self, bundle: Bundle) -> Engine:
        # Branches and tags must not be guessable (RFC 3261 §19.3: 32 bits of randomness at least) nor repeat after a
        # restart.
        salt = secrets.token_hex(5).encode()
        number, workers = self._seat
        state = State(
            self._transports.listeners,
            self._transports.endpoint,
            policy_of(bundle),
            route_key(bundle.settings),
            salt,
            self._recording,
            (number - 1, workers),
        )
        return Engine(state, _dice, time.time() - time.monotonic())

    def ports(self) -> list[int]:
        """As `Served.ports`."""
        return self._transports.ports()

    async def copy(self, share: float | None) -> None:
        """As `Served.copy`. Raises MirrorError where nobody takes them."""
        if self._source is not None:
            await self._source.copy(share)

    def _attach(self, tap: Tap | None) -> None:
        assert self._runner is not None  # the source is made after it
        self._runner.tap = tap
        if self._recorder is not None:
            self._recorder.copy = None if tap is None else tap.recorded

    async def adopt(self, bundle: Bundle) -> None:
        """As `Served.adopt`."""
        assert self._runner is not None  # nobody can ask before it serves
        self._bundle = bundle
        self._lookups.use_windows(bundle.pipeline.rate_window, bundle.pipeline.callee_memory)
        self._runner.adopt(policy_of(bundle))

    async def renew_certificates(self) -> None:
        """As `Served.renew_certificates`."""
        self._transports.renew_certificates()

    async def drain(self) -> None:
        """As `Served.drain`."""
        if self._runner is not None:
            self._runner.engine.draining = True

    async def busy(self) -> bool:
        """As `Served.busy`."""
        return self._runner is not None and self._runner.engine.busy

    async def close(self) -> None:
        """As `Served.close`: stop keeping time, then close whatever was opened: sockets, records, look-ups."""
        if self._tidying is not None:
            self._tidying.cancel()
        if self._runner is not None:
            await self._runner.stop()
        await self._opened.aclose()

    # -- telling ----------------------------------------------------------------------------------------------

    async def explain(self, asked: dict[str, Any]) -> dict[str, Any]:
        """As `Served.explain`."""
        try:
            question = Question.model_validate(asked)
        except ValidationError as error:
            raise RingfenceError(f"no question: {error.errors(include_url=False)[0]['msg']}") from None
        bundle = self._bundle
        return await explained(bundle, question, NOT_ASKED, partial(self._facts, bundle.pipeline))

    async def _facts(self, pipeline: Pipeline, call: Call, given: Facts, needs: frozenset[Need]) -> Facts:
        """Read on a connection of its own, counting nothing; a store that no call could ask now is not asked."""
        if self._lookups.breaker_state == "open":
            return lacking(given, needs, "breaker_open")
        if not self._lookups.connected:
            return lacking(given, needs, "unreachable")
        try:
            roaming = self._bundle.settings.roaming
            return await filled(call, given, needs, self._keys, pipeline, self._place, roaming)
        except StoreError:
            return lacking(given, needs, "unreachable")

    async def health(self) -> Health:
        """As `Served.health`."""
        if self._runner is None:
            return Health(["starting"], [])
        reasons: list[str] = []
        warnings = self._store_warnings()
        if self._awaits_index():
            reasons.append("starting: the consent index is not built yet")
        groups = self._runner.engine.state.policy.groups
        dead = [name for name, group in groups.items() if not any(each.answers for each in group.gateways)]
        told = [f"no gateway of group {name} answers" for name in dead]
        (reasons if len(dead) == len(groups) else warnings).extend(told)
        now = time.monotonic()
        for name in groups.keys() - dead:
            if not any(each.usable(now) for each in groups[name].gateways):
                warnings.append(f"every gateway of group {name} failed a call lately")
        if self._recorder is not None:
            (reasons if self._recording.full else warnings).extend(self._recorder.reasons())
        if self._refusals is not None and self._refusals.failing:
            warnings.append(f"a refusal by dialling was not recorded: {self._refusals.failing}")
        return Health(reasons, warnings)

    def _awaits_index(self) -> bool:
        """Whether this daemon has just started and will have a consent index in a moment."""
        return (
            not self._index.changes
            and needs_index(self._bundle)
            and self._lookups.connected
            and time.time() - self._started < INDEX_PATIENCE
        )

    def _store_warnings(self) -> list[str]:
        effect = "marketing calls are refused, others are judged without score and rate"
        if not self._lookups.connected:
            return [f"the store is not connected: {effect}"]
        if self._lookups.breaker_state != "closed":
            return [f"the store does not answer in time: {effect}"]
        if self._index.generation is None and needs_index(self._bundle):
            return [f"no consent index is believed ({self._index.unknown.reason}): marketing calls are refused"]
        return []

    async def snapshot(self, node: Node) -> Snapshot:
        """As `Served.snapshot`."""
        if self._runner is None:
            raise RingfenceError("starting")
        engine = self._runner.engine
        state = engine.state
        return snapshot(
            **node,
            generation=state.policy.generation,
            counters=state.counters,
            tables=_tables(engine) + _waiting(self._refusals),
            gateways=_gateways(state.policy, time.monotonic()),
            lookups=self._lookups.stats() | ({} if self._roaming is None else {"roaming": self._roaming.stats()}),
            transports=self._transports.stats(),
            loop_lag=self._runner.lag.plain(),
            rule_faults=state.policy.pipeline.faults,
            resolver=self._resolver.stats(),
            faults=self._runner.faults,
            records=None if self._recorder is None else self._recorder.stats(),
            mirror=None if self._source is None else self._source.stats(),
        )


def _tables(engine: Engine) -> list[Table]:
    state = engine.state
    ledger = state.policy.ledger
    limits = state.policy.sip.limits
    return [
        {
            "name": "transactions",
            "size": len(state.transactions),
            "limit": state.transactions.limit,
            "shed": state.transactions.shed,
        },
        {"name": "dialogs", "size": len(state.dialogs), "limit": state.dialogs.limit, "shed": state.dialogs.shed},
        {"name": "screening", "size": len(engine.screen), "limit": state.transactions.limit, "shed": 0},
        {"name": "resolving", "size": len(engine.inside), "limit": limits.resolving, "shed": engine.inside.shed},
        {"name": "ledger_trunks", "size": ledger.made, "limit": MAX_MADE, "shed": ledger.shed_trunks},
        {"name": "ledger_standings", "size": len(ledger.kept), "limit": MAX_KEPT, "shed": ledger.shed_standings},
    ]


def _waiting(refusals: DialledRefusals | None) -> list[Table]:
    if refusals is None:
        return []
    return [{"name": "dialled_refusals", "size": len(refusals), "limit": refusals.limit, "shed": refusals.shed}]


def _gateways(policy: Policy, now: float) -> list[GatewayState]:
    rows: list[GatewayState] = []
    for group in policy.groups.values():
        for gateway in group.gateways:
            state: Any = "up"
            if not gateway.endpoints:
                state = "unresolved"
            elif gateway.probed_dead:
                state = "down"
            elif now < gateway.held_until:
                state = "held"
            rows.append({"name": gateway.name, "group": group.name, "state": state})
    return rows
