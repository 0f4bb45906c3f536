"""Requests that live for one hop: the ACK for a refusal and the CANCEL (RFC 3261 §17.1.1.3, §9.1)."""

from __future__ import annotations

from ringfence.sip import headers as h
from ringfence.sip.chosen import HeaderIndex
from ringfence.sip.message import Response


def ack_for(invite: bytes, response: Response) -> bytes:
    """The ACK for a non-2xx answer to `invite`, as sent by us (§17.1.1.3).

    Request-URI, Call-ID, From, Route and the single top Via are the INVITE's; To is the response's.
    """
    to = response.index.first(h.TO)
    return _hop_request(b"ACK", invite, to, b"")


def cancel_for(invite: bytes, reason: bytes) -> bytes:
    """The CANCEL for `invite`, as sent by us (§9.1).

    reason: whole Reason lines of the CANCEL that caused this one, or empty (RFC 3326 §2).
    """
    return _hop_request(b"CANCEL", invite, None, reason)


def _hop_request(method: bytes, invite: bytes, to: bytes | None, extra: bytes) -> bytes:
    index = HeaderIndex(invite)
    cseq = index.first(h.CSEQ)
    via = index.first(h.VIA)
    assert cseq is not None and via is not None  # our own message
    uri = invite[: index.line_end].split(b" ", 2)[1]
    number = cseq.split(None, 1)[0]
    routes = b"".join(invite[start:end] for start, end in index.spans(h.ROUTE))
    return b"".join(
        (
            method, b" ", uri, b" SIP/2.0\r\nVia: ", via, b"\r\n", routes,
            b"Max-Forwards: 70\r\nFrom: ", index.first(h.FROM) or b"",
            b"\r\nTo: ", to if to is not None else index.first(h.TO) or b"",
            b"\r\nCall-ID: ", index.first(h.CALL_ID) or b"",
            b"\r\nCSeq: ", number, b" ", method, b"\r\n",
            extra, b"Content-Length: 0\r\n\r\n",
        )
    )  # fmt: skip
