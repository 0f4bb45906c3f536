"""Whose marketing call reached a callee last, for whoever dials a service number to refuse him."""

from __future__ import annotations

from ringfence.lookups.keys import Keys
from ringfence.lookups.questions import NO_NUMBER, Fact, Question, command, unusable
from ringfence.screening import Call, CalleeCalls, Need

_KEPT = CalleeCalls(())


class LastCallerReport(Question):
    """One SET of the holder. kept: seconds until it expires.

    need: the place among a call's facts where what became of it is told.
    """

    __slots__ = ("_expiry", "_keys")

    def __init__(self, keys: Keys, kept: float) -> None:
        super().__init__(Need.CALLEE_CALLS, 1)
        self._keys = keys
        self._expiry = b"%d" % max(1, round(kept))

    def commands(self, call: Call) -> bytes | Fact:
        """What to keep; nothing without a callee's number."""
        if not call.callee.value:
            return NO_NUMBER
        key = self._keys.last_caller(self._keys.digest(call.callee.value))
        return command(b"SET", key, call.trunk.holder.encode(), b"EX", self._expiry)

    def fact(self, call: Call, replies: list[object], at: int) -> Fact:
        """That it was kept, as far as there is a fact."""
        return _KEPT if replies[at] == b"OK" else unusable(replies[at])
