"""The forwarded copy of a request: the original's slices around what must change (RFC 3261 §16.6)."""

from __future__ import annotations

import re
from typing import Final

from ringfence.forwarding.route import Path
from ringfence.sip import headers as h
from ringfence.sip.address import Listener
from ringfence.sip.message import Request
from ringfence.sip.writer import Edit, splice

_content_length = re.compile(rb"\r\n(?:content-length|l)[ \t]*+:", re.IGNORECASE).search
DEFAULT_MAX_FORWARDS: Final = b"Max-Forwards: 70\r\n"  # §16.6 item 3


def forwarded(
    request: Request,
    path: Path,
    listener: Listener,
    branch: bytes,
    via: bytes,
    lines: bytes = b"",
    edits: list[Edit] | None = None,
) -> bytes:
    """The request as it leaves through `listener`.

    via: the top Via value as we received it, received and rport filled in.
    lines: whole header lines of ours (Record-Route, tags) to stand on top.
    edits: further changes to the original's bytes behind the start line; the list is taken over.
    All that is not named here goes out byte for byte, unknown header fields and the body included.
    """
    data = request.data
    index = request.index
    top = lines
    changes = edits if edits is not None else []
    span = index.span(h.MAX_FORWARDS)
    if span is None:
        top += DEFAULT_MAX_FORWARDS
    else:
        hops = request.max_forwards
        assert hops is not None and hops > 0  # §16.3 item 3 was asked before
        changes.append((span[0], span[1], b"Max-Forwards: %d\r\n" % (hops - 1)))
    if listener.transport != "udp" and not index.count(h.CONTENT_LENGTH):
        # §16.6 item 10: a stream needs what a datagram may leave out (§18.3).
        top += b"Content-Length: %d\r\n" % (len(data) - index.head_end)
    start, end = request.via_span
    if data[start:end] != via:
        changes.append((start, end, via))
    first_line_end = index.line_end + 2
    if path.changed:
        changes += [(start, end, b"") for start, end in index.spans(h.ROUTE)]
        if path.routes:
            # One line however many values: a line each could make of a message one that nobody reads (MAX_HEADERS).
            top += b"Route: %b\r\n" % b", ".join(path.routes)
    ours = b"%b%b\r\n" % (listener.via_prefix, branch)
    via_line, _ = index.span(h.VIA) or (first_line_end, 0)
    if via_line == first_line_end:
        top += ours
    else:
        # Right above theirs: some far ends take the first run of Via lines for all of them.
        changes.append((via_line, via_line, ours))
    if path.changed:
        changes.append((0, first_line_end, b"%b %b SIP/2.0\r\n%b" % (request.method, path.uri, top)))
    elif top:
        changes.append((first_line_end, first_line_end, top))
    return splice(data, changes)


def framed(response: bytes) -> bytes:
    """A response fit for a stream: with the Content-Length that a datagram may leave out (§18.3)."""
    head_end = response.index(b"\r\n\r\n") + 4
    if _content_length(response, 0, head_end) is not None:
        return response
    line_end = response.index(b"\r\n") + 2
    length = b"Content-Length: %d\r\n" % (len(response) - head_end)
    return response[:line_end] + length + response[line_end:]
