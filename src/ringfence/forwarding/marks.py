"""What a call carries away from the screen: our own header lines, and none that somebody else wrote in our name."""

from __future__ import annotations

import re

from ringfence.sip import headers as h
from ringfence.sip.grammar import QUOTED
from ringfence.sip.message import Request
from ringfence.sip.writer import Edit

# One value of a list: commas within quotes and brackets are its own (RFC 3261 §7.3.1).
_values = re.compile(rb'(?:[^,"<]++|' + QUOTED + rb"|<[^>]*+>)+").finditer
_address_or_parameter = re.compile(rb"[<;]").search
_BLANKS = b" \t\r\n"


def stripped(request: Request, own_prefix: bytes, trusted: bool) -> list[Edit]:
    """Cuts that every first INVITE of a trunk needs.

    own_prefix: lower-case beginning of our header names; a peer's header of that name is taken out, however spelled.
    trusted: whether the trunk's P-Asserted-Identity may stand (RFC 3325 §5: else it is removed, and by §6 the
    P-Preferred-Identity too; Remote-Party-ID, which both replaced and telephones still show, goes with them).
    All Route values of a first INVITE are the forwarding path's to drop; they may not steer past the gateways.
    """
    index = request.index
    cuts = [(start, end, b"") for start, end in index.spans_with_prefix(own_prefix)]
    if not trusted:
        for field in (h.P_ASSERTED_IDENTITY, h.P_PREFERRED_IDENTITY, h.REMOTE_PARTY_ID):
            cuts += [(start, end, b"") for start, end in index.spans(field)]
    return cuts


def named(request: Request, prefix: bytes, trusted: bool) -> list[Edit]:
    """Put `prefix` before every display name that the callee may see; the number itself is never touched.

    prefix: UTF-8 without quotes, backslashes or line breaks (the settings see to that).
    trusted: whether P-Asserted-Identity stays and shows, too; all its values are marked, for which of them a telephone
    shows is not ours to know (RFC 3325 §9.1 allows two).
    """
    index = request.index
    edits = _marked(request.data, index.spans(h.FROM), prefix, True)
    if trusted:
        edits += _marked(request.data, index.spans(h.P_ASSERTED_IDENTITY), prefix, False)
    return edits


def _marked(data: bytes, spans: list[tuple[int, int]], prefix: bytes, parameters: bool) -> list[Edit]:
    edits: list[Edit] = []
    for first, last in spans:
        for match in _values(data, data.index(b":", first) + 1, last):
            value = match[0]
            start = match.end() - len(value.lstrip(_BLANKS))
            end = match.start() + len(value.rstrip(_BLANKS))
            if start < end:
                edits.append(_prefixed(data, start, end, prefix, parameters))
    return edits


def _prefixed(data: bytes, start: int, end: int, prefix: bytes, parameters: bool) -> Edit:
    """The edit for one name-addr or addr-spec (RFC 3261 §25.1).

    parameters: whether those behind a bare addr-spec are the header's (§20.10: From) or the URI's (RFC 3325 §9.1: a
    P-Asserted-Identity has none of its own).
    """
    if data[start] == 0x22:  # a quoted display name: inside the quotes
        return (start + 1, start + 1, prefix)
    # A bracket behind a semicolon stands in a parameter's quotes and is no address.
    mark = _address_or_parameter(data, start, end)
    if mark is not None and mark[0] == b"<":
        name = (prefix + data[start : mark.start()]).rstrip(_BLANKS)
        return (start, mark.start(), b'"%b" ' % name)
    if mark is not None and parameters:
        end = start + len(data[start : mark.start()].rstrip(_BLANKS))
    return (start, end, b'"%b" <%b>' % (prefix.rstrip(), data[start:end]))
