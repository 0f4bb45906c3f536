"""When a holder's calls to a callee were forwarded: read for a call, and written once it is forwarded.

Two calls whose questions cross on the way both pass and both count: a reservation that must be taken back where a call
is refused would leak with every answer that is lost.
"""

from __future__ import annotations

from ringfence.lookups.keys import Keys
from ringfence.lookups.questions import NO_NUMBER, Fact, Question, template, unusable
from ringfence.screening import Call, CalleeCalls, CalleeMemory, Need

_NONE = CalleeCalls(())
# One command, so that no list is left without its end wherever a connection breaks.
_REMEMBER = b"""\
redis.call('RPUSH', KEYS[1], ARGV[1])
redis.call('LTRIM', KEYS[1], ARGV[2], -1)
redis.call('EXPIRE', KEYS[1], ARGV[3])"""

_TIME = b"0123456789"  # a sample: ten digits last until 2286
_LATEST = 9_999_999_999


def _pair(call: Call) -> str:
    return f"{call.callee.value}\n{call.trunk.holder}"


class CalleeCallsQuestion(Question):
    """One LRANGE of the last calls of the holder to the callee."""

    __slots__ = ("_keys", "_template")

    def __init__(self, keys: Keys, memory: CalleeMemory) -> None:
        super().__init__(Need.CALLEE_CALLS, 1)
        self._keys = keys
        sample = keys.digest("")
        self._template = template(b"LRANGE", keys.callee_calls(sample), b"%d" % -memory.calls, b"-1", digest=sample)

    def commands(self, call: Call) -> bytes | Fact:
        """Unknown without a callee's number."""
        return self._template % self._keys.digest(_pair(call)) if call.callee.value else NO_NUMBER

    def fact(self, call: Call, replies: list[object], at: int) -> Fact:
        """No key is no call."""
        values = replies[at]
        if type(values) is not list:
            return unusable(values)
        if not values:
            return _NONE
        times = []
        for value in values:
            if type(value) is not bytes or not value.isdigit() or len(value) > 16:
                return unusable(value)
            times.append(int(value))
        return CalleeCalls(tuple(times))


class CalleeCallReport(Question):
    """One EVAL that adds a forwarded call, and lets go of what no limit reaches any more."""

    __slots__ = ("_keys", "_template")

    def __init__(self, keys: Keys, memory: CalleeMemory) -> None:
        super().__init__(Need.CALLEE_CALLS, 1)
        self._keys = keys
        sample = keys.digest("")
        calls, seconds = memory
        parts = (b"EVAL", _REMEMBER, b"1", keys.callee_calls(sample), _TIME, b"%d" % -calls, b"%d" % (seconds + 1))
        self._template = template(*parts, digest=sample).replace(_TIME, b"%010d")

    def commands(self, call: Call) -> bytes | Fact:
        """What to add; nothing without a callee's number."""
        if not call.callee.value:
            return NO_NUMBER
        return self._template % (self._keys.digest(_pair(call)), min(max(int(call.at), 0), _LATEST))

    def fact(self, call: Call, replies: list[object], at: int) -> Fact:
        """That it was added, as far as there is a fact."""
        return _NONE if replies[at] is None else unusable(replies[at])
