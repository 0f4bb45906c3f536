"""RFC 4475 through the whole proxy: every message ends in an outcome that its manifest allows.

Played from a trunk that lets all methods pass, so that what is well-formed really is forwarded, and over UDP
whole as well as over TCP byte by byte.
"""

from __future__ import annotations

import pytest
from tests.support.stage import CALLER, PROXY, Stage
from tests.support.torture import Case, rfc4475

from ringfence.sip.address import Listener
from ringfence.sip.framing import StreamFramer, Unframeable
from ringfence.sip.writer import PHRASES, salvaged_response

CASES = rfc4475()
SILENT = {
    rule: {"mode": "off"} for rule in ("caller_authorised", "caller_number", "rate", "harassment_score", "consent")
}
# RFC 3261 §18.3: on a stream "the Content-Length header field MUST be used"; RFC 2543's messages could do without.
NO_END = {"inv2543.dat"}
LISTENERS = [Listener(0, "udp", PROXY, 5060), Listener(1, "tcp", PROXY, 5060)]
NEXT = (
    b"OPTIONS sip:198.51.100.99 SIP/2.0\r\nVia: SIP/2.0/TCP 192.0.2.1;branch=z9hG4bKnext\r\nMax-Forwards: 70\r\n"
    b"From: <sip:a@192.0.2.1>;tag=1\r\nTo: <sip:b@192.0.2.1>\r\nCall-ID: next\r\nCSeq: 1 OPTIONS\r\n"
    b"Content-Length: 0\r\n\r\n"
)


def stage() -> Stage:
    return Stage(rules=SILENT, sip={"forward_methods": ["*"], "udp_switch_bytes": 0}, listeners=LISTENERS)


def outcome(on: Stage) -> tuple[str, bytes | None]:
    """What became of the one message that was received: `drop`, a status, or `forward` with the copy."""
    answers: list[str] = []
    copies: list[bytes] = []
    for hop, data in on.take():
        # Not parsed: the 400 to a broken From shows that From.
        version, status, _ = data.split(b" ", 2)
        if version != b"SIP/2.0":
            assert hop.host != CALLER[0]
            copies.append(data)
        elif int(status) >= 200:
            answers.append(status.decode())
    assert len(copies) + len(answers) <= 1
    if copies:
        return "forward", copies[0]
    return (answers[0], None) if answers else ("drop", None)


def judge(case: Case, result: str, copy: bytes | None) -> None:
    assert result in case.allowed, f"{case.file} (RFC 4475 §{case.section}): {result}"
    if copy is None:
        return
    if case.must_not_contain is not None:
        assert case.must_not_contain not in copy
    if case.body_exact:
        assert copy.partition(b"\r\n\r\n")[2] == case.data.partition(b"\r\n\r\n")[2]


def test_all_49_are_here() -> None:
    assert len(CASES) == 49


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.file)
def test_as_a_datagram(case: Case) -> None:
    on = stage()
    on.receive(case.data)
    judge(case, *outcome(on))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.file)
def test_byte_by_byte_over_a_stream(case: Case) -> None:
    """As the stream transport does it; whatever came of this message, the next one on the connection is untouched."""
    on = stage()
    framer = StreamFramer(65_535)
    complete = 0
    for at in range(len(case.data)):
        try:
            frames = framer.feed(case.data[at : at + 1])
        except Unframeable as error:
            assert error.status is not None
            answer = salvaged_response(framer.rest or case.data, error.status, PHRASES[error.status], *CALLER)
            on.take()
            if case.file in NO_END:
                assert error.status == 400
                return
            judge(case, str(error.status) if answer is not None else "drop", None)
            return
        for frame in frames:
            if isinstance(frame, bytes):
                complete += 1
                on.receive(frame, listener=1)
        if complete:
            break
    if not complete:
        assert case.file == "clerr.dat"  # it waits for the rest that its Content-Length promises
        return
    judge(case, *outcome(on))
    if at + 1 < len(case.data):
        return  # dblreq.dat: a second request follows on the stream, and is one
    (frame,) = framer.feed(NEXT)
    assert isinstance(frame, bytes)
    on.receive(frame, listener=1)
    assert outcome(on) == ("200", None)


def test_most_well_formed_requests_are_forwarded() -> None:
    """The table allows refusals nearly everywhere: a proxy that forwards nothing would pass it."""
    forwarded = 0
    for case in CASES:
        on = stage()
        on.receive(case.data)
        forwarded += outcome(on)[0] == "forward"
    assert forwarded >= 18
