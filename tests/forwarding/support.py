"""Listeners and messages that the tests of forwarding share."""

from __future__ import annotations

from tests.support import messages

from ringfence.forwarding.token import OwnNames, RouteSigner
from ringfence.sip.address import Endpoint, Listener
from ringfence.sip.message import Request, Response, parse

UDP = Listener(0, "udp", "198.51.100.99", 5060)
TCP = Listener(1, "tcp", "198.51.100.99", 5060)
TLS = Listener(2, "tls", "198.51.100.99", 5061)
SIX = Listener(3, "udp", "2001:db8::99", 5060)
INNER = Listener(4, "udp", "10.0.0.1", 5080)
LISTENERS = [UDP, TCP, TLS, SIX, INNER]
OWN = OwnNames(LISTENERS)
SIGNER = RouteSigner(b"0123456789abcdef")
TOKEN = SIGNER.sign(b"a84b4c76e66710@192.0.2.10", b"19283")
CALLER = Endpoint(UDP, "192.0.2.10", 5060)


def read(data: bytes) -> Request:
    message = parse(data)
    assert isinstance(message, Request)
    return message


def request(
    *more: bytes,
    line: bytes = b"INVITE sip:13800138000@192.0.2.1 SIP/2.0",
    body: bytes = b"",
    length: bytes | None = None,
    **fields: bytes | None,
) -> Request:
    """As `messages.request`, parsed."""
    return read(messages.request(*more, line=line, body=body, length=length, **fields))


def response(status: int, *more: bytes, phrase: bytes = b"What", body: bytes = b"") -> Response:
    """An answer as it comes back to us: our Via on top of the caller's."""
    message = parse(
        messages.response(
            *more,
            line=b"SIP/2.0 %d %b" % (status, phrase),
            body=body,
            Via=b"SIP/2.0/UDP 198.51.100.99:5060;branch=z9hG4bKours.0\r\n"
            b"Via: SIP/2.0/UDP 192.0.2.10;branch=z9hG4bK776a",
        )
    )
    assert isinstance(message, Response)
    return message
