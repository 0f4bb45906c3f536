"""How often the caller called in the last window, this call included."""

from __future__ import annotations

from ringfence.lookups.keys import Keys
from ringfence.lookups.questions import NO_NUMBER, Fact, Question, template, unusable
from ringfence.screening import Call, Need, Rate


class CallerRateQuestion(Question):
    """Counts the attempt in a counter of the running window and reads that of the one before.

    window: whole seconds, at least 1.
    Asking counts, so each INVITE is asked about once and nothing is ever sent a second time.
    """

    __slots__ = ("_bucket", "_keys", "_template", "_window")

    def __init__(self, keys: Keys, window: float) -> None:
        super().__init__(Need.CALLER_RATE, 3)
        self._keys = keys
        self._window = max(1, round(window))
        self._bucket = -1
        self._template = b""

    def commands(self, call: Call) -> bytes | Fact:
        """Unknown without a caller's number: those who withhold it do not share a counter."""
        caller = call.caller.value
        if not caller:
            return NO_NUMBER
        bucket = int(call.at) // self._window
        if bucket != self._bucket:
            self._turn_to(bucket)
        digest = self._keys.digest(caller)
        return self._template % (digest, digest, digest)

    def _turn_to(self, bucket: int) -> None:
        keys = self._keys
        sample = keys.digest("")
        now, before = keys.attempts(sample, bucket), keys.attempts(sample, bucket - 1)
        # The counter is born with its expiry: INCR and then EXPIRE would leave one for ever wherever a
        # connection breaks between the two. One window more than it is read for, as clocks differ.
        expiry = b"%d" % (3 * self._window)
        self._template = (
            template(b"SET", now, b"0", b"NX", b"EX", expiry, digest=sample)
            + template(b"INCR", now, digest=sample)
            + template(b"GET", before, digest=sample)
        )
        self._bucket = bucket

    def fact(self, call: Call, replies: list[object], at: int) -> Fact:
        """The running window's attempts and the part of the window before that still counts, rounded down."""
        made, attempts, before = replies[at : at + 3]
        if type(attempts) is not int:
            return unusable(made, attempts)
        window = self._window
        if before is None:
            return Rate(attempts, float(window))
        if type(before) is not bytes or not before.isdigit() or len(before) > 16:
            return unusable(before)
        share = 1.0 - (call.at % window) / window
        return Rate(attempts + int(share * int(before)), float(window))
