"""Client transactions: one request that we sent, repeated until answered (RFC 3261 §17.1, RFC 6026)."""

from __future__ import annotations

from typing import Final

from mypy_extensions import mypyc_attr

from ringfence.sip.address import Endpoint
from ringfence.sip.message import Response
from ringfence.transaction import timers as t
from ringfence.transaction.effects import Effects
from ringfence.transaction.hop import ack_for
from ringfence.transaction.machines import digest
from ringfence.transaction.timers import TERMINATED, TIMED_OUT, UNANSWERED, Timers

CALLING: Final = 0
PROCEEDING: Final = 1
COMPLETED: Final = 2
ACCEPTED: Final = 3
DONE: Final = 4


@mypyc_attr(acyclic=True)
class ClientTransaction:
    """What the INVITE and the non-INVITE machine share.

    branch: our own, a CANCEL's with CANCEL_SUFFIX of `table` behind. key: its digest, by which answers find it
    (§17.1.3).
    endpoint: the only hop whose answers count.
    call: digest of its Call-ID where answers are to be held to that, else 0.
    data: the request as sent; dropped with the branch once it cannot be needed again.
    context: whose request this is; hop: which of its places it went to; both the owner's, never looked at here, None
    once they cannot be needed again.
    bounded: whether timer B or F runs. It is armed when T1 has passed without an end, for what remains of it: most
    requests have their answer by then, and what they are would be held for 32 s.
    """

    __slots__ = (
        "bounded",
        "branch",
        "call",
        "context",
        "data",
        "endpoint",
        "hop",
        "interval",
        "key",
        "state",
        "timers",
    )

    def __init__(
        self,
        branch: bytes,
        endpoint: Endpoint,
        data: bytes,
        timers: Timers,
        context: object | None,
        hop: object | None = None,
        call: int = 0,
    ) -> None:
        self.branch = branch
        self.key = digest(branch)
        self.endpoint = endpoint
        self.data = data
        self.timers = timers
        self.context = context
        self.hop = hop
        self.call = call
        self.bounded = False
        self.interval = timers.t1
        self.state = CALLING

    def is_from(self, source: Endpoint) -> bool:
        """Whether an answer that came from `source` comes from the hop that was asked.

        On a stream its port may be a passing one: a connection that broke is replaced from the far side (RFC 3261
        §18.2.2), and one that came to us may serve both directions (RFC 5923).
        """
        asked = self.endpoint
        return source is asked or (
            source.host == asked.host
            and source.transport == asked.transport
            and (source.port == asked.port or source.reliable)
        )


@mypyc_attr(acyclic=True)
class InviteClient(ClientTransaction):
    """§17.1.1 with RFC 6026 §7.2, and timer C of §16.6 item 11."""

    __slots__ = ("ack", "give_up")

    def start(self, now: float, out: Effects) -> None:
        """Send the request for the first time."""
        self.ack: bytes | None = None
        self.give_up = now + self.timers.c
        out.sends.append((self.endpoint, self.data))
        out.timers.arm(now, self.interval, self, t.A)

    def answered(self, response: Response, now: float, out: Effects) -> bool:
        """An answer to this branch came. True: it is news for the owner."""
        status = response.status
        state = self.state
        if state <= PROCEEDING:
            if status < 200:
                self.state = PROCEEDING
                if status > 100:
                    self.give_up = now + self.timers.c  # §16.7 item 2
                return True
            if status < 300:
                self.state = ACCEPTED
                self.data = self.branch = b""
                out.timers.arm(now, self.timers.completed, self, t.M)
                return True
            # §17.1.1.3: the ACK for a non-2xx goes hop by hop, from the transaction itself.
            self.state = COMPLETED
            self.ack = ack_for(self.data, response)
            self.data = self.branch = b""
            out.sends.append((self.endpoint, self.ack))
            out.timers.arm(now, 0.0 if self.endpoint.reliable else self.timers.d, self, t.D)
            return True
        if state == COMPLETED and status >= 300:
            assert self.ack is not None
            out.sends.append((self.endpoint, self.ack))
            return False
        return state == ACCEPTED and 200 <= status < 300

    def fire(self, timer: int, now: float, out: Effects) -> int:
        """Timers A, B (which also watches C), D and M."""
        state = self.state
        if timer == t.A:
            if state <= PROCEEDING and not self.bounded:
                self.bounded = True
                out.timers.arm(now, self.timers.completed - self.interval, self, t.B)
            if state == CALLING and not self.endpoint.reliable:
                out.sends.append((self.endpoint, self.data))
                self.interval *= 2
                out.timers.arm(now, self.interval, self, t.A)
        elif timer == t.B:
            if state == CALLING or (state == PROCEEDING and now >= self.give_up):
                return TIMED_OUT
            if state == PROCEEDING:
                # Looking again every 64*T1 keeps timer C within 32 s of its value, and lets a finished call's
                # memory go long before three minutes have passed.
                out.timers.arm(now, self.timers.completed, self, t.B)
        elif (timer == t.D and state == COMPLETED) or (timer == t.M and state == ACCEPTED):
            self.state = DONE
            return TERMINATED
        return 0


@mypyc_attr(acyclic=True)
class NonInviteClient(ClientTransaction):
    """§17.1.2."""

    __slots__ = ()

    def start(self, now: float, out: Effects) -> None:
        """Send the request for the first time."""
        out.sends.append((self.endpoint, self.data))
        if self.interval < self.timers.completed:
            out.timers.arm(now, self.interval, self, t.E)
        else:
            self.bounded = True
            out.timers.arm(now, self.timers.completed, self, t.F)

    def answered(self, response: Response, now: float, out: Effects) -> bool:
        """An answer to this branch came. True: it is news for the owner."""
        if self.state >= COMPLETED:
            return False
        if response.status < 200:
            self.state = PROCEEDING
        else:
            self.state = COMPLETED
            self.data = self.branch = b""
            out.timers.arm(now, 0.0 if self.endpoint.reliable else self.timers.t4, self, t.K)
        return True

    def fire(self, timer: int, now: float, out: Effects) -> int:
        """Timers E, F and K."""
        state = self.state
        if timer == t.E:
            if state > PROCEEDING:
                return 0
            first = not self.bounded
            if first:
                self.bounded = True
                out.timers.arm(now, self.timers.completed - self.interval, self, t.F)
            if not self.endpoint.reliable:
                out.sends.append((self.endpoint, self.data))
                t2 = self.timers.t2
                self.interval = t2 if state == PROCEEDING else min(2 * self.interval, t2)
                out.timers.arm(now, self.interval, self, t.E)
            if first:
                return UNANSWERED
        elif timer == t.F:
            if state <= PROCEEDING:
                self.state = DONE
                return TIMED_OUT
        elif timer == t.K and state == COMPLETED:
            self.state = DONE
            return TERMINATED
        return 0
