"""What a proxy must refuse before it forwards (RFC 3261 §16.3), beyond what the parser already refused."""

from __future__ import annotations

import re
from typing import Final

from ringfence.forwarding.token import OwnNames
from ringfence.sip import headers as h
from ringfence.sip.errors import BadSyntax
from ringfence.sip.index import MAX_HEADERS
from ringfence.sip.message import Request
from ringfence.sip.uri import name_addr
from ringfence.sip.writer import PHRASES

# What nearly everybody writes; all else is the parser's to judge.
_plain_route = re.compile(rb"<[A-Za-z][A-Za-z0-9+.\-]*+:[!#-;=?-~]++>(?:;[\x00-\xff]*+)?").fullmatch
# What we put on a copy: a Via, two Record-Routes, a Route, Max-Forwards, Content-Length, the marks of a tagged call.
# The copy must stay one that we can read ourselves, as its ACK and CANCEL are made from it.
OWN_LINES: Final = 16
_MANY: Final = 4 * (MAX_HEADERS - OWN_LINES)  # bytes: `a:` and its CRLF are the shortest line
_BRANCH_LOOP = re.compile(rb";branch=z9hG4bK[^;,\s.]*\.([0-9a-f]{8})", re.IGNORECASE)

Fault = tuple[int, bytes, bytes]
"""Status, phrase and header lines of the refusal."""


def fault_of(request: Request, own: OwnNames, loop_mark: bytes) -> Fault | None:
    """The first reason not to forward, None if there is none.

    loop_mark: `loop_mark_of` this request, as our branch would carry it.
    """
    index = request.index
    if index.head_end > _MANY and request.data.count(b"\r\n", 0, index.head_end) > MAX_HEADERS - OWN_LINES:
        return _fault(513)
    # Item 1: a Route that cannot be read would steer us one way and the next element another.
    if index.count(h.ROUTE) and not _routable(request):
        return _fault(400)
    # Item 3: "If the Max-Forwards value is zero, the element MUST NOT forward the request." An OPTIONS is the
    # engine's to answer before it comes here.
    if request.max_forwards == 0:
        return _fault(483)
    # Item 4 and RFC 5393 §4.2.
    if own_via_marks(request, own, loop_mark):
        return _fault(482)
    # Item 5: we understand no proxy option at all, so each tag is listed.
    if index.count(h.PROXY_REQUIRE) and request.method not in (b"ACK", b"CANCEL"):
        tags = b", ".join(value for value in index.values(h.PROXY_REQUIRE) if value)
        if tags:
            return _fault(420, b"Unsupported: " + tags + b"\r\n")
    # RFC 5393 §5.3.3.1: a breadth below one leaves no branch to forward on.
    breadth = index.first(h.MAX_BREADTH)
    if breadth is not None:
        if not breadth.isdigit():
            return _fault(400)
        if not breadth.strip(b"0"):
            return _fault(440)
    return None


def _routable(request: Request) -> bool:
    """Whether every Route value is an address (§20.34)."""
    try:
        for route in request.routes:
            if _plain_route(route) is None:
                name_addr(route)
    except BadSyntax:
        return False
    return True


def own_via_marks(request: Request, own: OwnNames, loop_mark: bytes) -> bool:
    """Whether this very request came through us before: one of our Vias bears the mark that we would give it now."""
    if request.data.find(loop_mark) < 0:
        return False  # no Via can bear it; saves taking the Vias apart
    for line in request.index.values(h.VIA):
        for value in line.split(b","):
            protocol, _, rest = value.strip().partition(b" ")
            sent_by = rest.strip().partition(b";")[0].strip()
            match = _BRANCH_LOOP.search(value)
            if protocol and match is not None and match[1] == loop_mark and own.is_own_host(sent_by):
                return True
    return False


def _fault(status: int, headers: bytes = b"") -> Fault:
    return status, PHRASES[status], headers
