"""Did the callee agree to be called by this holder, or refuse."""

from __future__ import annotations

from functools import lru_cache

from ringfence.lookups.layout import Record, unpack
from ringfence.lookups.questions import NO_NUMBER, Fact, Question, unusable
from ringfence.lookups.view import IndexView
from ringfence.screening import Call, Consent, Need, Scope, Unknown

NOTHING = Consent(False)
LOST = Unknown("index_lost")
_SCOPES: tuple[Scope, ...] = ("everybody", "sector", "holder")


_HEAD = b"HMGET\r\n$%d\r\n%b\r\n$1\r\nm\r\n"
_TWO = b"*5\r\n$5\r\n" + _HEAD + 2 * b"$8\r\n%b\r\n"
_THREE = b"*6\r\n$5\r\n" + _HEAD + 3 * b"$8\r\n%b\r\n"
_CONSENT_ALONE = {b"\x01": 10, b"\x05": 14}
"""Flags of a consent, without an end and with one, and the length of a value that is this one record."""


@lru_cache(maxsize=1024)
def _scopes(holder: str, sector: str | None) -> tuple[bytes, ...]:
    """What is asked about: all holders, the sector if any, the holder."""
    own = b"holder:%b" % holder.encode()
    return (b"*", b"sector:%b" % sector.encode(), own) if sector else (b"*", own)


class ConsentQuestion(Question):
    """One HMGET of the callee's bucket: its mark, and what stands for all, for the sector and for the holder."""

    __slots__ = ("_view",)

    def __init__(self, view: IndexView) -> None:
        super().__init__(Need.CONSENT, 1)
        self._view = view

    def commands(self, call: Call) -> bytes | Fact:
        """Unknown without a callee's number, and while no index can be believed."""
        callee = call.callee.value
        if not callee:
            return NO_NUMBER
        generation = self._view.generation
        if generation is None:
            return self._view.unknown
        key, fields = generation.places(callee.encode(), _scopes(call.trunk.holder, call.sector()))
        if len(fields) == 3:
            return _THREE % (len(key), key, *fields)
        return _TWO % (len(key), key, *fields)

    def fact(self, call: Call, replies: list[object], at: int) -> Fact:
        """What the records say at the time of the call. A bucket without its mark says nothing."""
        values = replies[at]
        if type(values) is not list or len(values) != 3 + bool(call.sector()):
            return unusable(values)
        if values[0] is None:
            return LOST
        if not any(values[1:]):
            return NOTHING
        every, own = values[1], values[-1]
        if type(own) is bytes and len(own) == _CONSENT_ALONE.get(own[:1]) and not any(values[1:-1]):
            return Consent(True, None, float(int.from_bytes(own[10:], "big")) if len(own) == 14 else None)
        found: list[list[Record]] = []
        for value in (every, values[2] if len(values) == 4 else None, own):
            records = unpack(value or b"") if value is None or type(value) is bytes else None
            if records is None:
                return unusable(value)
            found.append(records)
        return weighed(found, call.at)


def weighed(found: list[list[Record]], at: float) -> Consent:
    """Records of everybody, sector and holder, in this order, at a time (epoch seconds).

    A refusal or wish of any scope beats a consent, unless the consent is newer, holds, and was given to this holder:
    then it was given in spite of it. Nobody consents to all holders at once. Of several refusals the narrowest is
    named. An ended consent stays visible: the rule says that it expired.
    """
    consent = next((one for one in found[2] if one.kind == "consent" and not one.removed), None)
    given = -1
    if consent is not None and (consent.until is None or consent.until > at):
        given = consent.since
    refused: Scope | None = None
    wish: Scope | None = None
    for scope, records in zip(_SCOPES, found, strict=True):
        for one in records:
            if one.kind == "consent" or one.removed or one.since < given or (one.until or at + 1) <= at:
                continue
            if one.kind == "refusal":
                refused = scope
            else:
                wish = scope
    until = None if consent is None or consent.until is None else float(consent.until)
    return Consent(consent is not None, refused, until, wish)
