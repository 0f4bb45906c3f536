from __future__ import annotations

import pytest
from tests.forwarding.support import OWN, request

from ringfence.forwarding.validate import fault_of, own_via_marks
from ringfence.sip.message import Request
from ringfence.sip.writer import PHRASES

MARK = b"deadbeef"


def status(invite: Request) -> int | None:
    fault = fault_of(invite, OWN, MARK)
    if fault is None:
        return None
    assert fault[1] == PHRASES[fault[0]]
    assert fault[2] == b"" or fault[0] == 420
    return fault[0]


def test_a_plain_request_is_forwarded() -> None:
    assert status(request()) is None


@pytest.mark.parametrize(("hops", "expected"), [(b"0", 483), (b"000", 483), (b"1", None), (b"255", None), (None, None)])
def test_max_forwards(hops: bytes | None, expected: int | None) -> None:
    assert status(request(Max_Forwards=hops)) == expected


# -- loops (§16.3 item 4, RFC 5393 §4.2) ---------------------------------------------------------------------------

OUR_VIA = b"SIP/2.0/UDP 198.51.100.99:5060;branch=z9hG4bKsalt1.deadbeef"
TOP = b"SIP/2.0/UDP 192.0.2.10;branch=z9hG4bK9"


def vias(*lines: bytes) -> Request:
    return request(Via=b"\r\nVia: ".join(lines))


@pytest.mark.parametrize(
    "lines",
    [
        (TOP, OUR_VIA),
        (TOP, TOP, OUR_VIA, TOP),
        (OUR_VIA,),
        (TOP + b" , " + OUR_VIA + b";received=10.0.0.9",),
        (TOP, b"SIP/2.0/UDP  198.51.100.99:5060 ;rport=1;branch=z9hG4bKsalt1.deadbeef;received=1.2.3.4"),
        (TOP, b"SIP/2.0/TLS [2001:DB8::99]:5060;branch=z9hG4bKsalt2.deadbeef"),
        (TOP, b"SIP/2.0/TCP 198.51.100.99;BRANCH=z9hG4bKsalt2.deadbeef"),
    ],
)
def test_the_same_request_again_is_a_loop(lines: tuple[bytes, ...]) -> None:
    assert own_via_marks(vias(*lines), OWN, MARK)
    assert status(vias(*lines)) == 482


@pytest.mark.parametrize(
    "lines",
    [
        (TOP, OUR_VIA.replace(b"deadbeef", b"deadbee0")),  # a spiral: changed meanwhile
        (TOP, OUR_VIA.replace(b"198.51.100.99", b"203.0.113.9")),  # somebody else's Via
        (TOP, OUR_VIA.replace(b".deadbeef", b"deadbeef")),
        (TOP, OUR_VIA.replace(b"branch=z9hG4bK", b"branch=")),
        (TOP + b";x=deadbeef", OUR_VIA.replace(b"deadbeef", b"0badcafe")),
        (TOP, b"SIP/2.0/UDP"),
        (TOP, b""),
    ],
)
def test_a_spiral_is_no_loop(lines: tuple[bytes, ...]) -> None:
    assert status(vias(*lines)) is None


def test_a_mark_outside_of_the_vias_is_nothing() -> None:
    assert status(request(b"Subject: " + OUR_VIA)) is None


# -- Proxy-Require (§16.3 item 5) ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lines", "listed"),
    [
        ((b"Proxy-Require: foo",), b"foo"),
        ((b"Proxy-Require: foo, bar",), b"foo, bar"),
        ((b"Proxy-Require: foo,bar", b"X: y", b"PROXY-REQUIRE : baz", b"proxy-require:\r\n qux"), b"foo,bar, baz, qux"),
        ((b"Proxy-Require: foo,\r\n bar",), b"foo, bar"),
        ((b"Proxy-Require:", b"Proxy-Require: foo"), b"foo"),
    ],
)
def test_every_unknown_option_is_listed(lines: tuple[bytes, ...], listed: bytes) -> None:
    """§16.3 item 5: "the proxy MUST return a 420 … with an Unsupported header field listing those option-tags"."""
    assert fault_of(request(*lines), OWN, MARK) == (420, b"Bad Extension", b"Unsupported: " + listed + b"\r\n")


def test_no_option_asked_is_no_fault() -> None:
    assert status(request(b"Proxy-Require: ", b"Require: 100rel", b"Supported: foo")) is None


@pytest.mark.parametrize("method", [b"ACK", b"CANCEL"])
def test_ack_and_cancel_cannot_be_refused_for_options(method: bytes) -> None:
    """§20.29, §8.2.2.3: they are never challenged so."""
    hop = request(b"Proxy-Require: foo", line=method + b" sip:1@x SIP/2.0", CSeq=b"1 " + method)
    assert status(hop) is None


# -- Max-Breadth (RFC 5393 §5.3) -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("breadth", "expected"),
    [
        (b"60", None),
        (b"1", None),
        (b"00000000000001", None),
        (b"99999999999999999999999999", None),
        (b"0", 440),
        (b"00000000000000", 440),
        (b"-1", 400),
        (b"x", 400),
        (b"", 400),
        (b"1 1", 400),
    ],
)
def test_max_breadth(breadth: bytes, expected: int | None) -> None:
    assert status(request(b"max-breadth: " + breadth)) == expected


# -- Route (§16.3 item 1) ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "route",
    [
        b"<sip:a.example;lr>",
        b'<sip:a.example;lr>;x="y,z" , <sips:b@b.example:5061;lr>',
        b'"a, b" <sip:a.example>',
        b"A <sip:a.example>",
    ],
)
def test_routes_that_can_be_read(route: bytes) -> None:
    assert status(request(b"Route: " + route)) is None


@pytest.mark.parametrize(
    "route",
    [
        b"",
        b",",
        b"<sip:a.example>,",
        b"<sip:a.example;lr>, <sip:b.example",
        b"<sip:a.example",
        b"<sip:a example;lr>",
        b"<a.example>",
        b"sip:a.example;lr>",
        b'"open <sip:a.example>',
        b"<sip:a.example> junk",
    ],
)
def test_routes_that_cannot_are_refused(route: bytes) -> None:
    assert status(request(b"Route: " + route)) == 400
    assert status(request(b"Route: <sip:a.example;lr>", b"Route: " + route)) == 400


# -- order ---------------------------------------------------------------------------------------------------------


def test_faults_come_in_the_rfcs_order() -> None:
    """§16.3: syntax, Max-Forwards, loop, Proxy-Require; Max-Breadth, which is not of its list, last."""
    lines = [b"Route: ,", b"Proxy-Require: foo", b"Max-Breadth: 0"]
    looped = TOP + b"\r\nVia: " + OUR_VIA
    assert status(request(*lines, Via=looped, Max_Forwards=b"0")) == 400
    assert status(request(*lines[1:], Via=looped, Max_Forwards=b"0")) == 483
    assert status(request(*lines[1:], Via=looped)) == 482
    assert status(request(*lines[1:])) == 420
    assert status(request(*lines[2:])) == 440
