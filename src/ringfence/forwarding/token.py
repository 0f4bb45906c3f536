"""The key in our Record-Route: only requests of a dialog that we let in may follow it.

The URI that we record is `sip:rf-TOKEN@host:port;lr`. TOKEN is a keyed digest over the Call-ID and the caller's
tag, so a request that shows it belongs to a call whose INVITE passed the screen, and a To tag of somebody's own making
opens nothing (RFC 3261 §26.1.4 on tearing down and hijacking sessions; the construction is ours).
"""

from __future__ import annotations

import re
from binascii import b2a_base64
from hashlib import blake2s
from hmac import compare_digest

from ringfence.sip.address import Listener

TOKEN_BYTES = 12  # 96 bits: 16 characters of base64, no padding
_OWN_URI = re.compile(rb"<(sips?):(?:rf-([A-Za-z0-9_-]{16})@)?([^;>@\s]+)(;[^>]*)?>", re.IGNORECASE)
_URL_SAFE = bytes.maketrans(b"+/", b"-_")
_TRANSPORT = re.compile(rb";transport=([a-z]+)", re.IGNORECASE)


class RouteSigner:
    """Makes and checks tokens under one secret (16 to 32 bytes, shared by all nodes in front of a softswitch)."""

    __slots__ = ("_key",)

    def __init__(self, key: bytes) -> None:
        if not 16 <= len(key) <= 32:
            raise ValueError("the Record-Route key needs 16 to 32 bytes")
        self._key = key

    def sign(self, call_id: bytes, caller_tag: bytes) -> bytes:
        """16 characters that fit a SIP user part."""
        text = call_id + b"\0" + caller_tag
        digest = blake2s(text, key=self._key, digest_size=TOKEN_BYTES).digest()
        return b2a_base64(digest, newline=False).translate(_URL_SAFE)

    def verify(self, token: bytes, call_id: bytes, from_tag: bytes, to_tag: bytes) -> bool:
        """Whether the token was made for this dialog, in whichever direction its request travels."""
        return compare_digest(token, self.sign(call_id, from_tag)) or compare_digest(token, self.sign(call_id, to_tag))


class OwnNames:
    """Which Route values and Request-URIs mean ourselves."""

    __slots__ = ("_by_name", "_hosts", "_over_udp")

    def __init__(self, listeners: list[Listener]) -> None:
        self._by_name: dict[tuple[bytes, bytes], Listener] = {}
        for listener in listeners:
            transport = listener.transport.encode()
            self._by_name.setdefault((listener.sent_by.lower(), transport), listener)
            # A URI without a port means the transport's default (RFC 3261 §19.1.2).
            if listener.port == (5061 if listener.transport == "tls" else 5060):
                host = listener.sent_by.rpartition(b":")[0].lower()
                self._by_name.setdefault((host, transport), listener)
        self._hosts = frozenset(name for name, _ in self._by_name)
        self._over_udp = {
            name: listener for (name, transport), listener in self._by_name.items() if transport == b"udp"
        }

    def read(self, route: bytes) -> tuple[Listener, bytes] | None:
        """The listener that a `<uri>` names and the token in it (b"" if none); None if it is not us."""
        if route[:8] == b"<sip:rf-" and route[24:25] == b"@" and route[-4:] == b";lr>":
            # As it was written by us over UDP: nearly every peer gives it back so.
            own, written = self._over_udp.get(route[25:-4]), route[8:24]
            if own is not None and written.translate(None, b"-_").isalnum():
                return own, written
        match = _OWN_URI.match(route)
        if match is None:
            return None
        scheme, token, host, parameters = match.groups()
        if host.lower() not in self._hosts:
            return None
        named = _TRANSPORT.search(parameters) if parameters else None
        transport = named[1].lower() if named else b"tls" if scheme.lower() == b"sips" else b"udp"
        listener = self._by_name.get((host.lower(), transport))
        return None if listener is None else (listener, token or b"")

    def is_own_host(self, sent_by: bytes) -> bool:
        """Whether a `host:port` (Via sent-by, Request-URI host part) is one of our listeners."""
        return sent_by.lower() in self._hosts


def record_route(token: bytes, incoming: Listener, outgoing: Listener, secure: bool) -> bytes:
    """Our Record-Route lines: one, or two when the sides differ (RFC 5658 §4), the outgoing side first.

    secure: the Request-URI was a sips URI, so ours must be (RFC 3261 §16.6 item 4) where that side speaks TLS; a sips
    URI that names a UDP or TCP socket would lead nobody back to us.
    """
    line = b"Record-Route: " + _own_uri(token, outgoing, secure) + b"\r\n"
    if outgoing is incoming:
        return line
    return line + b"Record-Route: " + _own_uri(token, incoming, secure) + b"\r\n"


def _own_uri(token: bytes, listener: Listener, secure: bool) -> bytes:
    transport = listener.transport
    if secure and transport == "tls":
        return b"<sips:rf-%b@%b;lr>" % (token, listener.sent_by)
    parameter = b"" if transport == "udp" else b";transport=" + transport.encode()
    return b"<sip:rf-%b@%b%b;lr>" % (token, listener.sent_by, parameter)
