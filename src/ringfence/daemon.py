"""Builds the house, keeps it running, takes it down: settings, store, calls, control, signals, drain."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import structlog
import uvloop

from ringfence.beside import Beside
from ringfence.calls import Calls, Served, needs_index
from ringfence.clickhouse.process import REPORT
from ringfence.config.files import Files
from ringfence.config.ledger_store import Stored, silent
from ringfence.config.load import Bundle, load_bundle
from ringfence.config.reload import Reloader
from ringfence.config.settings import Settings
from ringfence.control.channel import CHANNEL, ChannelServer
from ringfence.errors import RingfenceError
from ringfence.ledger.build import Progress
from ringfence.mirror.errors import MirrorError
from ringfence.mirror.mirror import Mirror, Ours
from ringfence.telemetry.log import configure
from ringfence.telemetry.snapshot import Node, Snapshot
from ringfence.transport.transports import Transports

DRAIN_LOOK = 0.1  # seconds between two looks at whether the last call is over
DRAIN_PATIENCE = 32.0  # seconds that a stopping daemon waits for calls being set up: 64*T1, then nobody retransmits
MAX_LATE = 20  # expired certificates and contracts that one load logs
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
    if os.environ.get("PYTHONHASHSEED", "random") != "random":
        # Transactions are found by Python's hash of bytes (transaction/machines.py), whose key nobody may know.
        raise RingfenceError("PYTHONHASHSEED is set in the environment: who knows it can make calls collide; unset it")
    configure(reloader.current.settings.logging)
    uvloop.run(Daemon(reloader, path).run())


class Daemon:
    """One node: the calls, in this process or by workers, and what stands beside them."""

    def __init__(self, reloader: Reloader, path: Path) -> None:
        self._reloader = reloader
        self._settings = reloader.current.settings
        self._beside = Beside(self._settings, path)
        self._started = time.time()
        self._draining = False
        self._stop = asyncio.Event()
        self._calls: Served
        self._mirror: Mirror | None = None
        self._fed: dict[str, Any] = {}
        self._reload_lock = asyncio.Lock()
        self._reloads: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Start everything, serve until told to stop, stop everything in the opposite order."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._drain)
        await self._beside.start_store()
        try:
            await self._serve(self._reloader.current)
        finally:
            await self._beside.stop_store()

    async def _serve(self, bundle: Bundle) -> None:
        settings = self._settings
        self._calls = _served(settings)
        try:
            settings.data_directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise RingfenceError(
                f"{settings.data_directory}: data_directory cannot be made: {error.strerror}"
            ) from None
        channel = ChannelServer(settings.data_directory / CHANNEL, self._commands())
        watching: asyncio.Task[None] | None = None
        try:
            await channel.open()
            await self._beside.listen()
            await self._calls.open(bundle)
            asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, self._reload)
            await self._beside.start()
            await self._follow(bundle)
            self._mirror = self._copying()
            await self._mirror.open()
            if settings.reload.watch:
                watching = asyncio.create_task(self._watch())
            _log.info("ready", node=settings.node, generation=bundle.generation, trunks=len(bundle.ledger.trunks))
            _tell_late(bundle)
            await self._stop.wait()
            await self._finish_calls()
        finally:
            if watching is not None:
                watching.cancel()
            if self._mirror is not None:
                await self._mirror.close()
            await self._beside.stop()
            await channel.close()
            await self._calls.close()
            _log.info("stopped")

    def _copying(self) -> Mirror:
        settings = self._settings
        ours: Ours = [
            (part.transport, part.seen_as, port)
            for part, port in zip(settings.listeners, self._calls.ports(), strict=True)
        ]
        return Mirror(
            settings.mirror, settings.data_directory, settings.node, settings.logging, ours, self._calls.copy,
            settings.records.enabled,
        )  # fmt: skip

    async def _follow(self, bundle: Bundle) -> None:
        """Have the consent index kept up to date where calls are judged by it."""
        if needs_index(bundle):
            await self._beside.follow()

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
            await self._calls.renew_certificates()
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
                await self._adopt(before)
                await self._follow(self._reloader.current)

    async def _adopt(self, before: Bundle) -> None:
        bundle = self._reloader.current
        if bundle is before:
            for fault in self._reloader.faults:
                _log.error("reload refused", fault=str(fault))
            return
        await self._calls.adopt(bundle)
        _log.info("reloaded", generation=bundle.generation)
        _tell_late(bundle)

    # -- stop -------------------------------------------------------------------------------------------------

    def _drain(self) -> None:
        """First signal: take no new calls and end with the last one being set up; a second one ends at once."""
        if self._draining:
            self._stop.set()
        self._draining = True
        self._stop.set()

    async def _finish_calls(self) -> None:
        await self._calls.drain()
        self._stop.clear()
        loop = asyncio.get_running_loop()
        until = loop.time() + DRAIN_PATIENCE
        while await self._calls.busy() and loop.time() < until and not self._stop.is_set():
            await asyncio.sleep(DRAIN_LOOK)

    # -- control ----------------------------------------------------------------------------------------------

    def _commands(self) -> dict[str, Any]:
        return {
            "snapshot": lambda _: self._snapshot(),
            "ready": lambda _: self._ready(),
            "reload": self._reload_asked,
            "drain": lambda _: self._drain(),
            "explain": self._calls.explain,
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

    async def _ready(self) -> dict[str, Any]:
        """As `Health` says, of the daemon as a whole."""
        health = await self._calls.health()
        reasons, warnings = [*["draining"] * self._draining, *health.reasons], health.warnings
        if self._reloader.faults:
            warnings.append(f"the last reload was refused: {self._reloader.faults[0]}")
        warnings += [str(gap) for gap in self._reloader.current.calendar_gaps(datetime.now(UTC).date())]
        generation = self._reloader.current.generation
        return {"ready": not reasons, "generation": generation, "reasons": reasons, "warnings": warnings}

    async def _snapshot(self) -> Snapshot:
        node = Node(
            node=self._settings.node,
            started=self._started,
            draining=self._draining,
            config_faults=len(self._reloader.faults),
            restarts=self._beside.restarts(),
        )
        taken = await self._calls.snapshot(node)
        taken["clickhouse"] = self._fed
        if self._mirror is not None:
            taken["mirror"] = {**taken["mirror"], **self._mirror.stats()}
            taken["restarts"] = {**taken["restarts"], "mirror": self._mirror.restarts}
        return taken


def _served(settings: Settings) -> Served:
    """The calls in this process where one worker is wanted, for it needs no front."""
    if settings.workers == 1:
        return Calls(Transports(list(settings.listeners)))
    from ringfence.workers.crew import Crew  # late: a daemon without workers does not carry it

    return Crew(settings)


def _tell_late(bundle: Bundle) -> None:
    """What a day that has come made invalid: its calls are refused, and somebody should know before they complain."""
    for fault in bundle.late[:MAX_LATE]:
        _log.warning("over", what=str(fault))
    if len(bundle.late) > MAX_LATE:
        _log.warning("over", what=f"and {len(bundle.late) - MAX_LATE} more: ringfence check names all")
    for gap in bundle.calendar_gaps(datetime.now(UTC).date()):
        _log.warning("calendar", what=str(gap))
