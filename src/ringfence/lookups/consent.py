"""Did the callee agree to be called by this holder, or refuse."""

from __future__ import annotations

from ringfence.lookups.keys import EVERY_HOLDER, Keys
from ringfence.lookups.questions import NO_NUMBER, Fact, command, unusable
from ringfence.screening import Call, Consent, Need

_EVERY_HOLDER = EVERY_HOLDER.encode()


class ConsentQuestion:
    """One HMGET of the callee's hash: what stands for the holder, and for all holders."""

    __slots__ = ("_keys",)
    need = Need.CONSENT
    replies = 1

    def __init__(self, keys: Keys) -> None:
        self._keys = keys

    def commands(self, call: Call) -> bytes:
        """b"" without a callee's number."""
        callee = call.callee.value
        if not callee:
            return b""
        keys = self._keys
        return command(b"HMGET", keys.consent(keys.digest(callee)), call.trunk.holder.encode(), _EVERY_HOLDER)

    def absent(self, call: Call) -> Fact:
        """There is no number to ask about."""
        return NO_NUMBER

    def fact(self, call: Call, replies: list[object], at: int) -> Fact:
        """A refusal, of this holder or of all, beats any consent; nobody can consent to all holders at once.

        An ended consent stays visible: the rule says that it expired.
        """
        values = replies[at]
        if type(values) is not list or len(values) != 2:
            return unusable(values)
        own, every = values
        if own is None and every is None:
            return Consent(False, False)
        for value in values:
            if value is not None and not readable(value):
                return unusable(value)
        refused = b"-" in ((own or b"")[:1], (every or b"")[:1])
        granted = own is not None and own[:1] == b"+"
        return Consent(granted, refused, (float(own[1:]) or None) if granted else None)


def readable(value: object) -> bool:
    """`+` or `-` and epoch seconds."""
    return type(value) is bytes and value[:1] in (b"+", b"-") and value[1:].isdigit() and len(value) <= 16
