"""Server transactions: one INVITE or other request from a peer, and what it was answered (RFC 3261 §17.2, RFC 6026)."""

from __future__ import annotations

from typing import Any, Final

from mypy_extensions import mypyc_attr

from ringfence.sip.address import Endpoint
from ringfence.sip.message import Request
from ringfence.transaction import timers as t
from ringfence.transaction.effects import Effects
from ringfence.transaction.timers import TERMINATED, TIMED_OUT, Timers

TRYING: Final = 0
PROCEEDING: Final = 1
COMPLETED: Final = 2
CONFIRMED: Final = 3
ACCEPTED: Final = 4
DONE: Final = 5


@mypyc_attr(acyclic=True)
class ServerTransaction:
    """What the INVITE and the non-INVITE machine share.

    key: how retransmissions find it (§17.2.3).
    request: as it came; via: its top Via value with received and rport filled in, for the answers that we write; both
    dropped with the final answer.
    endpoint: where answers go (§18.2.2).
    to_tag: the tag of the answers that we write ourselves.
    context: what the request became; trail: what is noted of it; both the owner's, never looked at here, None once the
    final answer is given.
    """

    __slots__ = ("context", "endpoint", "key", "request", "response", "state", "timers", "to_tag", "trail", "via")

    def __init__(
        self, key: int, request: Request, endpoint: Endpoint, via: bytes, to_tag: bytes, timers: Timers
    ) -> None:
        self.key = key
        self.request: Request | None = request
        self.endpoint = endpoint
        self.via = via
        self.to_tag = to_tag
        self.timers = timers
        self.state = TRYING
        self.response: bytes | None = None
        self.context: object | None = None
        self.trail: Any = None

    def retransmitted(self, out: Effects) -> None:
        """The request came again: replay the last answer, if there is one to replay."""
        if self.response is not None:
            out.sends.append((self.endpoint, self.response))


@mypyc_attr(acyclic=True)
class InviteServer(ServerTransaction):
    """§17.2.1 with the Accepted state of RFC 6026 §7.1.

    bounded: whether timer H runs; over UDP it is armed when no ACK came for T1, for what remains of it.
    """

    __slots__ = ("bounded", "interval")

    def __init__(
        self, key: int, request: Request, endpoint: Endpoint, via: bytes, to_tag: bytes, timers: Timers
    ) -> None:
        super().__init__(key, request, endpoint, via, to_tag, timers)
        self.state = PROCEEDING
        self.interval = timers.t1
        self.bounded = False

    def respond(self, status: int, data: bytes, now: float, out: Effects) -> bool:
        """Send an answer. False: too late for this one, nothing was sent."""
        if self.state == PROCEEDING:
            out.sends.append((self.endpoint, data))
            if status < 200:
                self.response = data
            elif status < 300:
                # RFC 6026 §7.1: a 2xx enters Accepted, where the INVITE's retransmissions are absorbed without an
                # answer (the far end repeats its 2xx) and starts timer L.
                self.state = ACCEPTED
                self.response = self.request = None
                self.via = b""
                out.timers.arm(now, self.timers.completed, self, t.L)
            else:
                self.state = COMPLETED
                self.response = data
                self.request = None
                self.via = b""
                if self.endpoint.reliable:
                    self.bounded = True
                    out.timers.arm(now, self.timers.completed, self, t.H)
                else:
                    out.timers.arm(now, self.interval, self, t.G)
            return True
        if self.state == ACCEPTED and 200 <= status < 300:
            # Repeats of the 2xx, or the 2xx of another branch (§16.7 item 10), pass while Accepted lasts.
            out.sends.append((self.endpoint, data))
            return True
        return False

    def acknowledged(self, now: float, out: Effects) -> int:
        """An ACK with this transaction's key came. Returns TERMINATED when nothing is left to wait for.

        Only for the states in which the ACK ends here (§17.2.1): an Accepted machine's ACK is the owner's to forward.
        """
        if self.state == COMPLETED:
            self.state = CONFIRMED
            self.response = None
            if self.endpoint.reliable:
                self.state = DONE
                return TERMINATED
            out.timers.arm(now, self.timers.t4, self, t.I)
        return 0

    def fire(self, timer: int, now: float, out: Effects) -> int:
        """Timers G, H, I and L."""
        if timer == t.G and self.state == COMPLETED:
            assert self.response is not None
            if not self.bounded:
                self.bounded = True
                out.timers.arm(now, self.timers.completed - self.interval, self, t.H)
            out.sends.append((self.endpoint, self.response))
            self.interval = min(2 * self.interval, self.timers.t2)
            out.timers.arm(now, self.interval, self, t.G)
        elif timer == t.H and self.state == COMPLETED:
            self.state = DONE
            self.response = None
            return TIMED_OUT  # the ACK never came (§17.2.1)
        elif (timer == t.I and self.state == CONFIRMED) or (timer == t.L and self.state == ACCEPTED):
            self.state = DONE
            return TERMINATED
        return 0


@mypyc_attr(acyclic=True)
class NonInviteServer(ServerTransaction):
    """§17.2.2 with RFC 4320."""

    __slots__ = ()

    def respond(self, status: int, data: bytes, now: float, out: Effects) -> bool:
        """Send an answer. False: too late for this one, nothing was sent."""
        # RFC 4320 §4.1: "MUST NOT send any provisional response with a Status-Code other than 100 to a non-INVITE
        # request", not one from downstream either.
        if self.state >= COMPLETED or 100 < status < 200:
            return False
        out.sends.append((self.endpoint, data))
        self.response = data
        if status < 200:
            self.state = PROCEEDING
        else:
            self.state = COMPLETED
            self.request = None
            self.via = b""
            out.timers.arm(now, 0.0 if self.endpoint.reliable else self.timers.completed, self, t.J)
        return True

    def fire(self, timer: int, now: float, out: Effects) -> int:
        """Timer J."""
        if timer == t.J and self.state == COMPLETED:
            self.state = DONE
            self.response = None
            return TERMINATED
        return 0
