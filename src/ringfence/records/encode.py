"""Trails to record bodies; runs once or twice a call, so it builds each in one go."""

from __future__ import annotations

import re

import orjson

from ringfence.engine.trail import CALLER, DECISION, END, Trail
from ringfence.numbering import Number
from ringfence.numbering.number import NO_CLASS
from ringfence.records.schema import FIELDS, RELEASED
from ringfence.screening import NOT_ASKED, Facts, Need, Unknown, Verdict
from ringfence.sip import headers as h
from ringfence.sip.address import Endpoint
from ringfence.sip.message import Request

LONGEST = 16_384  # bytes of a body; longer ones have their values cut
LONGEST_VALUE = 512  # bytes of each value then

_NO_NUMBERS = b"\n" * 8
_FORWARDED = b"\n\n0\n\n\n"  # the verdict's part of a call that no rule minded
_FACTS = tuple(need.value for need in Need)
_FINDINGS = FIELDS["D"].index("findings")
_PLACES = {b"call-id": 0, b"i": 0, b"from": 1, b"f": 1, b"to": 2, b"t": 2}
_salvage = re.compile(rb"(?im)^(call-id|i|from|f|to|t)[ \t]*:[ \t]*([^\r\n]*)")


def body_of(kind: int, trail: Trail, wall: int, now: float) -> bytes:
    """The record of one note. wall: microseconds at `now`, which is the monotonic time that trails count in."""
    if kind == DECISION:
        body = _decision(trail, wall, now)
    elif kind == END:
        body = _end(trail, wall, now)
    else:
        body = _outcome(trail, wall, now)
    return body if len(body) <= LONGEST else _cut(body)


def note(event: str, text: str, wall: int) -> bytes:
    """What happened to the records themselves."""
    return f"N\n{wall}\n{event}\n{_clean(text)}".encode()


def fault(kind: int, trail: Trail, wall: int) -> bytes:
    """In the place of a record that our own bug kept from being made: at least which call it was."""
    return b"N\n%d\nfault\nkind %d of Call-ID %b" % (wall, kind, trail.call_id)


def _decision(trail: Trail, wall: int, now: float) -> bytes:
    peer = trail.peer
    trunk = peer.trunk
    who = f"{peer.name}\n\ngateway" if trunk is None else f"{trunk.name}\n{_clean(trunk.holder)}\n{trunk.kind}"
    source = trail.source
    request = trail.request
    assert request is not None
    purpose = "" if trunk is None else "marketing" if trunk.marketing else trunk.purpose
    return b"D\n%d\n%d\n%b\n%b\n%b\n%b\n%b\n%b" % (
        wall - int((now - trail.at) * 1e6),
        int(trail.at * 1e6),
        f"{who}\n{source.transport}\n{source.host}:{source.port}".encode(),
        _said(request) if isinstance(request, Request) else _salvaged(request),
        _numbers(trail),
        _judged(trail),
        purpose.encode(),
        b"" if trunk is None else _clean(trunk.connected_by).encode(),
    )


def _said(request: Request) -> bytes:
    """What the INVITE itself says, byte for byte but for folds."""
    index = request.index
    first = index.first
    asserted = first(h.P_ASSERTED_IDENTITY)
    preferred = first(h.P_PREFERRED_IDENTITY)
    diversion = first(h.DIVERSION)
    return b"\n".join(
        (
            request.call_id,
            request.uri,
            first(h.FROM) or b"",
            first(h.TO) or b"",
            b"" if asserted is None else b"\r".join(index.values(h.P_ASSERTED_IDENTITY)),
            b"" if preferred is None else b"\r".join(index.values(h.P_PREFERRED_IDENTITY)),
            b"" if diversion is None else b"\r".join(index.values(h.DIVERSION)),
            first(h.PRIVACY) or b"",
            b"" if first(h.IDENTITY) is None else b"unchecked",
        )
    )


def _salvaged(data: bytes) -> bytes:
    """The same of a message that could not be read."""
    head = data[:LONGEST].partition(b"\r\n\r\n")[0]
    found = [b"", b"", b""]
    for match in _salvage.finditer(head):
        place = _PLACES[match[1].lower()]
        found[place] = found[place] or match[2]
    line = re.split(rb"[\r\n]", head, maxsplit=1)[0][:LONGEST_VALUE]
    call_id, sender, to = (value[:LONGEST_VALUE] for value in found)
    return b"\n".join((call_id, line, sender, to, b"", b"", b"", b"", b""))


def _numbers(trail: Trail) -> bytes:
    call = trail.call
    if call is None:
        return _NO_NUMBERS
    shown = _number(call.shown)
    caller = shown if call.caller is call.shown else _number(call.caller)
    return f"{shown}\n{caller}\n{_number(call.callee)}".encode("utf-8", "backslashreplace")


def _number(number: Number) -> str:
    named = number.kind if number.class_ is NO_CLASS else number.class_.name
    return f"{number.value}\n{named}\n{number.province or number.country}"


def _judged(trail: Trail) -> bytes:
    verdict = trail.verdict
    place = b"\n"
    if trail.tried:
        place = _place(trail, 0)
    facts = b"" if trail.facts is None else _facts(trail.facts)
    if verdict is None:
        action = b"inside" if trail.inside and trail.tried else b"abandon" if trail.released == CALLER else b"refuse"
        return b"%d\n%b%b%b\n%d\n%b" % (trail.generation, action, _FORWARDED, facts, trail.status, place)
    said = _FORWARDED if not (verdict.findings or verdict.unknown) else _verdict(verdict)
    return b"%d\n%b%b%b\n%d\n%b" % (
        trail.generation, verdict.action.encode(), said, facts, trail.status, place,
    )  # fmt: skip


def _verdict(verdict: Verdict) -> bytes:
    findings = [
        [judged.reason, judged.mode, judged.finding.strength, judged.points, judged.finding.detail]
        for judged in verdict.findings
    ]
    unknown = ",".join(verdict.unknown)
    return b"\n%b\n%b\n%b\n%b\n" % (
        verdict.reason.encode(), b"%g" % verdict.points, orjson.dumps(findings), unknown.encode(),
    )  # fmt: skip


def _facts(facts: Facts) -> bytes:
    parts = []
    for name in _FACTS:
        fact = getattr(facts, name)
        if fact is not NOT_ASKED:
            parts.append(name.encode() + b"=" + orjson.dumps(fact[0] if isinstance(fact, Unknown) else tuple(fact)))
    return b"\r".join(parts)


def _place(trail: Trail, which: int) -> bytes:
    hop = trail.tried[which] if trail.hop is None else trail.hop
    name = "" if hop.gateway is None else hop.gateway.name
    return f"{name}\n{_address(hop.endpoint)}".encode()


def _address(endpoint: Endpoint) -> str:
    return f"{endpoint.transport}:{endpoint.host}:{endpoint.port}"


def _outcome(trail: Trail, wall: int, now: float) -> bytes:
    tried = trail.tried
    every = b"" if len(tried) < 2 else "\r".join(hop.gateway.name for hop in tried if hop.gateway is not None).encode()
    return b"O\n%d\n%d\n%b\n%d\n%d\n%d\n%b\n%b\n%b" % (
        wall - int((now - trail.final_at) * 1e6),
        trail.number,
        trail.call_id,
        trail.final,
        (trail.rang - trail.at) * 1e3 if trail.rang else -1,
        (trail.final_at - trail.at) * 1e3,
        RELEASED[trail.released].encode(),
        _place(trail, -1) if tried else b"\n",
        every,
    )


def _end(trail: Trail, wall: int, now: float) -> bytes:
    return b"E\n%d\n%d\n%b\n%d\n%b\n%b\n%b" % (
        wall - int((now - trail.ended) * 1e6),
        trail.number,
        trail.call_id,
        (trail.ended - trail.answered) * 1e3 if trail.answered else -1,
        RELEASED[trail.released].encode(),
        trail.reason,
        trail.peer.name.encode(),
    )


def _clean(text: str) -> str:
    return text.replace("\n", " ").replace("\r", " ")


def _cut(body: bytes) -> bytes:
    values = body.split(b"\n")
    return b"\n".join([value if at == _FINDINGS else value[:LONGEST_VALUE] for at, value in enumerate(values)])
