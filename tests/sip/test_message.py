from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.messages import SDP, request, response

from ringfence.sip import headers as h
from ringfence.sip.errors import BadSyntax, SipError, Undecodable, UnsupportedScheme, UnsupportedVersion
from ringfence.sip.message import Request, Response, parse
from ringfence.sip.uri import parse_uri
from ringfence.sip.writer import has_second_via, without_top_via


def read(*more: bytes, **how: bytes | None) -> Request:
    message = parse(request(*more, **how))  # type: ignore[arg-type]
    assert isinstance(message, Request)
    return message


def refused(data: bytes) -> SipError:
    with pytest.raises(SipError) as caught:
        parse(data)
    return caught.value


def test_what_every_request_is_asked_for() -> None:
    data = request(b"Content-Type: application/sdp", body=SDP)
    found = parse(data)
    assert isinstance(found, Request)
    assert (found.method, found.uri) == (b"INVITE", b"sip:13800138000@192.0.2.1")
    assert (found.via_sent_by, found.via_host, found.via_port) == (b"192.0.2.10:5060", b"192.0.2.10", 5060)
    assert (found.via_branch, found.via_rport, found.via_transport) == (b"z9hG4bK776a", True, b"UDP")
    assert data[slice(*found.via_span)] == b"SIP/2.0/UDP 192.0.2.10:5060;branch=z9hG4bK776a;rport"
    assert (found.call_id, found.cseq_number, found.cseq_method) == (b"a84b4c76e66710@192.0.2.10", 314159, b"INVITE")
    assert (found.from_uri, found.from_tag, found.from_display) == (
        b"sip:+862155551234@192.0.2.10",
        b"19283",
        "Zhang San",
    )
    assert (found.to_uri, found.to_tag) == (b"sip:13800138000@192.0.2.1;user=phone", b"")
    assert found.max_forwards == 70
    assert found.data == data
    assert found.body == SDP
    assert found.header(h.CONTENT_TYPE) == b"application/sdp"
    assert found.header(h.ROUTE) is None
    assert found.routes == []


def test_what_every_response_is_asked_for() -> None:
    found = parse(response(To=b"<sip:b@c>;tag=t2"))
    assert isinstance(found, Response)
    assert (found.status, found.reason) == (180, b"Ringing")
    assert (found.via_branch, found.cseq_number, found.cseq_method) == (b"z9hG4bK776a", 314159, b"INVITE")
    assert (found.from_tag, found.to_tag, found.call_id) == (b"19283", b"t2", b"a84b4c76e66710@192.0.2.10")


def test_an_rfc_2543_request_is_read() -> None:
    found = read(Via=b"SIP/2.0/UDP h", Max_Forwards=None, From=b"sip:a@b", To=b"<sip:c@d>", length=b"", body=b"v=0\r\n")
    assert (found.via_branch, found.from_tag, found.to_tag, found.max_forwards) == (b"", b"", b"", None)
    assert found.body == b"v=0\r\n"
    assert found.from_display == ""


def test_routes_are_split_in_order_and_only_when_asked() -> None:
    found = read(b"Route: <sip:a;lr>,<sip:b;lr>", b"route :\r\n <sip:c;x=%22,y>")
    assert found.routes == [b"<sip:a;lr>", b"<sip:b;lr>", b"<sip:c;x=%22,y>"]
    assert found.routes is found.routes
    with pytest.raises(BadSyntax):
        read(b"Route: <sip:a,<sip:b").routes


@pytest.mark.parametrize(
    "name", [b"From", b"f", b"To", b"t", b"Call-ID", b"i", b"CSeq", b"Max-Forwards", b"Content-Length", b"l"]
)
def test_a_second_of_what_may_stand_once_is_refused(name: bytes) -> None:
    fields = {"from": "From", "f": "From", "to": "To", "t": "To", "call-id": "Call-ID", "i": "Call-ID", "cseq": "CSeq"}
    data = request()
    kind = fields.get(name.decode().lower())
    value = b"70" if name == b"Max-Forwards" else b"0"
    if kind is not None:
        value = next(line for line in data.split(b"\r\n") if line.startswith(kind.encode() + b":")).partition(b": ")[2]
    assert refused(request(name + b": " + value)).status == 400


@pytest.mark.parametrize("field", ["Via", "From", "To", "Call_ID", "CSeq"])
def test_what_is_missing_or_empty_is_refused(field: str) -> None:
    assert refused(request(**{field: None})).status == 400
    assert refused(request(**{field: b""})).status == 400


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("CSeq", b"1 ACK"),  # another method than the start line's
        ("CSeq", b"1 invite"),
        ("CSeq", b"4294967296 INVITE"),
        ("CSeq", b"-1 INVITE"),
        ("CSeq", b"+1 INVITE"),
        ("CSeq", b"1_0 INVITE"),
        ("CSeq", b"INVITE"),
        ("CSeq", b"1INVITE"),
        ("CSeq", b"1 INVITE, 2 INVITE"),
        ("CSeq", "１ INVITE".encode()),
        ("Max_Forwards", b"256"),
        ("Max_Forwards", b"-1"),
        ("Max_Forwards", b""),
        ("Max_Forwards", b"70, 70"),
        ("Max_Forwards", b"7" * 5000),
        ("Call_ID", b"a b"),
        ("Call_ID", b"a, b"),
        ("Call_ID", b"a\xff"),
        ("Via", b"SIP/2.0/UDP h;branch=z9hG4bK"),
        ("Via", b"SIP/2.0/UDP h;branch=z9hG4bKx,,"),
        ("From", b'"a <sip:a@b>;tag=1'),
        ("To", b"<sip:a@b>;tag=1;tag=2"),
    ],
)
def test_a_malformed_field_is_refused(field: str, value: bytes) -> None:
    assert refused(request(**{field: value})).status == 400


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("CSeq", b"4294967295 INVITE"),
        ("CSeq", b"0 INVITE"),
        ("CSeq", b"0" * 5000 + b"7\t INVITE"),
        ("Max_Forwards", b"255"),
        ("Max_Forwards", b"0000000000070"),
    ],
)
def test_numbers_at_their_limits(field: str, value: bytes) -> None:
    found = read(**{field: value})
    number = found.cseq_number if field == "CSeq" else found.max_forwards
    assert number == int(value.split()[0].lstrip(b"0") or b"0")


@pytest.mark.parametrize(
    "length", [b"-1", b"+5", b"5 5", b"5, 5", b"0x5", b"five", b"6", b"99999999999999999999", b"9" * 5000]
)
def test_a_length_that_cannot_be_is_refused(length: bytes) -> None:
    assert refused(request(body=b"hello", length=length)).status == 400


def test_bytes_behind_the_length_are_dropped() -> None:
    found = read(body=b"hello, INVITE sip:x", length=b"5")
    assert found.body == b"hello"
    assert found.data.endswith(b"\r\n\r\nhello")
    assert read(body=b"x", length=b"00").body == b""


@pytest.mark.parametrize(
    ("line", "error"),
    [
        (b"INVITE sip:a SIP/3.0", UnsupportedVersion),
        (b"INVITE sip:a SIP/7.0", UnsupportedVersion),
        (b"INVITE sip:a SIP/2.1", UnsupportedVersion),
        (b"INVITE urn:isbn:0451450523 SIP/2.0", UnsupportedScheme),
        (b"INVITE unknown:x SIP/2.0", UnsupportedScheme),
        (b"INVITE  sip:a SIP/2.0", BadSyntax),
        (b"INVITE sip:a  SIP/2.0", BadSyntax),
        (b"INVITE sip:a SIP/2.0 ", BadSyntax),
        (b" INVITE sip:a SIP/2.0", BadSyntax),
        (b"INVITE\tsip:a\tSIP/2.0", Undecodable),
        (b"INVITE sip:a SIP/2.0.1", BadSyntax),
        (b"INVITE SIP/2.0", BadSyntax),
        (b"INVITE  SIP/2.0", BadSyntax),
        (b"INV(ITE sip:a SIP/2.0", BadSyntax),
        (b"INVITE <sip:a> SIP/2.0", BadSyntax),
        (b"INVITE sip:a b SIP/2.0", BadSyntax),
        (b"INVITE sip:a; lr SIP/2.0", BadSyntax),
        (b"INVITE sip:a?Route=x SIP/2.0", BadSyntax),
        (b"INVITE sip:%4@a SIP/2.0", BadSyntax),
        (b"INVITE sip:a;lr;lr SIP/2.0", BadSyntax),
        (b"INVITE sip:a:0 SIP/2.0", BadSyntax),
        (b"INVITE tel:x SIP/2.0", BadSyntax),
        (b"GET / HTTP/1.1", Undecodable),
        (b"INVITE sip:a", Undecodable),
        (b"INVITE sip:a XSIP/2.0", Undecodable),
        (b"", Undecodable),
    ],
)
def test_request_lines_that_are_refused(line: bytes, error: type[SipError]) -> None:
    assert type(refused(request(line=line))) is error


@pytest.mark.parametrize(
    ("line", "method", "uri"),
    [
        (b"INVITE tel:+861012345678;ext=1 SIP/2.0", b"INVITE", b"tel:+861012345678;ext=1"),
        (b"INVITE SIPS:a@[::1]:5061;a;b=c SIP/2.0", b"INVITE", b"SIPS:a@[::1]:5061;a;b=c"),
        (b"INVITE sip:a?b@c SIP/2.0", b"INVITE", b"sip:a?b@c"),  # a question mark within the user part
        (b"INVITE sip:a%00b@c SIP/2.0", b"INVITE", b"sip:a%00b@c"),
        (b"INVITE sip:a@b sip/2.0", b"INVITE", b"sip:a@b"),
    ],
)
def test_request_lines_that_are_read(line: bytes, method: bytes, uri: bytes) -> None:
    found = read(line=line)
    assert (found.method, found.uri) == (method, uri)
    assert found.data.startswith(line[:-7] + b"SIP/2.0\r\nVia")  # §7.1: sent on in upper case
    parse_uri(found.uri)


@pytest.mark.parametrize(
    "line",
    [
        b"SIP/2.0 99 x",
        b"SIP/2.0 700 x",
        b"SIP/2.0 4294967301 x",
        b"SIP/2.0 200",
        b"SIP/2.0  200 OK",
        b"SIP/3.0 200 OK",
        b"SIP/2.0 2000 x",
    ],
)
def test_status_lines_that_are_refused_owe_nothing(line: bytes) -> None:
    assert refused(response(line=line)).status is None


def test_a_response_in_lower_case_is_sent_on_in_upper_case() -> None:
    found = parse(response(line=b"sip/2.0 200 OK"))
    assert isinstance(found, Response)
    assert found.data.startswith(b"SIP/2.0 200 OK\r\n")
    assert without_top_via(found).startswith(b"SIP/2.0 200 OK\r\n")


def test_a_broken_response_owes_nothing() -> None:
    assert refused(response(CSeq=b"x")).status is None
    assert refused(b"SIP/2.0 200 OK\r\nVia: x\nTo: y\r\n\r\n").status is None
    assert parse(response(CSeq=b"7 BYE")).cseq_method == b"BYE"


@pytest.mark.parametrize(
    ("vias", "left"),
    [
        ([b"Via: SIP/2.0/UDP a;branch=1", b"v: SIP/2.0/UDP b"], [b"v: SIP/2.0/UDP b"]),
        ([b"Via: SIP/2.0/UDP a;branch=1,SIP/2.0/UDP b"], [b"Via: SIP/2.0/UDP b"]),
        ([b"v:SIP/2.0/UDP a ,\r\n SIP/2.0/UDP b, SIP/2.0/UDP c"], [b"v:SIP/2.0/UDP b, SIP/2.0/UDP c"]),
        ([b"Via: SIP/2.0/UDP a;branch=1"], []),
        ([b'Via :\r\n SIP/2.0/UDP\r\n a;x=","\r\n  ', b"Via: SIP/2.0/UDP b"], [b"Via: SIP/2.0/UDP b"]),
    ],
)
def test_without_top_via(vias: list[bytes], left: list[bytes]) -> None:
    others = [b"To: <sip:a@b>", b"From: <sip:c@d>", b"Call-ID: i", b"CSeq: 1 BYE", b"", b"body"]
    found = parse(b"\r\n".join([b"SIP/2.0 200 OK", b"X: 1", *vias, *others]))
    assert isinstance(found, Response)
    assert without_top_via(found) == b"\r\n".join([b"SIP/2.0 200 OK", b"X: 1", *left, *others])
    assert has_second_via(found) == bool(left)


TOKENS = st.text("abcXYZ019-.!%*_+`'~", min_size=1, max_size=12).map(str.encode)
USERS = st.text("0123456789+-_.!~*'()&=$,;?/", min_size=1, max_size=12).map(str.encode)
HOSTS = st.sampled_from([b"a.example", b"192.0.2.7", b"[2001:db8::7]"])
PORTS = st.one_of(st.none(), st.integers(1, 65535))


def at(host: bytes, port: int | None) -> bytes:
    return host if port is None else host + b":%d" % port


@given(
    method=TOKENS,
    user=USERS,
    host=HOSTS,
    port=PORTS,
    branch=TOKENS,
    rport=st.booleans(),
    tag=TOKENS,
    number=st.integers(0, 2**32 - 1),
    hops=st.integers(0, 255),
    body=st.binary(max_size=40),
)
@settings(max_examples=150)
def test_what_is_written_is_read(
    method: bytes,
    user: bytes,
    host: bytes,
    port: int | None,
    branch: bytes,
    rport: bool,
    tag: bytes,
    number: int,
    hops: int,
    body: bytes,
) -> None:
    uri = b"sip:" + user + b"@" + at(host, port)
    found = read(
        line=method + b" " + uri + b" SIP/2.0",
        Via=b"SIP/2.0/TCP " + at(host, port) + b";branch=z9hG4bK" + branch + (b";rport" if rport else b""),
        From=b"<" + uri + b">;tag=" + tag,
        CSeq=b"%d " % number + method,
        Max_Forwards=b"%d" % hops,
        body=body,
    )
    assert (found.method, found.uri, found.from_uri, found.from_tag) == (method, uri, uri, tag)
    assert (found.via_sent_by, found.via_port, found.via_rport) == (at(host, port), port, rport)
    assert (found.via_branch, found.via_host) == (b"z9hG4bK" + branch, host.strip(b"[]"))
    assert (found.cseq_number, found.max_forwards, found.body) == (number, hops, body)
    read_uri = parse_uri(found.uri)
    assert (read_uri.host.encode(), read_uri.port) == (host.strip(b"[]"), port)
    assert read_uri.user is not None
