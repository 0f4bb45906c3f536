"""What random messages are made of."""

from __future__ import annotations

from tests.support.torture import corpus_elsewhere, rfc4475, rfc5118, shipped_corpus

SEEDS = [
    seed
    for seed in (
        *(case.data for case in rfc4475()),
        *(case.data for case in rfc5118()),
        *shipped_corpus(),
        *(corpus_elsewhere() or ()),
    )
    if len(seed) < 4_000
]

# What separates things in SIP, and what is hard to read.
PIECES = [
    b"\r\n",
    b"\r",
    b"\n",
    b"\r\n ",
    b"\r\n\r\n",
    b" ",
    b"\t",
    b",",
    b";",
    b":",
    b"=",
    b"?",
    b"@",
    b"<",
    b">",
    b'"',
    b"\\",
    b'\\"',
    b"[",
    b"]",
    b"%",
    b"%00",
    b"%4",
    b"/",
    b"\0",
    b"\x7f",
    b"\xff",
    b"\xe7\x8e\x8b",
    b"0",
    b"-1",
    b"99999999999999999999",
    b"Via: ",
    b"v:",
    b"l: 5\r\n",
    b"To: ",
    b"SIP/2.0",
    b"sip:",
    b"tel:",
    b";tag=",
    b";branch=z9hG4bK",
    b";rport",
    b";received=1",
    b"INVITE",
    b"ACK",
    b"INVITE sip:a@b SIP/2.0\r\n",
    b"SIP/2.0 200 OK\r\n",
    b"Content-Length: 0\r\n",
]
