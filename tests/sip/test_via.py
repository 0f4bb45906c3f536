from __future__ import annotations

import pytest

from ringfence.sip.errors import BadSyntax
from ringfence.sip.via import Via


def via(text: bytes, start: int = 0) -> Via:
    return Via(text, start, len(text))


@pytest.mark.parametrize(
    ("text", "sent_by", "host", "port", "branch", "rport", "transport"),
    [
        (b"SIP/2.0/UDP a.example", b"a.example", b"a.example", None, b"", False, b"UDP"),
        (
            b"SIP/2.0/UDP 192.0.2.1:5061;branch=z9hG4bKx",
            b"192.0.2.1:5061",
            b"192.0.2.1",
            5061,
            b"z9hG4bKx",
            False,
            b"UDP",
        ),
        (b"SIP/2.0/UDP h;branch=z9hG4bKx;rport", b"h", b"h", None, b"z9hG4bKx", True, b"UDP"),
        (b"SIP/2.0/UDP h;rport;branch=z9hG4bKx", b"h", b"h", None, b"z9hG4bKx", True, b"UDP"),
        (b"SIP/2.0/TLS [2001:db8::9]:5061;branch=b", b"[2001:db8::9]:5061", b"2001:db8::9", 5061, b"b", False, b"TLS"),
        (b"sip/2.0/tcp h;Branch=B;RPort", b"h", b"h", None, b"B", True, b"TCP"),
        (b"SIP/2.0/UDP h;branch=b;rport=5060;received=192.0.2.9", b"h", b"h", None, b"b", False, b"UDP"),
        (b'SIP/2.0/UDP h:05060;x="a,;b\\"";branch=b', b"h:05060", b"h", 5060, b"b", False, b"UDP"),
        (b"SIP / 2.0\r\n / UDP\r\n h : 5060 ; branch\r\n = b ; rport ", b"h : 5060", b"h", 5060, b"b", True, b"UDP"),
        (b"SIP/7.0/UDP h;branch=b", b"h", b"h", None, b"b", False, b"UDP"),
        (b"SIP/2.0/UDP h;branch=a/b==;alias", b"h", b"h", None, b"a/b==", False, b"UDP"),
    ],
)
def test_values(
    text: bytes, sent_by: bytes, host: bytes, port: int | None, branch: bytes, rport: bool, transport: bytes
) -> None:
    padded = b"Via: " + text + b"\r\n"
    read = Via(padded, 4, len(padded))
    assert (read.sent_by, read.host, read.port) == (sent_by, host, port)
    assert (read.branch, read.rport_end >= 0, read.transport) == (branch, rport, transport)
    assert padded[read.start : read.end] == text.strip()
    if rport:
        assert padded[: read.rport_end].lower().endswith(b"rport")
    assert read.next_value(padded, len(padded)) == len(padded)


def test_received_is_found_for_replacing() -> None:
    text = b"SIP/2.0/UDP h;received=192.0.2.9;branch=b"
    read = via(text)
    assert read.received is not None
    assert text[slice(*read.received)] == b"=192.0.2.9"
    assert via(b"SIP/2.0/UDP h;branch=b").received is None
    bare = b"SIP/2.0/UDP h;received"
    assert via(bare).received == (len(bare), len(bare))


def test_only_the_first_of_a_list_is_read() -> None:
    text = b" SIP/2.0/UDP a;branch=1 , SIP/2.0/TCP b;branch=2,SIP/2.0/TCP c"
    read = via(text)
    assert text[read.start : read.end] == b"SIP/2.0/UDP a;branch=1"
    following = read.next_value(text, len(text))
    second = Via(text, following, len(text))
    assert (second.host, second.branch) == (b"b", b"2")
    third = Via(text, second.next_value(text, len(text)), len(text))
    assert third.host == b"c"
    assert third.next_value(text, len(text)) == len(text)


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"SIP/2.0/UDP",
        b"SIP/2.0/UDP ",
        b"SIP/2.0/UDP h:0;branch=b",
        b"SIP/2.0/UDP h:65536;branch=b",
        b"SIP/2.0/UDP h:;branch=b",
        b"SIP/2.0/UDP h:99999999999999999999",
        b"SIP/2.0/UDP [::1;branch=b",
        b"SIP/2.0/UDP [1234];branch=b",
        b"SIP/2.0/UDP 2001:db8::1;branch=b",
        b"SIP/2.0/UDP h;;branch=b",
        b"SIP/2.0/UDP h;branch=b;",
        b"SIP/2.0/UDP h;branch=b;branch=b",
        b"SIP/2.0/UDP h;branch=b;Branch=c",
        b"SIP/2.0/UDP h;rport;branch=b;rport",
        b"SIP/2.0/UDP h;branch=",
        b"SIP/2.0/UDP h;branch",
        b'SIP/2.0/UDP h;x="unterminated',
        b"SIP/2.0/UDP h;branch=b,",
        b"SIP/2.0/UDP h;branch=b, ",
        b",SIP/2.0/UDP h;branch=b",
        b"SIP/2.0/UDP h;branch=b more",
        b"SIP/2.0/UDP h\xff;branch=b",
        b"SIP 2.0 UDP h",
    ],
)
def test_malformed(text: bytes) -> None:
    with pytest.raises(BadSyntax):
        via(text)
