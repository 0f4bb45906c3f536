from __future__ import annotations

import pytest
from tests.support import messages
from tests.transaction.support import SENT_INVITE, answer, request

from ringfence.sip.message import Response, parse
from ringfence.transaction.hop import ack_for, cancel_for

COMMON = (
    b"Via: SIP/2.0/UDP 198.51.100.99:5060;branch=z9hG4bKours.0\r\n"
    b"Route: <sip:p1.example.net;lr>\r\n"
    b"Route: <sip:p2.example.net;lr>, <sip:p3.example.net;lr>\r\n"
    b"Max-Forwards: 70\r\n"
    b'From: "Zhang San" <sip:+862155551234@192.0.2.10>;tag=19283\r\n'
)


def test_ack_bytes() -> None:
    """§17.1.1.3: one Via, the INVITE's; To of the answer; Route of the INVITE; the method in CSeq is ACK; no body."""
    assert ack_for(SENT_INVITE, answer(486)) == (
        b"ACK sip:13800138000@192.0.2.1 SIP/2.0\r\n"
        + COMMON
        + b"To: <sip:13800138000@192.0.2.1;user=phone>;tag=far\r\n"
        b"Call-ID: a84b4c76e66710@192.0.2.10\r\nCSeq: 314159 ACK\r\nContent-Length: 0\r\n\r\n"
    )


REASONS = b'Reason: SIP;cause=200;text="Call completed elsewhere"\r\nreason : Q.850;cause=16\r\n'


@pytest.mark.parametrize("reason", [b"", REASONS])
def test_cancel_bytes(reason: bytes) -> None:
    """§9.1: To is the INVITE's, no tag; RFC 3326 §2: the Reason of the CANCEL that caused it."""
    assert cancel_for(SENT_INVITE, reason) == (
        b"CANCEL sip:13800138000@192.0.2.1 SIP/2.0\r\n" + COMMON + b"To: <sip:13800138000@192.0.2.1;user=phone>\r\n"
        b"Call-ID: a84b4c76e66710@192.0.2.10\r\nCSeq: 314159 CANCEL\r\n" + reason + b"Content-Length: 0\r\n\r\n"
    )


@pytest.mark.parametrize(
    "invite",
    [
        SENT_INVITE,
        messages.request(From=b'"Zhang"\r\n <sip:1@192.0.2.10>\r\n\t;tag=19283'),
        messages.request(CSeq=b"7    INVITE", line=b"INVITE tel:+8613800138000 SIP/2.0"),
        messages.request().replace(b"From:", b"f :").replace(b"To:", b"T:").replace(b"Call-ID:", b"i:"),
        messages.request(CSeq=b"00000000000000007 INVITE"),
    ],
)
def test_both_name_the_transaction_of_their_invite(invite: bytes) -> None:
    sent = request(invite)
    refusal = parse(
        messages.response(
            line=b"SIP/2.0 404 Not Found", To=b"<sip:13800138000@192.0.2.1>\r\n ;tag=far", CSeq=b"7 INVITE"
        )
    )
    assert isinstance(refusal, Response)
    ack, cancel = request(ack_for(invite, refusal)), request(cancel_for(invite, b""))
    for made in (ack, cancel):
        assert (made.uri, made.via_branch, made.via_sent_by) == (sent.uri, sent.via_branch, sent.via_sent_by)
        assert (made.call_id, made.cseq_number) == (sent.call_id, sent.cseq_number)
        assert (made.from_uri, made.from_tag) == (sent.from_uri, sent.from_tag)
        assert made.max_forwards == 70
        assert made.body == b""
    assert (ack.method, ack.to_tag) == (b"ACK", b"far")
    assert (cancel.method, cancel.to_uri, cancel.to_tag) == (b"CANCEL", sent.to_uri, sent.to_tag)
