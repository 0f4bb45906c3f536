"""Who sent a call on before it came here: Diversion (RFC 5806) and History-Info (RFC 7044, RFC 4244)."""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import pairwise

from ringfence.numbering import Kind, Number
from ringfence.sip.errors import SipError
from ringfence.sip.uri import name_addr, parse_uri, split_values

MAX_ENTRIES = 20  # read of either field; a call that was sent on more often is not judged by who did it
MAX_COUNTER = 100  # RFC 5806 §5: "counter" is how many diversions one value stands for

# RFC 4458 §2.1 as RFC 8119 has it: why a target was changed for another.
_CAUSES = frozenset(("302", "380", "404", "408", "480", "486", "487", "503"))
# RFC 7044 §5: the reason why an entry was left stands escaped in its URI.
_reason = re.compile(rb"(?i)[?&]reason=sip[^&]*cause(?:=|%3d)([0-9]{3})").search

ReadUri = Callable[[bytes], Number]


class Diverted:
    """by: who diverted it last, None for nobody. hops: how often it was diverted in all.

    contradicts: Diversion and History-Info name different numbers.
    """

    __slots__ = ("by", "contradicts", "hops")

    def __init__(self, by: Number | None, hops: int, contradicts: bool = False) -> None:
        self.by = by
        self.hops = hops
        self.contradicts = contradicts


NOT_DIVERTED = Diverted(None, 0)
_UNREADABLE = Number("", "", Kind.MALFORMED)


def diverted(diversion: list[bytes], history: list[bytes], read: ReadUri) -> Diverted:
    """What both fields say together; never raises. read: the number in a URI.

    The higher count is believed, and of numbers that of Diversion: a carrier that knows both writes both.
    """
    by, hops = _by_diversion(diversion, read)
    if not history:
        return Diverted(by, hops) if hops else NOT_DIVERTED
    other, other_hops = _by_history(history, read)
    if by is None:
        return Diverted(other, other_hops) if other_hops else NOT_DIVERTED
    contradicts = other is not None and other.value != by.value
    return Diverted(by, max(hops, other_hops), contradicts)


def _by_diversion(values: list[bytes], read: ReadUri) -> tuple[Number | None, int]:
    """RFC 5806 §5: the topmost value is that of the last diversion."""
    by: Number | None = None
    hops = 0
    for part in _parts(values):
        try:
            _, uri, parameters = name_addr(part)
        except SipError:
            uri, parameters = b"", {}
        if by is None:
            by = read(uri) if uri else _UNREADABLE
        hops += _counter(parameters.get("counter", "1"))
    return by, hops


def _counter(text: str) -> int:
    return min(max(int(text), 1), MAX_COUNTER) if text.isascii() and text.isdigit() and len(text) <= 4 else 1


class _Entry:
    """One History-Info value. left: the reason escaped into its URI says that its target was given up for another."""

    __slots__ = ("cause", "index", "left", "mapped", "uri")

    def __init__(self, value: bytes) -> None:
        self.uri = b""
        self.index = self.mapped = self.cause = ""
        self.left = False
        try:
            _, uri, parameters = name_addr(value)
            bare, _, _ = uri.partition(b"?")
            self.cause = parse_uri(bare).params.get("cause", "")
        except SipError:
            return
        self.uri = bare
        self.index = parameters.get("index", "")
        self.mapped = parameters.get("mp", "")
        match = _reason(uri)
        self.left = match is not None and match[1].decode() in _CAUSES


def _by_history(values: list[bytes], read: ReadUri) -> tuple[Number | None, int]:
    """RFC 7044 §10: an entry with `mp` names whose target it replaced; older ones say it by cause or Reason."""
    entries = [_Entry(part) for part in _parts(values)]
    known = {entry.index: entry for entry in entries if entry.index}
    by: _Entry | None = None
    hops = 0
    for before, entry in pairwise(entries):
        if entry.mapped or entry.cause in _CAUSES or before.left:
            by = known.get(entry.mapped, before)
            hops += 1
    if by is None:
        return None, 0
    return read(by.uri) if by.uri else _UNREADABLE, hops


def _parts(values: list[bytes]) -> list[bytes]:
    parts: list[bytes] = []
    for value in values:
        try:
            parts += split_values(value)
        except SipError:
            parts.append(value)
        if len(parts) > MAX_ENTRIES:
            break
    return parts[: MAX_ENTRIES + 1]
