"""Leaves a store alone that does not answer. No clock of its own."""

from __future__ import annotations

from collections import deque
from typing import Literal

from ringfence.lookups.settings import BreakerSettings

BreakerState = Literal["closed", "open", "half_open"]


class Breaker:
    """Closed: every batch may ask. Open: none, for `open` seconds. Half open: one in `probe_every`,
    until one is answered.

    spacing: seconds; failures closer to the last counted one than this are the same failure. A store that
    pauses once fails every batch of that moment, and has failed once.
    opened: how often it opened.
    """

    __slots__ = ("_asked", "_failures", "_settings", "_spacing", "_until", "opened", "state")

    def __init__(self, settings: BreakerSettings, spacing: float) -> None:
        self._settings = settings
        self._spacing = spacing
        self._failures: deque[float] = deque(maxlen=settings.failures)
        self._until = 0.0
        self._asked = 0
        self.state: BreakerState = "closed"
        self.opened = 0

    def allows(self, now: float) -> bool:
        """Whether the next batch may ask the store."""
        if self.state == "closed":
            return True
        if self.state == "open":
            if now < self._until:
                return False
            self._half_open()
        self._asked += 1
        return self._asked % self._settings.probe_every == 1 or self._settings.probe_every == 1

    def succeeded(self) -> None:
        """A batch was answered in time."""
        if self.state == "half_open":
            self.state = "closed"

    def failed(self, now: float) -> None:
        """A batch was not answered, or could not be asked."""
        failures = self._failures
        if self.state == "half_open":
            self._open(now)
        elif self.state == "closed" and not (failures and now - failures[-1] < self._spacing):
            failures.append(now)
            if len(failures) == failures.maxlen and now - failures[0] <= self._settings.window:
                self._open(now)

    def revived(self) -> None:
        """A new connection was greeted by the store: probes may go before `open` is over."""
        if self.state == "open":
            self._half_open()

    def _open(self, now: float) -> None:
        self.state = "open"
        self._until = now + self._settings.open
        self._failures.clear()
        self.opened += 1

    def _half_open(self) -> None:
        self.state = "half_open"
        self._asked = 0
