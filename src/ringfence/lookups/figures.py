"""What the look-ups count: plain numbers, taken when somebody asks."""

from __future__ import annotations

from bisect import bisect_left
from typing import Any

LATENCY_BOUNDS = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.03, 0.04, 0.05, 0.1, 0.25, 0.5, 1.0)
"""Upper bounds in seconds of the latency histogram's buckets; the last count is what took longer."""


class Figures:
    """Counts since start.

    asked, answered: calls, and those whose facts all came. batches: asked together. deadline_misses: calls that
    went on without a fact at their deadline. late: batches that were answered after it. errors: facts that an
    answer did not give. reconnects: connections after the first. redirects: questions that a cluster sent on to another
    server. unknown: facts that did not come, by reason. remembered, forgotten: forwarded calls that were to be counted
    for their callee, and those of them that were not. callers_lost: last marketing callers that were not kept.
    """

    __slots__ = (
        "_counts", "_seconds", "answered", "asked", "batches", "callers_lost", "deadline_misses", "errors", "forgotten",
        "late", "reconnects", "redirects", "remembered", "unknown",
    )  # fmt: skip

    def __init__(self) -> None:
        self._counts = [0] * (len(LATENCY_BOUNDS) + 1)
        self._seconds = 0.0
        self.asked = self.answered = self.batches = self.deadline_misses = 0
        self.errors = self.late = self.reconnects = self.redirects = 0
        self.remembered = self.forgotten = self.callers_lost = 0
        self.unknown: dict[str, int] = {}

    def missed(self, reason: str) -> None:
        """A fact did not come."""
        self.unknown[reason] = self.unknown.get(reason, 0) + 1

    def took(self, seconds: float, calls: int) -> None:
        """So many calls had their answers after `seconds`."""
        self._counts[bisect_left(LATENCY_BOUNDS, seconds)] += calls
        self._seconds += seconds * calls

    def plain(self) -> dict[str, Any]:
        """Copies of all of them."""
        return {
            "asked": self.asked,
            "answered": self.answered,
            "batches": self.batches,
            "deadline_misses": self.deadline_misses,
            "late": self.late,
            "errors": self.errors,
            "reconnects": self.reconnects,
            "redirects": self.redirects,
            "remembered": self.remembered,
            "forgotten": self.forgotten,
            "callers_lost": self.callers_lost,
            "unknown": dict(self.unknown),
            "latency": {"bounds": list(LATENCY_BOUNDS), "counts": list(self._counts), "sum": self._seconds},
        }
