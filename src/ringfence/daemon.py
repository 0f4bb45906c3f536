"""Builds the house, keeps it running, takes it down: settings, store, sockets, control, signals, drain."""

from __future__ import annotations

import asyncio
import random
import secrets
import signal
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import structlog
from pydantic import ValidationError

from ringfence import collector
from ringfence.clickhouse.process import REPORT
from ringfence.clickhouse.process import arguments as arguments_of_feeder
from ringfence.config.files import Files
from ringfence.config.keys import route_key, store_keys
from ringfence.config.ledger_store import Stored, silent
from ringfence.config.load import Bundle, load_bundle
from ringfence.config.reload import Reloader
from ringfence.control.channel import CHANNEL, ChannelServer
from ringfence.control.process import arguments
from ringfence.control.question import Question
from ringfence.control.settings import RegistryPlace, TracePlace
from ringfence.control.supervised import Supervised
from ringfence.engine.engine import Engine
from ringfence.engine.policy import Policy
from ringfence.engine.state import State
from ringfence.engine.trail import Recording
from ringfence.errors import RingfenceError
from ringfence.explaining import explained
from ringfence.explaining.live import filled, lacking
from ringfence.forwarding.gateways import build_groups
from ringfence.index.process import arguments as index_arguments
from ringfence.ledger.build import Progress
from ringfence.ledger.ledger import MAX_KEPT, MAX_MADE
from ringfence.lookups import IndexView, IndexWatch, Lookups, Resolver, StoreError, roaming_service, store_place
from ringfence.lookups.embedded import EmbeddedStore
from ringfence.lookups.roaming_http import RoamingService, WithRoaming
from ringfence.mirror.errors import MirrorError
from ringfence.mirror.mirror import Mirror, Ours
from ringfence.mirror.tap import Tap
from ringfence.records.place import folder_of
from ringfence.records.recorder import Recorder
from ringfence.records.spool import Spool
from ringfence.runner import Runner
from ringfence.screening import NOT_ASKED, Call, Facts, Intake, Need, Pipeline
from ringfence.telemetry.log import configure
from ringfence.telemetry.snapshot import GatewayState, Snapshot, Table, snapshot
from ringfence.transport.transports import Transports
from ringfence.warehouse.process import arguments as arguments_of_indexer

QUIET = 1000  # transactions below which a full garbage collection takes a few milliseconds
INDEX_PATIENCE = 30.0  # seconds that a starting daemon says so for the sake of its consent index
DRAIN_LOOK = 0.1  # seconds between two looks at whether the last call is over
DRAIN_PATIENCE = 32.0  # seconds that a stopping daemon waits for calls being set up: 64*T1, then nobody retransmits
MAX_LATE = 20  # expired certificates and contracts that one load logs
_dice = random.SystemRandom().random
_log = structlog.get_logger(__name__)


def load(path: Path, progress: Progress = silent) -> Reloader:
    """The configuration in force and its successors. progress: told how far a large ledger is. Raises ConfigError."""

    def read(files: Files, generation: int) -> Bundle:
        return load_bundle(path, generation, files, make_ledger=Stored(path, progress=progress))

    return Reloader(read)


def serve(reloader: Reloader, path: Path) -> None:
    """Run until SIGTERM or SIGINT. Raises RingfenceError where it cannot start.

    path: of the settings, as child processes read them again.
    """
    configure(reloader.current.settings.logging)
    asyncio.run(Daemon(reloader, path).run())


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
    )


def needs_index(bundle: Bundle) -> bool:
    """Whether calls of any trunk are judged by consent."""
    return any(trunk.marketing for trunk in bundle.ledger.profiles)


class Daemon:
    """One SIP process with its store and its HTTP process."""

    def __init__(self, reloader: Reloader, path: Path) -> None:
        self._reloader = reloader
        self._path = path
        self._settings = reloader.current.settings
        self._started = time.time()
        self._draining = False
        self._stop = asyncio.Event()
        self._store: EmbeddedStore | None = None
        self._roaming: RoamingService | None = None
        self._control: Supervised | None = None
        self._follower: Supervised | None = None
        self._runner: Runner | None = None
        self._index = IndexView()
        self._recorder: Recorder | None = None
        self._indexer: Supervised | None = None
        self._feeder: Supervised | None = None
        self._fed: dict[str, Any] = {}
        self._mirror: Mirror | None = None
        self._recording = Recording(self._settings.records.enabled)
        self._reload_lock = asyncio.Lock()
        self._reloads: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Start everything, serve until told to stop, stop everything in the opposite order."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._drain)
        settings = self._settings
        self._keys = store_keys(settings)
        if settings.redis.url is None:
            self._store = EmbeddedStore(settings.data_directory / "store", settings.redis.embedded.max_memory_mb)
            await self._store.start()
        try:
            bundle = self._reloader.current
            self._place = store_place(settings.redis, settings.data_directory)
            self._watch_index = IndexWatch(settings.redis, self._place, self._keys, self._index)
            by_store = settings.roaming.source == "redis"
            self._lookups = Lookups(
                settings.redis, self._place, self._keys, bundle.pipeline.rate_window, self._index, by_store,
                bundle.pipeline.callee_memory,
            )  # fmt: skip
            await asyncio.gather(self._lookups.start(), self._watch_index.start())
            self._roaming = roaming_service(settings.roaming)
            if self._roaming is not None:
                await self._roaming.start()
            await self._serve(bundle)
        finally:
            if self._roaming is not None:
                await self._roaming.close()
            if self._store is not None:
                await self._store.stop()

    async def _serve(self, bundle: Bundle) -> None:
        settings = self._settings
        self._transports = Transports(list(settings.listeners))
        channel = ChannelServer(settings.data_directory / CHANNEL, self._commands())
        beside: list[asyncio.Task[None]] = []
        try:
            await channel.open()
            self._resolver = Resolver(_dice)
            self._recorder = await self._open_records()
            lookups = self._lookups if self._roaming is None else WithRoaming(self._lookups, self._roaming)
            runner = Runner(self._transports, lookups, self._resolver, self._recorder)
            await self._transports.open(runner.received, runner.unreachable, runner.malformed)
            runner.start(self._engine(bundle))
            self._runner = runner
            asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, self._reload)
            if settings.control.enabled:
                place = RegistryPlace(
                    settings=settings.registry,
                    data_directory=settings.data_directory.absolute(),
                    numbering=settings.numbering,
                )
                trace = TracePlace(
                    node=settings.node,
                    data_directory=place.data_directory,
                    records=settings.records,
                    trace=settings.trace,
                )
                channel_path = settings.data_directory / CHANNEL
                self._control = Supervised(
                    "control", arguments(settings.control, settings.logging, channel_path, place, trace)
                )
                await self._control.start()
            await self._follow(bundle)
            await self._index_records()
            await self._feed_clickhouse()
            self._mirror = self._make_mirror()
            await self._mirror.open()
            if settings.reload.watch:
                beside.append(asyncio.create_task(self._watch()))
            collector.spare()
            transactions = runner.engine.state.transactions
            beside.append(
                asyncio.create_task(collector.tidy(lambda: len(transactions) < QUIET, self._transports.left_behind))
            )
            _log.info("ready", node=settings.node, generation=bundle.generation, trunks=len(bundle.ledger.trunks))
            _tell_late(bundle)
            await self._stop.wait()
            await self._finish_calls(runner.engine)
            await runner.stop()
        finally:
            for task in beside:
                task.cancel()
            if self._mirror is not None:
                await self._mirror.close()
            for child in (self._control, self._follower, self._indexer, self._feeder):
                if child is not None:
                    await child.stop()
            await channel.close()
            await self._transports.close()
            await self._watch_index.close()
            if self._recorder is not None:
                self._recorder.stop()
            await self._lookups.close()
            _log.info("stopped")

    async def _open_records(self) -> Recorder | None:
        settings = self._settings
        if not settings.records.enabled:
            return None
        spool = Spool(folder_of(settings.records, settings.data_directory), settings.records, settings.node)
        await asyncio.to_thread(spool.open)  # a killed writer's segment is read whole, to know where to go on
        recorder = Recorder(spool, self._recording, settings.records.when_full == "refuse")
        recorder.start()
        return recorder

    async def _index_records(self) -> None:
        settings = self._settings
        if settings.records.enabled and settings.records.index:
            folder = folder_of(settings.records, settings.data_directory)
            self._indexer = Supervised(
                "warehouse", arguments_of_indexer(folder, settings.records.retention, settings.logging)
            )
            await self._indexer.start()

    async def _feed_clickhouse(self) -> None:
        settings = self._settings
        if settings.records.enabled and settings.clickhouse.url is not None:
            folder = folder_of(settings.records, settings.data_directory)
            channel = settings.data_directory / CHANNEL
            self._feeder = Supervised(
                "clickhouse",
                arguments_of_feeder(settings.clickhouse, folder, settings.data_directory, channel, settings.logging),
            )
            await self._feeder.start()

    def _make_mirror(self) -> Mirror:
        settings = self._settings
        ours: Ours = [
            (part.transport, part.seen_as, part.address[1] or listener.port)
            for listener, part in zip(self._transports.listeners, settings.listeners, strict=True)
        ]
        return Mirror(
            settings.mirror, settings.data_directory, settings.node, settings.logging, ours, self._attach,
            settings.records.enabled,
        )  # fmt: skip

    def _attach(self, tap: Tap | None) -> None:
        assert self._runner is not None  # the mirror is opened after it
        self._runner.tap = tap
        if self._recorder is not None:
            self._recorder.copy = None if tap is None else tap.recorded

    def _engine(self, bundle: Bundle) -> Engine:
        # Branches and tags must not be guessable (RFC 3261 §19.3: 32 bits of randomness at least) nor repeat after a
        # restart.
        salt = secrets.token_hex(5).encode()
        policy = policy_of(bundle)
        key = route_key(self._settings)
        state = State(self._transports.listeners, self._transports.endpoint, policy, key, salt, self._recording)
        return Engine(state, _dice, time.time() - asyncio.get_running_loop().time())

    async def _follow(self, bundle: Bundle) -> None:
        """Have the consent index kept up to date where calls are judged by it."""
        if needs_index(bundle) and self._follower is None:
            self._follower = Supervised("index", index_arguments(self._path.absolute()))
            await self._follower.start()

    # -- reload -----------------------------------------------------------------------------------------------

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(self._settings.reload.interval)
            await self._reloading(self._reloader.poll)

    def _reload(self) -> None:
        """SIGHUP: read everything again, renewed certificates too."""
        task = asyncio.get_running_loop().create_task(self._reload_all())
        self._reloads.add(task)
        task.add_done_callback(self._reloads.discard)

    async def _reload_all(self) -> None:
        try:
            self._transports.renew_certificates()
        except RingfenceError as error:
            _log.error("certificates not renewed", why=str(error))
        await self._reloading(self._reloader.reload)

    async def _reloading(self, read: Callable[[], bool]) -> None:
        """One at a time, and in a thread: number files of many MB must not hold up the calls."""
        async with self._reload_lock:
            before = self._reloader.current
            tried_before = self._reloader.faults
            tried = await asyncio.to_thread(read)
            if tried or self._reloader.faults is not tried_before:
                self._adopt(before)
                await self._follow(self._reloader.current)

    def _adopt(self, before: Bundle) -> None:
        bundle = self._reloader.current
        if bundle is before:
            for fault in self._reloader.faults:
                _log.error("reload refused", fault=str(fault))
            return
        assert self._runner is not None  # nobody can ask before it serves
        self._lookups.use_windows(bundle.pipeline.rate_window, bundle.pipeline.callee_memory)
        self._runner.adopt(policy_of(bundle))
        _log.info("reloaded", generation=bundle.generation)
        _tell_late(bundle)

    # -- stop -------------------------------------------------------------------------------------------------

    def _drain(self) -> None:
        """First signal: take no new calls and end with the last one being set up; a second one ends at once."""
        if self._draining:
            self._stop.set()
        self._draining = True
        self._stop.set()

    async def _finish_calls(self, engine: Engine) -> None:
        engine.draining = True
        self._stop.clear()
        loop = asyncio.get_running_loop()
        until = loop.time() + DRAIN_PATIENCE
        while engine.busy and loop.time() < until and not self._stop.is_set():
            await asyncio.sleep(DRAIN_LOOK)

    # -- control ----------------------------------------------------------------------------------------------

    def _commands(self) -> dict[str, Any]:
        return {
            "snapshot": lambda _: self._snapshot(),
            "ready": lambda _: self._ready(),
            "reload": self._reload_asked,
            "drain": lambda _: self._drain(),
            "explain": self._explain,
            REPORT: self._fed.update,
            "capture_start": self._start_capture,
            "capture_list": lambda _: self._mirroring().list_captures(),
            "capture_stop": lambda asked: self._mirroring().stop_capture(str(asked.get("capture"))),
        }

    def _mirroring(self) -> Mirror:
        if self._mirror is None:
            raise MirrorError("starting")
        return self._mirror

    async def _start_capture(self, asked: dict[str, Any]) -> dict[str, Any]:
        trunk = asked.get("trunk")
        if trunk and trunk not in self._reloader.current.ledger.trunks:
            raise MirrorError(f"there is no trunk {trunk!r}")
        return await self._mirroring().start_capture(asked)

    async def _reload_asked(self, _: dict[str, Any]) -> dict[str, Any]:
        await self._reload_all()
        faults = [str(fault) for fault in self._reloader.faults]
        return {"generation": self._reloader.current.generation, "faults": faults}

    async def _explain(self, asked: dict[str, Any]) -> dict[str, Any]:
        """What would become of a call that came now: by the policy in force, with the facts that it would get."""
        try:
            question = Question.model_validate(asked)
        except ValidationError as error:
            raise RingfenceError(f"no question: {error.errors(include_url=False)[0]['msg']}") from None
        bundle = self._reloader.current
        return await explained(bundle, question, NOT_ASKED, partial(self._facts, bundle.pipeline))

    async def _facts(self, pipeline: Pipeline, call: Call, given: Facts, needs: frozenset[Need]) -> Facts:
        """Read on a connection of its own, counting nothing; a store that no call could ask now is not asked."""
        if self._lookups.breaker_state == "open":
            return lacking(given, needs, "breaker_open")
        if not self._lookups.connected:
            return lacking(given, needs, "unreachable")
        try:
            roaming = self._settings.roaming
            return await filled(call, given, needs, self._keys, pipeline, self._place, roaming)
        except StoreError:
            return lacking(given, needs, "unreachable")

    def _ready(self) -> dict[str, Any]:
        """reasons: why calls should go elsewhere. warnings: what is amiss while they are served: a store that is gone
        or a fault in a file hits all nodes at once, and must not take them all away."""
        reasons = ["draining"] if self._draining else []
        warnings = self._store_warnings()
        if self._runner is None:
            reasons.append("starting")
        else:
            if self._awaits_index():
                reasons.append("starting: the consent index is not built yet")
            groups = self._runner.engine.state.policy.groups
            dead = [name for name, group in groups.items() if not any(each.answers for each in group.gateways)]
            told = [f"no gateway of group {name} answers" for name in dead]
            (reasons if len(dead) == len(groups) else warnings).extend(told)
            now = asyncio.get_running_loop().time()
            for name in groups.keys() - dead:
                if not any(each.usable(now) for each in groups[name].gateways):
                    warnings.append(f"every gateway of group {name} failed a call lately")
        if self._recorder is not None:
            (reasons if self._recording.full else warnings).extend(self._recorder.reasons())
        today = datetime.now(UTC).date()
        warnings += [str(gap) for gap in self._reloader.current.calendar_gaps(today)]
        if self._reloader.faults:
            warnings.append(f"the last reload was refused: {self._reloader.faults[0]}")
        generation = self._reloader.current.generation
        return {"ready": not reasons, "generation": generation, "reasons": reasons, "warnings": warnings}

    def _awaits_index(self) -> bool:
        """Whether this daemon has just started and will have a consent index in a moment."""
        return (
            not self._index.changes
            and needs_index(self._reloader.current)
            and self._lookups.connected
            and time.time() - self._started < INDEX_PATIENCE
        )

    def _store_warnings(self) -> list[str]:
        effect = "marketing calls are refused, others are judged without score and rate"
        if not self._lookups.connected:
            return [f"the store is not connected: {effect}"]
        if self._lookups.breaker_state != "closed":
            return [f"the store does not answer in time: {effect}"]
        if self._index.generation is None and needs_index(self._reloader.current):
            return [f"no consent index is believed ({self._index.unknown.reason}): marketing calls are refused"]
        return []

    def _snapshot(self) -> Snapshot:
        if self._runner is None:
            raise RingfenceError("starting")
        engine = self._runner.engine
        state = engine.state
        now = asyncio.get_running_loop().time()
        return snapshot(
            node=self._settings.node,
            started=self._started,
            generation=state.policy.generation,
            draining=self._draining,
            counters=state.counters,
            tables=_tables(engine),
            gateways=_gateways(state.policy, now),
            lookups=self._lookups.stats() | ({} if self._roaming is None else {"roaming": self._roaming.stats()}),
            transports=self._transports.stats(),
            loop_lag=self._runner.lag.plain(),
            rule_faults=state.policy.pipeline.faults,
            resolver=self._resolver.stats(),
            faults=self._runner.faults,
            config_faults=len(self._reloader.faults),
            records=None if self._recorder is None else self._recorder.stats(),
            clickhouse=self._fed,
            mirror=None if self._mirror is None else self._mirror.stats(),
            restarts={
                name: child.restarts
                for name, child in (
                    ("store", self._store),
                    ("control", self._control),
                    ("index", self._follower),
                    ("warehouse", self._indexer),
                    ("mirror", self._mirror),
                    ("clickhouse", self._feeder),
                )
                if child is not None
            },
        )


def _tell_late(bundle: Bundle) -> None:
    """What a day that has come made invalid: its calls are refused, and somebody should know before they complain."""
    for fault in bundle.late[:MAX_LATE]:
        _log.warning("over", what=str(fault))
    if len(bundle.late) > MAX_LATE:
        _log.warning("over", what=f"and {len(bundle.late) - MAX_LATE} more: ringfence check names all")
    for gap in bundle.calendar_gaps(datetime.now(UTC).date()):
        _log.warning("calendar", what=str(gap))


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
