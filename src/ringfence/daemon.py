"""Builds the house, keeps it running, takes it down: settings, store, sockets, control, signals, drain."""

from __future__ import annotations

import asyncio
import gc
import os
import random
import secrets
import signal
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import structlog

from ringfence.config.files import Files
from ringfence.config.keys import digest_key, route_key
from ringfence.config.ledger_store import Stored, silent
from ringfence.config.load import Bundle, load_bundle
from ringfence.config.reload import Reloader
from ringfence.control.channel import ChannelServer
from ringfence.control.process import arguments
from ringfence.control.supervised import Supervised
from ringfence.engine.engine import Engine
from ringfence.engine.policy import Policy
from ringfence.engine.state import State
from ringfence.errors import RingfenceError
from ringfence.forwarding.gateways import build_groups
from ringfence.ledger.build import Progress
from ringfence.ledger.ledger import MAX_KEPT, MAX_MADE
from ringfence.lookups import Address, Keys, Lookups, RedisSettings, Resolver, StoreError, address_of
from ringfence.lookups.embedded import EmbeddedStore
from ringfence.runner import Runner
from ringfence.screening import Intake
from ringfence.telemetry.log import configure
from ringfence.telemetry.snapshot import GatewayState, Snapshot, Table, snapshot
from ringfence.transport.transports import Transports

DRAIN_LOOK = 0.1  # seconds between two looks at whether the last call is over
DRAIN_PATIENCE = 32.0  # seconds that a stopping daemon waits for calls being set up: 64*T1, then nobody retransmits
CHANNEL = "control.sock"
MAX_LATE = 20  # expired certificates and contracts that one load logs
_dice = random.SystemRandom().random
_log = structlog.get_logger(__name__)


def load(path: Path, progress: Progress = silent) -> Reloader:
    """The configuration in force and its successors. progress: told how far a large ledger is. Raises ConfigError."""

    def read(files: Files, generation: int) -> Bundle:
        return load_bundle(path, generation, files, make_ledger=Stored(path, progress=progress))

    return Reloader(read)


def serve(reloader: Reloader) -> None:
    """Run until SIGTERM or SIGINT. Raises RingfenceError where it cannot start."""
    configure(reloader.current.settings.logging)
    asyncio.run(Daemon(reloader).run())


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


def password_of(settings: RedisSettings) -> str | None:
    """The store's password from its file or environment variable, None without one. Raises StoreError."""
    if settings.password_file is not None:
        try:
            return settings.password_file.read_text(encoding="utf-8").strip()
        except OSError as error:
            raise StoreError(f"redis.password_file: {error.strerror}") from None
    if settings.password_env is not None:
        if settings.password_env not in os.environ:
            raise StoreError(f"redis.password_env: {settings.password_env} is not set")
        return os.environ[settings.password_env]
    return None


def store_address(settings: RedisSettings, data_directory: Path) -> Address:
    """Where the store is: the one that is configured, else the embedded one's socket. Raises StoreError."""
    if settings.url is None:
        return Address(path=str(data_directory / "store" / "store.sock"))
    return address_of(settings.url, settings.username, password_of(settings), str(settings.ca) if settings.ca else None)


class Daemon:
    """One SIP process with its store and its HTTP process."""

    def __init__(self, reloader: Reloader) -> None:
        self._reloader = reloader
        self._settings = reloader.current.settings
        self._started = time.time()
        self._draining = False
        self._stop = asyncio.Event()
        self._store: EmbeddedStore | None = None
        self._control: Supervised | None = None
        self._runner: Runner | None = None
        self._reload_lock = asyncio.Lock()
        self._reloads: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Start everything, serve until told to stop, stop everything in the opposite order."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._drain)
        settings = self._settings
        keys = Keys(settings.redis.key_prefix, digest_key(settings))
        if settings.redis.url is None:
            self._store = EmbeddedStore(settings.data_directory / "store", settings.redis.embedded.max_memory_mb)
            await self._store.start()
        try:
            bundle = self._reloader.current
            address = store_address(settings.redis, settings.data_directory)
            self._lookups = Lookups(settings.redis, address, keys, bundle.pipeline.rate_window)
            await self._lookups.start()
            await self._serve(bundle)
        finally:
            if self._store is not None:
                await self._store.stop()

    async def _serve(self, bundle: Bundle) -> None:
        settings = self._settings
        self._transports = Transports(list(settings.listeners))
        channel = ChannelServer(settings.data_directory / CHANNEL, self._commands())
        watch: asyncio.Task[None] | None = None
        try:
            await channel.open()
            self._resolver = Resolver(_dice)
            runner = Runner(self._transports, self._lookups, self._resolver)
            await self._transports.open(runner.received, runner.unreachable, runner.malformed)
            runner.start(self._engine(bundle))
            self._runner = runner
            asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, self._reload)
            if settings.control.enabled:
                self._control = Supervised(
                    "control", arguments(settings.control, settings.logging, settings.data_directory / CHANNEL)
                )
                await self._control.start()
            watch = asyncio.create_task(self._watch()) if settings.reload.watch else None
            # What stands now stands for good: the collector need not walk over it again and again.
            gc.collect()
            gc.freeze()
            _log.info("ready", node=settings.node, generation=bundle.generation, trunks=len(bundle.ledger.trunks))
            _tell_late(bundle)
            await self._stop.wait()
            await self._finish_calls(runner.engine)
            await runner.stop()
        finally:
            if watch is not None:
                watch.cancel()
            if self._control is not None:
                await self._control.stop()
            await channel.close()
            await self._transports.close()
            await self._lookups.close()
            _log.info("stopped")

    def _engine(self, bundle: Bundle) -> Engine:
        # Branches and tags must not be guessable (RFC 3261 §19.3: 32 bits of randomness at least) nor repeat after a
        # restart.
        salt = secrets.token_hex(5).encode()
        policy = policy_of(bundle)
        state = State(self._transports.listeners, self._transports.endpoint, policy, route_key(self._settings), salt)
        return Engine(state, _dice, time.time() - asyncio.get_running_loop().time())

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

    def _adopt(self, before: Bundle) -> None:
        bundle = self._reloader.current
        if bundle is before:
            for fault in self._reloader.faults:
                _log.error("reload refused", fault=str(fault))
            return
        assert self._runner is not None  # nobody can ask before it serves
        self._lookups.use_window(bundle.pipeline.rate_window)
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
            "explain": partial(_explain, self._reloader),
        }

    async def _reload_asked(self, _: dict[str, Any]) -> dict[str, Any]:
        await self._reload_all()
        faults = [str(fault) for fault in self._reloader.faults]
        return {"generation": self._reloader.current.generation, "faults": faults}

    def _ready(self) -> dict[str, Any]:
        reasons = []
        if self._draining:
            reasons.append("draining")
        if self._runner is None:
            reasons.append("starting")
        else:
            now = asyncio.get_running_loop().time()
            for name, group in self._runner.engine.state.policy.groups.items():
                if not any(gateway.usable(now) for gateway in group.gateways):
                    reasons.append(f"no gateway of group {name} answers")
        if not self._lookups.connected:
            reasons.append("the store is not connected: marketing calls are refused, others pass unscreened by it")
        if self._reloader.faults:
            reasons.append(f"the last reload was refused: {self._reloader.faults[0]}")
        return {"ready": not reasons, "generation": self._reloader.current.generation, "reasons": reasons}

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
            lookups=self._lookups.stats(),
            transports=self._transports.stats(),
            loop_lag=self._runner.lag.plain(),
            rule_faults=state.policy.pipeline.faults,
            resolver=self._resolver.stats(),
            faults=self._runner.faults,
            config_faults=len(self._reloader.faults),
        )


def _tell_late(bundle: Bundle) -> None:
    """What a day that has come made invalid: its calls are refused, and somebody should know before they complain."""
    for fault in bundle.late[:MAX_LATE]:
        _log.warning("over", what=str(fault))
    if len(bundle.late) > MAX_LATE:
        _log.warning("over", what=f"and {len(bundle.late) - MAX_LATE} more: ringfence check names all")


def _tables(engine: Engine) -> list[Table]:
    state = engine.state
    ledger = state.policy.ledger
    limits = state.policy.sip.limits
    refused = state.counters.refused_locally.get(503, 0)
    return [
        {"name": "transactions", "size": len(state.transactions), "limit": state.transactions.limit, "shed": refused},
        {"name": "dialogs", "size": len(state.dialogs), "limit": state.dialogs.limit, "shed": state.dialogs.shed},
        {"name": "screening", "size": len(engine.screen), "limit": state.transactions.limit, "shed": 0},
        {"name": "resolving", "size": len(engine.inside), "limit": limits.resolving, "shed": 0},
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


def _explain(reloader: Reloader, question: dict[str, Any]) -> dict[str, Any]:
    raise RingfenceError("not yet")
