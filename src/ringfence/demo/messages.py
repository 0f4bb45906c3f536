"""Messages that the demo agents write: requests from values, answers to requests, and a still SDP.

Written apart from the proxy's own writer on purpose: an agent that shares the proxy's code shares its mistakes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from ringfence.demo.errors import DemoError
from ringfence.demo.ladder import text
from ringfence.sip.address import host_port
from ringfence.sip.headers import FROM, TO, VIA
from ringfence.sip.message import Request
from ringfence.sip.uri import escape

ALLOW = "INVITE, ACK, CANCEL, BYE, OPTIONS"
PHRASES = {
    100: "Trying",
    180: "Ringing",
    200: "OK",
    405: "Method Not Allowed",
    480: "Temporarily Unavailable",
    481: "Call/Transaction Does Not Exist",
    486: "Busy Here",
    487: "Request Terminated",
    503: "Service Unavailable",
    603: "Decline",
}

Fields = Iterable[tuple[str, str]]


def compose(start: str, fields: Fields, body: bytes = b"") -> bytes:
    """A whole message. Raises DemoError when a value would break out of its line (RFC 3261 §7.3.1)."""
    lines = [start, *(f"{name}: {value}" for name, value in fields)]
    if body:
        lines.append("Content-Type: application/sdp")
    lines.append(f"Content-Length: {len(body)}")
    for line in lines:
        if any(sign in line for sign in "\r\n\0"):
            raise DemoError("a header value may not hold a line break or a NUL")
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def answer(
    request: Request, status: int, source: tuple[str, int], to_tag: str, fields: Fields = (), body: bytes = b""
) -> bytes:
    """The response to a request, RFC 3261 §8.2.6. source: where the request came from (§18.2.1, RFC 3581 §4)."""
    to = text(request.index.first(TO) or b"")
    copied = [
        *(("Via", value) for value in _vias(request, source)),
        ("From", text(request.index.first(FROM) or b"")),
        ("To", to if request.to_tag or status == 100 else f"{to};tag={to_tag}"),
        ("Call-ID", text(request.call_id)),
        ("CSeq", f"{request.cseq_number} {text(request.method)}"),
    ]
    return compose(f"SIP/2.0 {status} {PHRASES[status]}", [*copied, *fields], body)


def _vias(request: Request, source: tuple[str, int]) -> list[str]:
    """Every Via as it came, the first one told where the request really came from."""
    first, *others = request.index.values(VIA)
    start, end = request.via_span
    top = request.data[start:end]
    host, port = source
    stamped = top
    if request.via_rport:
        stamped = re.sub(rb";\s*rport\b", b";rport=%d" % port, top, count=1, flags=re.IGNORECASE)
    if request.via_rport or text(request.via_host).strip("[]") != host:
        stamped += f";received={host}".encode()
    return [text(first.replace(top, stamped, 1)), *map(text, others)]


def name_addr(uri: str, display: str | None = None, tag: str | None = None) -> str:
    """`"name" <uri>;tag=…`, RFC 3261 §20.10; quotes and backslashes of the name are escaped (§25.1)."""
    escaped = (display or "").replace("\\", "\\\\").replace('"', '\\"')
    shown = f'"{escaped}" ' if display else ""
    return f"{shown}<{uri}>" + (f";tag={tag}" if tag else "")


def number_uri(number: str, host: str, port: int | None = None) -> str:
    """A SIP URI with the number as its user part; a value that is a URI already stays as it is."""
    if number.partition(":")[0].lower() in ("sip", "sips", "tel"):
        return number
    user = escape(number).decode()
    where = host_port(host, port).decode() if port else host_port(host, 0).decode().rpartition(":")[0]
    return f"sip:{user}@{where}" if number else f"sip:{where}"


def caller_uri(number: str, host: str) -> str:
    """From's URI; `anonymous` is the one that RFC 3323 §4.1.1.3 has for a caller who withholds the number."""
    return "sip:anonymous@anonymous.invalid" if number.lower() == "anonymous" else number_uri(number, host)


def identity_fields(asserted: str | None, private: bool, host: str) -> list[tuple[str, str]]:
    """P-Asserted-Identity and `Privacy: id`, RFC 3325 §9.1 and §9.3, as far as they are wanted."""
    fields = [] if asserted is None else [("P-Asserted-Identity", name_addr(number_uri(asserted, host)))]
    return [*fields, ("Privacy", "id")] if private else fields


def still_sdp(host: str) -> bytes:
    """One audio stream that is never sent: the demo is about signalling (RFC 4566, inactive as of §6)."""
    family = "IP6" if ":" in host else "IP4"
    lines = (
        "v=0",
        f"o=ringfence 1 1 IN {family} {host}",
        "s=-",
        f"c=IN {family} {host}",
        "t=0 0",
        "m=audio 49170 RTP/AVP 8 101",
        "a=rtpmap:8 PCMA/8000",
        "a=rtpmap:101 telephone-event/8000",
        "a=inactive",
    )
    return "".join(f"{line}\r\n" for line in lines).encode()
