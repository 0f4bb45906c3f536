"""Bytes made of other messages' bytes: responses, stamped Vias, forwarded copies."""

from __future__ import annotations

from operator import itemgetter
from zlib import crc32

from ringfence.sip.chosen import chosen
from ringfence.sip.errors import SipError
from ringfence.sip.headers import CALL_ID, CSEQ, FROM, IDS, OTHER, ROUTE, TIMESTAMP, TO, VIA
from ringfence.sip.index import unfold
from ringfence.sip.message import Request, Response
from ringfence.sip.party import party
from ringfence.sip.via import Via

PHRASES: dict[int, bytes] = {
    100: b"Trying",
    180: b"Ringing",
    181: b"Call Is Being Forwarded",
    182: b"Queued",
    183: b"Session Progress",
    200: b"OK",
    202: b"Accepted",
    300: b"Multiple Choices",
    301: b"Moved Permanently",
    302: b"Moved Temporarily",
    305: b"Use Proxy",
    380: b"Alternative Service",
    400: b"Bad Request",
    401: b"Unauthorized",
    402: b"Payment Required",
    403: b"Forbidden",
    404: b"Not Found",
    405: b"Method Not Allowed",
    406: b"Not Acceptable",
    407: b"Proxy Authentication Required",
    408: b"Request Timeout",
    410: b"Gone",
    413: b"Request Entity Too Large",
    414: b"Request-URI Too Long",
    415: b"Unsupported Media Type",
    416: b"Unsupported URI Scheme",
    420: b"Bad Extension",
    421: b"Extension Required",
    422: b"Session Interval Too Small",
    423: b"Interval Too Brief",
    428: b"Use Identity Header",
    433: b"Anonymity Disallowed",
    436: b"Bad Identity Info",
    437: b"Unsupported Credential",
    438: b"Invalid Identity Header",
    440: b"Max-Breadth Exceeded",
    480: b"Temporarily Unavailable",
    481: b"Call/Transaction Does Not Exist",
    482: b"Loop Detected",
    483: b"Too Many Hops",
    484: b"Address Incomplete",
    485: b"Ambiguous",
    486: b"Busy Here",
    487: b"Request Terminated",
    488: b"Not Acceptable Here",
    491: b"Request Pending",
    493: b"Undecipherable",
    500: b"Server Internal Error",
    501: b"Not Implemented",
    502: b"Bad Gateway",
    503: b"Service Unavailable",
    504: b"Server Time-out",
    505: b"Version Not Supported",
    513: b"Message Too Large",
    600: b"Busy Everywhere",
    603: b"Decline",
    604: b"Does Not Exist Anywhere",
    606: b"Not Acceptable",
    607: b"Unwanted",
    608: b"Rejected",
}
"""The phrase of each status by RFC 3261 §21 and IANA's registry."""

Edit = tuple[int, int, bytes]


def stamped_via_pure(request: Request, host: str, port: int) -> bytes:
    """The top Via value told where the request really came from.

    host, port: the source, an IPv6 address without brackets (RFC 5118 §4.5).
    RFC 3261 §18.2.1: `received` when the sent-by is another host; RFC 3581 §4: with rport, both always.
    A `received` that the sender wrote is replaced: it would send our answers elsewhere.
    """
    return _stamped(request.data, request._via, host.encode(), port)


def _stamped(data: bytes, via: Via, host: bytes, port: int) -> bytes:
    start, end = via.start, via.end
    cut = via.received
    rport = via.rport_end
    if cut is None and rport < 0:
        return data[start:end] if via.host == host else b"%b;received=%b" % (data[start:end], host)
    edits: list[Edit] = []
    if rport >= 0:
        edits.append((rport - start, rport - start, b"=%d" % port))
    if cut is not None:
        edits.append((cut[0] - start, cut[1] - start, b"=" + host))
    else:
        edits.append((end - start, end - start, b";received=" + host))
    return splice_pure(data[start:end], edits)


def response_pure(
    request: Request, status: int, phrase: bytes, via: bytes, to_tag: bytes, headers: bytes = b""
) -> bytes:
    """A response to a request, without a body, RFC 3261 §8.2.6.

    via: the stamped top Via value. to_tag: put on To when it has none; a 100 gets none (§8.2.6.2) but the
    request's Timestamp (§8.2.6.1). headers: whole lines with their CRLF.
    """
    data = request.data
    index = request.index
    start, end = request.via_span
    (first, last), *others = index.spans(VIA)
    pieces = [b"SIP/2.0 %d %b\r\n" % (status, phrase), data[first:start], via, data[end:last]]
    pieces += [data[first:last] for first, last in others]
    for number in (FROM, TO, CALL_ID, CSEQ):
        first, last = index.span(number) or (0, 0)
        if number == TO and status != 100 and not request.to_tag:
            pieces.append(b"%b;tag=%b\r\n" % (data[first : last - 2], to_tag))
        else:
            pieces.append(data[first:last])
    if status == 100:
        pieces += [data[first:last] for first, last in index.spans(TIMESTAMP)]
    pieces += (headers, b"Content-Length: 0\r\n\r\n")
    return b"".join(pieces)


def has_second_via_pure(response: Response) -> bool:
    """Whether somebody stands behind us to pass the response to (RFC 3261 §16.7 item 3)."""
    if response.index.count(VIA) > 1:
        return True
    _, end = response.index.span(VIA) or (0, 0)
    return response._via.next_value(response.data, end) < end


def without_top_via_pure(response: Response) -> bytes:
    """The whole message without its first Via value, RFC 3261 §16.7 item 3."""
    data = response.data
    start, end = response.index.span(VIA) or (0, 0)
    following = response._via.next_value(data, end)
    if following < end:
        return data[: response._via.start] + data[following:]
    return data[:start] + data[end:]


def loop_mark_pure(request: Request, peer: str) -> bytes:
    """Eight hex digits over what decides a request's way: equal when the very same request comes round again.

    RFC 3261 §16.6 item 8: To tag, From tag, Call-ID, Request-URI, CSeq number, Route. peer: who sent it, since a first
    INVITE goes to the gateways of its trunk.
    """
    fields = (request.uri, request.call_id, request.from_tag, request.to_tag, b"%d" % request.cseq_number)
    return b"%08x" % crc32(b"\0".join((*fields, *request.index.values(ROUTE), peer.encode())))


def salvaged_response(data: bytes, status: int, phrase: bytes, host: str, port: int) -> bytes | None:
    """A response to a request that `parse` refused, made of what can be read; host, port: the source.

    None when it must not or cannot be answered: an ACK (RFC 3261 §17.2), a response, no start line, a Via
    that shows no way home. Fields that are missing or broken beyond copying are left out, a repeated one is
    copied once. The To tag is made of the request's bytes: a retransmission gets the same answer (§8.2.7).
    """
    head, *_ = data.partition(b"\r\n\r\n")
    start_line, *lines = head.split(b"\r\n")
    method = start_line.partition(b" ")[0]
    if b" SIP/" not in start_line.upper() or method.upper() == b"ACK":
        return None
    fields: dict[int, list[bytes]] = {}
    for line in _whole(lines):
        name, _, _ = line.partition(b":")
        number = IDS.get(name.rstrip(b" \t").lower(), OTHER)
        fields.setdefault(number, []).append(line)
    vias = fields.get(VIA, [])
    if not vias or any(_breaks(line) for line in vias):
        return None
    top = vias[0]
    try:
        via = Via(top, top.index(b":") + 1, len(top))
    except (SipError, ValueError):
        return None
    stamped = top[: via.start] + _stamped(top, via, host.encode(), port) + top[via.end :]
    pieces = [b"SIP/2.0 %d %b" % (status, phrase), stamped, *vias[1:]]
    for number in (FROM, TO, CALL_ID, CSEQ):
        line = fields.get(number, [b""])[0]
        if line and not _breaks(line):
            pieces.append(line + _missing_tag(line, data) if number == TO else line)
    pieces.append(b"Content-Length: 0\r\n\r\n")
    return b"\r\n".join(pieces)


def splice_pure(data: bytes, edits: list[Edit]) -> bytes:
    """A copy of `data` with each edit's start..end replaced by its bytes; the rest is taken as it is.

    edits: in any order; at one place an insertion comes before a replacement, insertions in the order given.
    Raises ValueError for edits that overlap or leave `data`: that is a bug of the caller.
    """
    pieces: list[bytes] = []
    at = 0
    for start, end, new in sorted(edits, key=_by_place):
        if not at <= start <= end:
            raise ValueError("edits overlap")
        pieces += (data[at:start], new)
        at = end
    if at > len(data):
        raise ValueError("an edit lies outside of the message")
    pieces.append(data[at:])
    return b"".join(pieces)


_by_place = itemgetter(0, 1)

# What everybody calls; compiled where this process has it.
splice = chosen("splice", splice_pure)
stamped_via = chosen("stamped_via", stamped_via_pure)
response = chosen("response", response_pure)
has_second_via = chosen("has_second_via", has_second_via_pure)
without_top_via = chosen("without_top_via", without_top_via_pure)
loop_mark = chosen("loop_mark", loop_mark_pure)


def _whole(lines: list[bytes]) -> list[bytes]:
    """Lines with their folds; a fold at the top continues nothing and is dropped."""
    whole: list[list[bytes]] = []
    for line in lines:
        if line[:1] not in (b" ", b"\t"):
            whole.append([line])
        elif whole:
            whole[-1].append(line)
    return [b"\r\n".join(parts) for parts in whole]


def _breaks(line: bytes) -> bool:
    """Whether a CR or LF stands outside of a fold: copied, it could begin a line of its own."""
    rest = line.replace(b"\r\n ", b"").replace(b"\r\n\t", b"")
    return b"\r" in rest or b"\n" in rest


def _missing_tag(line: bytes, data: bytes) -> bytes:
    """What a To line lacks: `;tag=`, nothing if it has one or is too broken to say."""
    try:
        _, _, tag = party(unfold(line.partition(b":")[2].strip(b" \t\r\n")))
    except SipError:
        return b""
    return b"" if tag else b";tag=rf-%08x" % crc32(data)
