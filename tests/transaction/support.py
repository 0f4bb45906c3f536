"""What the tests of the machines share: far ends, messages, and a timer queue that shows what was armed."""

from __future__ import annotations

from tests.support import messages

from ringfence.sip.address import Endpoint, Listener
from ringfence.sip.message import Request, Response, parse
from ringfence.transaction.effects import Effects
from ringfence.transaction.timers import Batch, Machine, TimerQueue

UDP = Endpoint(Listener(0, "udp", "198.51.100.99", 5060), "192.0.2.7", 5060)
TCP = Endpoint(Listener(1, "tcp", "198.51.100.99", 5060), "192.0.2.7", 5060, 3)

# As a forwarder of ours sends it: our Via in a line of its own above the caller's.
SENT_INVITE = messages.request(
    b"Route: <sip:p1.example.net;lr>",
    b"X-Unknown: kept by nobody",
    b"Route: <sip:p2.example.net;lr>, <sip:p3.example.net;lr>",
    Via=b"SIP/2.0/UDP 198.51.100.99:5060;branch=z9hG4bKours.0\r\nVia: SIP/2.0/UDP 192.0.2.10;branch=z9hG4bK776a",
    body=messages.SDP,
)
SENT_OPTIONS = messages.request(
    line=b"OPTIONS sip:192.0.2.7 SIP/2.0",
    Via=b"SIP/2.0/UDP 198.51.100.99:5060;branch=z9hG4bKours.0",
    CSeq=b"1 OPTIONS",
)


def pairs(batches: list[Batch]) -> list[tuple[Machine, int]]:
    """Wake-ups one by one."""
    return [pair for batch in batches for pair in zip(batch.machines, batch.timers, strict=True)]


class Stage:
    """Effects, and what there was of them since the last look."""

    def __init__(self) -> None:
        self.timers = TimerQueue()
        self.out = Effects(self.timers)
        self._seen: dict[float, int] = {}

    def due(self, now: float) -> list[tuple[Machine, int]]:
        """The machines that are to be woken by now, each with its timer."""
        return pairs(self.timers.due(now))

    def look(self) -> tuple[list[tuple[Endpoint, bytes]], list[tuple[float, int]]]:
        """Sends, and (duration, timer) of what was armed in the order of the RFC's letters, since the last look."""
        armed: list[tuple[float, int]] = []
        for duration, waiting in self.timers.pending().items():
            armed += [(duration, timer) for timer in waiting[self._seen.get(duration, 0) :]]
            self._seen[duration] = len(waiting)
        sends, self.out.sends = self.out.sends, []
        return sends, sorted(armed, key=lambda pair: pair[1])


def request(data: bytes) -> Request:
    message = parse(data)
    assert isinstance(message, Request)
    return message


def answer(status: int, method: bytes = b"INVITE", to_tag: bytes = b"far") -> Response:
    """An answer to SENT_INVITE or, with its method, to another request."""
    message = parse(
        messages.response(
            line=b"SIP/2.0 %d What" % status,
            Via=b"SIP/2.0/UDP 198.51.100.99:5060;branch=z9hG4bKours.0",
            To=b"<sip:13800138000@192.0.2.1;user=phone>;tag=" + to_tag,
            CSeq=b"314159 " + method,
        )
    )
    assert isinstance(message, Response)
    return message
