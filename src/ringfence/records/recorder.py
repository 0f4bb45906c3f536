"""From the engine's notes to the spool: what the runner calls before it sends."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable
from typing import Any

import structlog

from ringfence import __version__
from ringfence.engine.effects import Note
from ringfence.engine.trail import DECISION, Recording
from ringfence.records.encode import body_of, fault, note
from ringfence.records.spool import Spool

PATIENCE = 0.02  # seconds that outcomes and ends wait for a decision to be written with: a write is dearer
TICK = 0.1  # seconds between two looks at the backlog and the segment's age
_log = structlog.get_logger(__name__)


class Recorder:
    """Writes what happened in a turn.

    A decision is in the kernel's hands when `write` returns. Outcomes and ends of calls that were decided before go
    with the next decision, at the latest after PATIENCE.

    recording: the engine's view; full is set here, where the operator wants calls refused then.
    faults: records that our own bug kept from being made whole; each has a note in its place.
    copy: told of what was written: the first one's sequence number, and the bodies. None: nobody is.
    """

    def __init__(self, spool: Spool, recording: Recording, refuse_when_full: bool) -> None:
        self.faults = 0
        self.copy: Callable[[int, list[bytes]], None] | None = None
        self._spool = spool
        self._recording = recording
        self._refuse_when_full = refuse_when_full
        self._waiting: list[bytes] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        self._late: asyncio.TimerHandle | None = None
        self._handle: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Begin, with a note of who writes from here on. The spool is open already."""
        self._loop = asyncio.get_running_loop()
        wall = time.time_ns() // 1000
        text = f"ringfence {__version__}, process {os.getpid()}"
        self._spool.append([note("started", text, wall)], wall, time.monotonic_ns() // 1000)
        self._tick()

    def _tick(self) -> None:
        try:
            self._spool.tick()
            self._recording.full = self._spool.full and self._refuse_when_full
        except Exception:
            _log.exception("the records' backlog failed")
        assert self._loop is not None
        self._handle = self._loop.call_later(TICK, self._tick)

    def write(self, notes: list[Note], now: float) -> None:
        """One turn's notes. now: the monotonic time that trails count in."""
        wall = time.time_ns() // 1000
        bodies = self._waiting
        sequence = self._spool.next_sequence
        decided = False
        for kind, trail in notes:
            try:
                body = body_of(kind, trail, wall, now)
            except Exception:
                self.faults += 1
                _log.exception("a record could not be made")
                body = fault(kind, trail, wall)
            if kind == DECISION:
                decided = True
                trail.written(sequence + len(bodies))
            bodies.append(body)
        if decided:
            self._append(wall, now)
        elif self._late is None and self._loop is not None:
            self._late = self._loop.call_later(PATIENCE, self.flush)

    def _append(self, wall: int, now: float) -> None:
        bodies, self._waiting = self._waiting, []
        if self.copy is not None:
            self.copy(self._spool.next_sequence, bodies)
        self._spool.append(bodies, wall, int(now * 1e6))
        self._recording.full = self._spool.full and self._refuse_when_full

    def flush(self) -> None:
        """Write what waits."""
        self._late = None
        if self._waiting:
            self._append(time.time_ns() // 1000, time.monotonic())

    def stop(self) -> None:
        """Write, seal and close."""
        for handle in (self._handle, self._late):
            if handle is not None:
                handle.cancel()
        self.flush()
        self._spool.close()

    def reasons(self) -> list[str]:
        """Why records are not safe at this moment."""
        return self._spool.reasons()

    def stats(self) -> dict[str, Any]:
        """Counters since start and gauges of now."""
        return {**self._spool.stats(), "faults": self.faults}
