"""From the engine's notes to the spool: what the runner calls before it sends."""

from __future__ import annotations

import asyncio
import os
import time
from typing import Any

import structlog

from ringfence import __version__
from ringfence.engine.effects import Note
from ringfence.engine.trail import DECISION, Recording
from ringfence.records.encode import body_of, fault, note
from ringfence.records.spool import Spool

TICK = 0.1  # seconds between two looks at the backlog and the segment's age
_log = structlog.get_logger(__name__)


class Recorder:
    """Writes what happened in a turn.

    recording: the engine's view; full is set here, where the operator wants calls refused then.
    faults: records that our own bug kept from being made whole; each has a note in its place.
    """

    def __init__(self, spool: Spool, recording: Recording, refuse_when_full: bool) -> None:
        self.faults = 0
        self._spool = spool
        self._recording = recording
        self._refuse_when_full = refuse_when_full
        self._handle: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Begin, with a note of who writes from here on. The spool is open already."""
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
        self._handle = asyncio.get_running_loop().call_later(TICK, self._tick)

    def write(self, notes: list[Note], now: float) -> None:
        """One block for one turn's notes, written before this returns. now: the monotonic time that trails count in."""
        wall = time.time_ns() // 1000
        sequence = self._spool.next_sequence
        bodies = []
        for kind, trail in notes:
            try:
                body = body_of(kind, trail, wall, now)
            except Exception:
                self.faults += 1
                _log.exception("a record could not be made")
                body = fault(kind, trail, wall)
            bodies.append(body)
            if kind == DECISION:
                trail.number = sequence
                trail.request = trail.call = trail.verdict = trail.facts = None
            sequence += 1
        self._spool.append(bodies, wall, int(now * 1e6))
        self._recording.full = self._spool.full and self._refuse_when_full

    def stop(self) -> None:
        """Write, seal and close."""
        if self._handle is not None:
            self._handle.cancel()
        self._spool.close()

    def reasons(self) -> list[str]:
        """Why records are not safe at this moment."""
        return self._spool.reasons()

    def stats(self) -> dict[str, Any]:
        """Counters since start and gauges of now."""
        return {**self._spool.stats(), "faults": self.faults}
