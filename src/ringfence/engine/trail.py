"""What becomes of one INVITE, noted where it passes; the runner writes it down before anything of that turn leaves.

A decision is written once, before the INVITE is forwarded or refused; an outcome with the final answer to a forwarded
one; an end with the BYE of an answered call. An INVITE inside a dialog has a decision only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mypy_extensions import mypyc_attr

if TYPE_CHECKING:
    from ringfence.engine.effects import EngineEffects
    from ringfence.engine.policy import Peer
    from ringfence.forwarding.gateways import Hop
    from ringfence.screening import Call, Facts, Verdict
    from ringfence.sip.address import Endpoint
    from ringfence.sip.message import Request

DECISION: Final = 1
OUTCOME: Final = 2
END: Final = 3
NOBODY: Final = 0  # who ended a call; nobody: it was forgotten before anybody did
CALLER: Final = 1
CALLEE: Final = 2
OURSELVES: Final = 3


class Recording:
    """Whether trails are kept, and whether no more of them can be.

    enabled: set before the first message. full: the writer's buffer is at its bound and calls are to be refused.
    """

    __slots__ = ("enabled", "full")

    def __init__(self, enabled: bool = True) -> None:
        self.enabled = enabled
        self.full = False


@mypyc_attr(acyclic=True)
class Trail:
    """One INVITE of a known peer.

    request: the INVITE, or its raw bytes where they could not be read; the writer lets it go with call, verdict and
    facts once the decision is written. inside: an INVITE within a dialog. at: its arrival, as all times here in
    monotonic seconds, 0 for not yet.
    generation: of the settings that it was judged by. number: its decision's sequence number, 0 until it is written.
    status: our answer in the decision, 0 when the INVITE was forwarded. tried: the hops that it was sent to.
    hop: the one that answered. final: the status that the caller was given afterwards.
    released: who ended it. reason: the Reason field values of whoever did (RFC 3326), b"" if none.
    """

    __slots__ = (
        "answered", "at", "call", "call_id", "decided", "ended", "facts", "final", "final_at", "generation", "hop",
        "inside", "number", "peer", "rang", "reason", "released", "request", "source", "status", "tried", "verdict",
    )  # fmt: skip

    def __init__(
        self,
        request: Request | bytes | None,
        call_id: bytes,
        source: Endpoint,
        peer: Peer,
        at: float,
        inside: bool = False,
    ) -> None:
        self.request = request
        self.call_id = call_id
        self.source = source
        self.peer = peer
        self.at = at
        self.inside = inside
        self.call: Call | None = None
        self.verdict: Verdict | None = None
        self.facts: Facts | None = None
        self.generation = 0
        self.number = 0
        self.decided = False
        self.status = 0
        self.tried: tuple[Hop, ...] = ()
        self.hop: Hop | None = None
        self.rang = self.answered = self.final_at = self.ended = 0.0
        self.final = 0
        self.released = NOBODY
        self.reason = b""

    def sent(self, hop: Hop, out: EngineEffects) -> None:
        """It goes to a hop."""
        self.tried += (hop,)
        if not self.decided:
            self.decided = True
            out.records.append((DECISION, self))

    def refused(self, status: int, now: float, out: EngineEffects) -> None:
        """Its caller gets a final answer of our own."""
        if self.decided:
            self._concluded(status, OURSELVES, now, out)
            return
        self.decided = True
        self.status = status
        out.records.append((DECISION, self))

    def written(self, number: int) -> None:
        """Its decision is on record: what only that needed may go."""
        self.number = number
        self.request = self.call = self.verdict = self.facts = None

    def passed(self, status: int, now: float, out: EngineEffects) -> None:
        """Its caller gets an answer that came from a hop."""
        if status >= 200:
            self._concluded(status, CALLEE, now, out)
        elif 180 <= status < 190 and not self.rang:
            self.rang = now

    def _concluded(self, status: int, who: int, now: float, out: EngineEffects) -> None:
        if self.final or self.inside:
            return  # a repeat of a 2xx, or nothing that begins or ends a call
        self.final = status
        self.final_at = now
        if status < 300:
            self.answered = now
        elif self.released == NOBODY:
            self.released = who
        out.records.append((OUTCOME, self))

    def over(self, who: int, reason: bytes, now: float, out: EngineEffects) -> None:
        """The call that it began ended."""
        self.released = who
        self.reason = reason
        self.ended = now
        out.records.append((END, self))
