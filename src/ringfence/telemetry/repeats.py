"""A bound on how often one line is logged: bad input must not be able to fill a disk."""

from __future__ import annotations


class Repeats:
    """Lets the first few of a kind pass in each window, and says later how many were held back.

    kinds: distinct keys remembered; beyond it strangers share one allowance, so new kinds cannot flood.
    """

    __slots__ = ("_allowed", "_kinds", "_seen", "_window")

    def __init__(self, allowed: int = 5, window: float = 10.0, kinds: int = 256) -> None:
        self._allowed = allowed
        self._window = window
        self._kinds = kinds
        self._seen: dict[str, list[float]] = {}  # kind: [window's start, lines in it]

    def admit(self, kind: str, now: float) -> int | None:
        """How many of this kind were held back in the window before (mostly 0); None: hold this one back too.

        now: seconds of any clock that only moves forward.
        """
        entry = self._seen.get(kind)
        if entry is None:
            if len(self._seen) >= self._kinds:
                kind = ""
            entry = self._seen.setdefault(kind, [now, 0])
        held = 0
        if now - entry[0] >= self._window:
            held = max(0, int(entry[1]) - self._allowed)
            entry[0], entry[1] = now, 0
        entry[1] += 1
        return held if entry[1] <= self._allowed else None
