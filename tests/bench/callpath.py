"""A whole call through the engine without sockets: what our own code costs, apart from the kernel.

    python -m tests.bench.callpath CALLS

plays that many calls (INVITE, 100, 180, 200, ACK, BYE, 200), screened in memory, and prints the time of one.
"""

from __future__ import annotations

import sys
from time import perf_counter

from tests.bench.figures import Figure
from tests.support.messages import SDP
from tests.support.settings import NO_STORE
from tests.support.stage import CALLER, GATEWAY, Stage

from ringfence.sip.address import Endpoint

_ROUNDS, _CALLS = 7, 1000
_EVERY = 50  # calls between two looks at the timers
_BETWEEN = 0.0002  # seconds from call to call: 5,000 a second
_TARGET = b"sip:callee@198.51.100.1:5060"


def request(method: bytes, number: int, cseq: int, uri: bytes, to_tag: bytes, lines: bytes, body: bytes = b"") -> bytes:
    """A caller's request. lines: further header lines with their CRLF."""
    return (
        b"%b %b SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK%b%d;rport\r\nMax-Forwards: 70\r\n"
        b'From: "A" <sip:+861012345678@192.0.2.1>;tag=f%d\r\nTo: <sip:+8613900001000@198.51.100.99>%b\r\n'
        b"Call-ID: call-%d@192.0.2.1\r\nCSeq: %d %b\r\nContact: <sip:caller@192.0.2.1:5060>\r\n"
        b"User-Agent: bench\r\nAllow: INVITE, ACK, CANCEL, BYE\r\n%bContent-Length: %d\r\n\r\n%b"
    ) % (method, uri, method, number, number, to_tag, number, cseq, method, lines, len(body), body)


def answer(sent: bytes, line: bytes, lines: bytes = b"", body: bytes = b"") -> bytes:
    """A gateway's answer to what the proxy sent it."""
    kept = []
    for field in sent.partition(b"\r\n\r\n")[0].split(b"\r\n")[1:]:
        name = field.partition(b":")[0]
        if name in (b"Via", b"From", b"Call-ID", b"CSeq", b"Record-Route"):
            kept.append(field)
        elif name == b"To":
            kept.append(field if b";tag=" in field else field + b";tag=cc")
    return b"\r\n".join([line, *kept]) + b"\r\n%bContent-Length: %d\r\n\r\n%b" % (lines, len(body), body)


class CallPath:
    """An engine with one trunk and one gateway; `play` walks calls through it. spent: seconds within the engine."""

    def __init__(self) -> None:
        self._stage = Stage(rules=NO_STORE)
        self._caller = self._stage.endpoint(0, *CALLER)
        self._gateway = self._stage.endpoint(0, *GATEWAY)
        self._number = 0
        self.spent = 0.0

    def play(self, calls: int) -> None:
        """That many whole calls, one after the other, the engine's timers with them."""
        for _ in range(calls):
            self._call()
            self._number += 1
            if self._number % _EVERY == 0:
                begun = perf_counter()
                self._stage.engine.tick(self._stage.now, self._stage.out)
                self.spent += perf_counter() - begun

    def _step(self, data: bytes, source: Endpoint) -> list[bytes]:
        stage = self._stage
        begun = perf_counter()
        stage.engine.received(data, source, stage.now, stage.out)
        self.spent += perf_counter() - begun
        return [sent for _, sent in stage.take()]

    def _call(self) -> None:
        stage, number = self._stage, self._number
        stage.now += _BETWEEN
        offer = b"Content-Type: application/sdp\r\nSupported: 100rel, timer\r\n"
        invite = request(b"INVITE", number, 1, b"sip:+8613900001000@198.51.100.99:5060", b"", offer, SDP)
        trying, forwarded = self._step(invite, self._caller)
        assert trying.startswith(b"SIP/2.0 100 ")
        contact = b"Contact: <%b>\r\n" % _TARGET
        self._step(answer(forwarded, b"SIP/2.0 100 Trying"), self._gateway)
        self._step(answer(forwarded, b"SIP/2.0 180 Ringing", contact), self._gateway)
        (answered,) = self._step(answer(forwarded, b"SIP/2.0 200 OK", contact, SDP), self._gateway)
        recorded = next(line for line in answered.split(b"\r\n") if line.startswith(b"Record-Route"))
        route = recorded.removeprefix(b"Record-") + b"\r\n"
        (ack,) = self._step(request(b"ACK", number, 1, _TARGET, b";tag=cc", route), self._caller)
        assert ack.startswith(b"ACK ")
        (bye,) = self._step(request(b"BYE", number, 2, _TARGET, b";tag=cc", route), self._caller)
        (ended,) = self._step(answer(bye, b"SIP/2.0 200 OK"), self._gateway)
        assert ended.startswith(b"SIP/2.0 200 ")


def measure() -> list[Figure]:
    """Microseconds a call within the engine, one run a round."""
    path = CallPath()
    path.play(_CALLS)
    runs = []
    for _ in range(_ROUNDS):
        before = path.spent
        path.play(_CALLS)
        runs.append((path.spent - before) / _CALLS * 1e6)
    return [Figure("engine.call", "µs", tuple(runs))]


def main(calls: int) -> int:
    """Play them and tell what one cost."""
    path = CallPath()
    path.play(calls)
    print(f"{path.spent / calls * 1e6:.1f} µs a call")
    return 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1])))
