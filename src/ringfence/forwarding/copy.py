"""The forwarded copy of a request: the original's slices around what must change (RFC 3261 §16.6)."""

from __future__ import annotations

import re
from typing import Final

from ringfence.forwarding.route import Path
from ringfence.sip import headers as h
from ringfence.sip.address import Listener
from ringfence.sip.chosen import chosen
from ringfence.sip.message import Request
from ringfence.sip.writer import Edit, splice_pure

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
    edits: further changes to the original's bytes behind the start line.
    All that is not named here goes out byte for byte, unknown header fields and the body included.
    """
    return copied(
        request,
        path.uri if path.changed else None,
        path.routes,
        listener.via_prefix + branch + b"\r\n",
        via,
        lines,
        edits if edits is not None else [],
        listener.transport != "udp",
    )


def copied_pure(
    request: Request,
    uri: bytes | None,
    routes: list[bytes],
    via_line: bytes,
    via: bytes,
    lines: bytes,
    edits: list[Edit],
    framed: bool,
) -> bytes:
    """As `forwarded`, of what that finds in path and listener.

    uri: the Request-URI to forward with, `routes` the only Route values; None: both stay as they came.
    via_line: our own. framed: the copy needs a Content-Length.
    """
    data = request.data
    index = request.index
    top = lines
    changes = edits.copy()
    span = index.span(h.MAX_FORWARDS)
    if span is None:
        top += DEFAULT_MAX_FORWARDS
    else:
        hops = request.max_forwards
        assert hops is not None and hops > 0  # §16.3 item 3 was asked before
        changes.append((span[0], span[1], b"Max-Forwards: %d\r\n" % (hops - 1)))
    if framed and not index.count(h.CONTENT_LENGTH):
        # §16.6 item 10: a stream needs what a datagram may leave out (§18.3).
        top += b"Content-Length: %d\r\n" % (len(data) - index.head_end)
    start, end = request.via_span
    if data[start:end] != via:
        changes.append((start, end, via))
    first_line_end = index.line_end + 2
    if uri is not None:
        changes += [(start, end, b"") for start, end in index.spans(h.ROUTE)]
        if routes:
            # One line however many values: a line each could make of a message one that nobody reads (MAX_HEADERS).
            top += b"Route: %b\r\n" % b", ".join(routes)
    above, _ = index.span(h.VIA) or (first_line_end, 0)
    if above == first_line_end:
        top += via_line
    else:
        # Right above theirs: some far ends take the first run of Via lines for all of them.
        changes.append((above, above, via_line))
    if uri is not None:
        changes.append((0, first_line_end, b"%b %b SIP/2.0\r\n%b" % (request.method, uri, top)))
    elif top:
        changes.append((first_line_end, first_line_end, top))
    return splice_pure(data, changes)


copied = chosen("copied", copied_pure)


def framed(response: bytes) -> bytes:
    """A response fit for a stream: with the Content-Length that a datagram may leave out (§18.3)."""
    head_end = response.index(b"\r\n\r\n") + 4
    if _content_length(response, 0, head_end) is not None:
        return response
    line_end = response.index(b"\r\n") + 2
    length = b"Content-Length: %d\r\n" % (len(response) - head_end)
    return response[:line_end] + length + response[line_end:]
