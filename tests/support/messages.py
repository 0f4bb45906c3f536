"""SIP messages for tests: a plain INVITE and response whose lines a test can exchange."""

from __future__ import annotations

SDP = b"v=0\r\no=- 1 1 IN IP4 192.0.2.10\r\ns=-\r\nc=IN IP4 192.0.2.10\r\nt=0 0\r\nm=audio 49170 RTP/AVP 8\r\n"

FIELDS: dict[str, bytes] = {
    "Via": b"SIP/2.0/UDP 192.0.2.10:5060;branch=z9hG4bK776a;rport",
    "Max-Forwards": b"70",
    "From": b'"Zhang San" <sip:+862155551234@192.0.2.10>;tag=19283',
    "To": b"<sip:13800138000@192.0.2.1;user=phone>",
    "Call-ID": b"a84b4c76e66710@192.0.2.10",
    "CSeq": b"314159 INVITE",
}


def lines(*more: bytes, **fields: bytes | None) -> list[bytes]:
    """Header lines: the plain ones, with `fields` (underscore for dash) in their place or, if None, left out."""
    changed = {name.replace("_", "-").lower(): value for name, value in fields.items()}
    out = []
    for name, value in FIELDS.items():
        chosen = changed.pop(name.lower(), value)
        if chosen is not None:
            out.append(name.encode() + b": " + chosen)
    assert not changed, f"no such plain field: {changed}"
    return [*out, *more]


def request(
    *more: bytes,
    line: bytes = b"INVITE sip:13800138000@192.0.2.1 SIP/2.0",
    body: bytes = b"",
    length: bytes | None = None,
    **fields: bytes | None,
) -> bytes:
    """A request; `more` lines follow the plain ones; length: Content-Length if not the true one, b"" for none."""
    counted = b"%d" % len(body) if length is None else length
    tail = [b"Content-Length: " + counted] if counted else []
    return b"\r\n".join([line, *lines(*more, **fields), *tail, b"", body])


def response(*more: bytes, line: bytes = b"SIP/2.0 180 Ringing", body: bytes = b"", **fields: bytes | None) -> bytes:
    """A response in the same manner."""
    return request(*more, line=line, body=body, **fields)
