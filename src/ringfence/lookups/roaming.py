"""Is a home mobile number that comes in from abroad known to be there: asked of the store's set, or of nobody."""

from __future__ import annotations

from ringfence.lookups.keys import Keys
from ringfence.lookups.questions import Fact, Question, template, unusable
from ringfence.screening import Call, Need, Roaming, Unknown

NO_CHECK = Unknown("no_check")
NOT_ABROAD = Roaming(False)


def concerns(call: Call) -> bool:
    """Whether there is anything to ask: only subscribers of classes that roam are ever abroad."""
    caller = call.caller
    return caller.class_.from_abroad == "roaming" and bool(caller.value)


class RoamingQuestion(Question):
    """One SISMEMBER: the set holds the digests of all subscribers who are abroad."""

    __slots__ = ("_keys", "_template")

    def __init__(self, keys: Keys) -> None:
        super().__init__(Need.ROAMING, 1)
        self._keys = keys
        sample = keys.digest("")
        self._template = template(b"SISMEMBER", keys.roaming(), sample, digest=sample)

    def commands(self, call: Call) -> bytes | Fact:
        """Who cannot roam is not abroad."""
        return self._template % self._keys.digest(call.caller.value) if concerns(call) else NOT_ABROAD

    def fact(self, call: Call, replies: list[object], at: int) -> Fact:
        """1 and 0 are the answers."""
        reply = replies[at]
        return Roaming(reply == 1) if type(reply) is int else unusable(reply)


class NoRoamingCheck(Question):
    """Nobody is there to be asked."""

    __slots__ = ()

    def __init__(self) -> None:
        super().__init__(Need.ROAMING, 0)

    def commands(self, call: Call) -> bytes | Fact:
        """Unknown for whoever could be abroad."""
        return NO_CHECK if concerns(call) else NOT_ABROAD

    def fact(self, call: Call, replies: list[object], at: int) -> Fact:
        """Never asked for: no command went out."""
        return NO_CHECK
