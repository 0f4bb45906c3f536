"""How surely the caller harasses."""

from __future__ import annotations

from ringfence.lookups.keys import Keys
from ringfence.lookups.questions import NO_NUMBER, Fact, Question, template, unusable
from ringfence.screening import Call, Need, Score

NO_BLAME = Score(0.0)


class ScoreQuestion(Question):
    """One GET of the caller's score."""

    __slots__ = ("_keys", "_template")

    def __init__(self, keys: Keys) -> None:
        super().__init__(Need.SCORE, 1)
        self._keys = keys
        sample = keys.digest("")
        self._template = template(b"GET", keys.score(sample), digest=sample)

    def commands(self, call: Call) -> bytes | Fact:
        """Unknown without a caller's number."""
        caller = call.caller.value
        return self._template % self._keys.digest(caller) if caller else NO_NUMBER

    def fact(self, call: Call, replies: list[object], at: int) -> Fact:
        """No key is no blame."""
        value = replies[at]
        if value is None:
            return NO_BLAME
        if type(value) is not bytes:
            return unusable(value)
        try:
            points = float(value)
        except ValueError:
            return unusable(value)
        return Score(points) if 0 <= points <= 100 else unusable(value)
