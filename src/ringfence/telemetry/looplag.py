"""How late the event loop is: the delay that every datagram and timer of that moment had to bear."""

from __future__ import annotations

from typing import TypedDict

from ringfence.telemetry.histogram import Distribution, Histogram

INTERVAL = 0.1  # seconds between beats: often enough to meet a stall of 100 ms, 10 wake-ups a second when idle
_BOUNDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
_LONGEST_OF = 600  # beats over which the longest delay is told: one minute


class LagState(TypedDict):
    """Delays in seconds: their distribution since start and the longest of the last minute or two."""

    distribution: Distribution
    longest: float


class LoopLag:
    """Fed by the runner, which asks the loop to be woken after INTERVAL and tells when it was.

        lag = LoopLag(loop.time())
        loop.call_at(lag.due, wake)      # wake: loop.call_at(lag.beat(loop.time()), wake)

    due: when the next beat should come, on the clock that `beat` is told.
    """

    __slots__ = ("_beats", "_before", "_delays", "_longest", "due")

    def __init__(self, now: float) -> None:
        self._delays = Histogram(_BOUNDS)
        self._longest = self._before = 0.0
        self._beats = 0
        self.due = now + INTERVAL

    def beat(self, now: float) -> float:
        """Note how late this wake-up is; when the next one is due."""
        late = max(0.0, now - self.due)
        self._delays.observe(late)
        if self._beats == _LONGEST_OF:
            self._before, self._longest, self._beats = self._longest, 0.0, 0
        self._beats += 1
        self._longest = max(self._longest, late)
        self.due = now + INTERVAL
        return self.due

    def plain(self) -> LagState:
        """The state as plain values."""
        return {"distribution": self._delays.plain(), "longest": max(self._before, self._longest)}
