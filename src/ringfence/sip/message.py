"""Requests and responses: their bytes, an index over them, what each is asked for (RFC 3261 §7, §8.1.1).

What is read here is checked here; the rest is cut out of the bytes when somebody asks.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from ringfence.sip.chosen import HeaderIndex, chosen_parse
from ringfence.sip.errors import BadSyntax, SipError, Undecodable, UnsupportedVersion
from ringfence.sip.grammar import TOKEN
from ringfence.sip.headers import (
    CALL_ID,
    CONTENT_LENGTH,
    CSEQ,
    FROM,
    MAX_FORWARDS,
    ROUTE,
    TO,
    VIA,
)
from ringfence.sip.party import party
from ringfence.sip.uri import SIP_URI, display_text, parse_uri, split_values
from ringfence.sip.via import COOKIE, Via

MAX_CSEQ = 2**32 - 1  # RFC 3261 §8.1.1.5: a 32-bit unsigned integer
MAX_MAX_FORWARDS = 255  # RFC 3261 §20.22

# Header fields escaped into a Request-URI are forbidden (RFC 3261 §19.1.1, table 1): no `?` behind the host.
_request_line = re.compile(rb"(" + TOKEN + rb") (" + SIP_URI + rb") SIP/2\.0").fullmatch
_status_line = re.compile(rb"SIP/2\.0 ([1-6][0-9]{2}) ([\x00-\xff]*+)").fullmatch
_version = re.compile(rb"(?i:SIP)/([0-9]++)\.([0-9]++)").match
# RFC 5031 §4.2: `urn:service:sos` and its kin; the one name that is no address and must be routed all the same.
_service = re.compile(rb"(?i:urn:service:)[A-Za-z0-9.\-]++").fullmatch
_cseq = re.compile(rb"([0-9]++)[ \t]++(" + TOKEN + rb")").fullmatch
# §25.1 has word ["@" word]; every visible byte but a comma is taken: there is one reading of it.
_call_id = re.compile(rb"[!-+\--~]++").fullmatch
_NEEDED = (CALL_ID, CSEQ, FROM, TO, CONTENT_LENGTH, MAX_FORWARDS)


class Message:
    """What requests and responses have in common.

    data: the message without what came behind its end. index: over the same bytes.
    via_*: of the topmost Via value (RFC 3261 §20.42): `via_sent_by` as written, `via_host` without IPv6
    brackets, `via_port` None if not given, `via_branch` b"" if none, `via_transport` upper case, `via_rport`
    whether it has an rport parameter without value (RFC 3581), `via_span` start and end of the value in
    `data`, blanks around it and comma apart.
    from_uri, to_uri: as written, without brackets. from_tag, to_tag: b"" if none (RFC 2543).
    cseq_number: 0..2**32-1. max_forwards: 0..255, None without one.
    """

    __slots__ = (
        "_from_display",
        "_via",
        "call_id",
        "cseq_method",
        "cseq_number",
        "data",
        "from_tag",
        "from_uri",
        "index",
        "max_forwards",
        "to_tag",
        "to_uri",
        "via_branch",
        "via_host",
        "via_port",
        "via_rport",
        "via_sent_by",
        "via_span",
        "via_transport",
    )

    def __init__(self, data: bytes, index: HeaderIndex) -> None:
        call_id, cseq, from_value, to_value, length, hops = index.singles(_NEEDED)
        span = index.span(VIA)
        if span is None or cseq is None or call_id is None or not _call_id(call_id):
            raise BadSyntax("Via, CSeq or Call-ID is missing or malformed")
        via = Via(data, data.find(b":", span[0]) + 1, span[1])
        self._via = via
        self.via_sent_by = via.sent_by
        self.via_host = via.host
        self.via_port = via.port
        self.via_branch = via.branch
        self.via_rport = via.rport_end >= 0
        self.via_transport = via.transport
        self.via_span = (via.start, via.end)
        self._from_display, self.from_uri, self.from_tag = party(from_value)
        _, self.to_uri, self.to_tag = party(to_value)
        numbered = _cseq(cseq)
        if numbered is None:
            raise BadSyntax("CSeq is malformed")
        self.call_id = call_id
        self.cseq_number = _number(numbered[1], MAX_CSEQ)
        self.cseq_method = numbered[2]
        self.max_forwards = None if hops is None else _number(hops, MAX_MAX_FORWARDS)
        # RFC 3261 §18.3: a datagram without Content-Length is all message; bytes behind the length are
        # discarded, and a length beyond the datagram is an error.
        if length is not None:
            end = index.head_end + _number(length, len(data) - index.head_end)
            if end != len(data):
                data = data[:end]
        self.data = data
        self.index = index

    @property
    def body(self) -> bytes:
        """The bytes behind the empty line, b"" if none."""
        return self.data[self.index.head_end :]

    @property
    def from_display(self) -> str:
        """The caller's display name without quotes and escapes, "" if none."""
        return display_text(self._from_display) if self._from_display else ""

    def header(self, number: int) -> bytes | None:
        """The first value of a field, as `HeaderIndex.first`."""
        return self.index.first(number)


class Request(Message):
    """method: as written, case and all. uri: the Request-URI as written; `parse_uri` takes it."""

    __slots__ = ("_routes", "method", "uri")

    def __init__(self, data: bytes, index: HeaderIndex) -> None:
        line = data[: index.line_end]
        plain = _request_line(line)
        if plain is None:
            self.method, self.uri = _spelled_otherwise(line)
            # §7.1: "implementations MUST send upper-case", and this may be sent on.
            data = data[: index.line_end - 7] + b"SIP/2.0" + data[index.line_end :]
        else:
            self.method, self.uri = plain.groups()
        # What a pattern cannot see: broken escapes, a parameter given twice. Whoever parses it later will not fail.
        if b"%" in self.uri or self.uri.count(b";") > 1:
            parse_uri(self.uri)
        super().__init__(data, index)
        # RFC 3261 §8.1.1.5: "The method MUST match that of the request."
        if self.cseq_method != self.method:
            raise BadSyntax("CSeq names another method")
        # RFC 4475 §3.2.1: a cookie with nothing behind it would be everybody's transaction.
        if self.via_branch == COOKIE:
            raise BadSyntax("the branch is a bare cookie")
        self._routes: list[bytes] | None = None

    @property
    def routes(self) -> list[bytes]:
        """Every Route value in order, split at commas; raises BadSyntax when they cannot be told apart."""
        if self._routes is None:
            self._routes = [part for value in self.index.values(ROUTE) for part in split_values(value)]
        return self._routes


class Response(Message):
    """status: 100..699. reason: the phrase as written, may be b""."""

    __slots__ = ("reason", "status")

    def __init__(self, data: bytes, index: HeaderIndex) -> None:
        line = _status_line(data[: index.line_end])
        if line is None:
            raise BadSyntax("the status line is malformed")
        self.status = int(line[1])
        self.reason: bytes = line[2]
        super().__init__(data, index)


def parse_pure(data: bytes) -> Request | Response:
    """One whole message, from a datagram or cut out of a stream, RFC 3261 §7 and §18.3.

    data: bytes beyond Content-Length are dropped; header fields keep order, spelling and repeats.
    Raises SipError; its `status` is the response owed, None for a response or what is no message at all.
    Everybody calls it as `parse`, behind which a compiled twin may stand.
    """
    if data[:4].upper() != b"SIP/":
        return Request(data, HeaderIndex(data))
    if data[:3] != b"SIP":
        data = b"SIP" + data[3:]  # §7.1: "implementations MUST send upper-case", and this may be sent on
    try:
        return Response(data, HeaderIndex(data))
    except SipError as error:
        error.status = None  # nobody is owed an answer to an answer
        raise


parse: Callable[[bytes], Request | Response] = chosen_parse(Request, Response, Via, parse_pure)


def _number(text: bytes, limit: int) -> int:
    """Decimal digits, leading zeros and all, up to `limit`; int() never gets a text that is slow to read."""
    if not text.isdigit():
        raise BadSyntax("a number is malformed")
    if len(text) > 10:
        text = text.lstrip(b"0")[:11] or b"0"
    number = int(text)
    if number > limit:
        raise BadSyntax("a number is out of range")
    return number


def _spelled_otherwise(line: bytes) -> tuple[bytes, bytes]:
    """Method and Request-URI of an unusual line (tel:, version in lower case), or the refusal it deserves."""
    method, _, rest = line.partition(b" ")
    uri, _, version = rest.rpartition(b" ")
    match = _version(version) or _version(line.rstrip(b" \t").rpartition(b" ")[2])
    if match is None:
        raise Undecodable("not a SIP message")
    if (match[1], match[2]) != (b"2", b"0"):
        raise UnsupportedVersion("a version that is not spoken here")
    if len(version) != 7 or re.fullmatch(TOKEN, method) is None or match.end() != 7:
        raise BadSyntax("the request line is malformed")
    # §7.1: one space between the parts, none inside them, no brackets around the URI.
    if _service(uri) is None and parse_uri(uri).has_headers:
        raise BadSyntax("the Request-URI has header fields escaped into it")
    return method, uri
