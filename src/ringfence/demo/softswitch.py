"""The called side: a user agent server that rings, answers, hangs up when told, and remembers what it saw."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass

from ringfence.demo.agent import Agent, token
from ringfence.demo.caller import marks
from ringfence.demo.exchange import GIVE_UP_FACTOR, T2_FACTOR
from ringfence.demo.ladder import text
from ringfence.demo.messages import ALLOW, number_uri, still_sdp
from ringfence.demo.wire import Peer
from ringfence.sip.errors import SipError
from ringfence.sip.headers import P_ASSERTED_IDENTITY, PRIVACY, RECORD_ROUTE
from ringfence.sip.message import Request
from ringfence.sip.uri import parse_uri

MAX_CALLS = 10_000  # calls remembered; the oldest is forgotten first


@dataclass(slots=True)
class Seen:
    """One INVITE as the callee got it.

    display: what the callee's telephone shows beside the number; caller: From's user part.
    marks: our own headers and Call-Info, name and value.
    """

    call_id: str
    callee: str
    caller: str
    display: str
    asserted: list[str]
    privacy: list[str]
    marks: list[tuple[str, str]]
    status: int = 0
    acknowledged: bool = False
    ended: bool = False


class _Incoming:
    """A call's server side: its INVITE, the response given last, and the timer that repeats it."""

    __slots__ = ("gap", "invite", "peer", "response", "seen", "tag", "timer", "until")

    def __init__(self, invite: Request, peer: Peer, seen: Seen) -> None:
        self.invite = invite
        self.peer = peer
        self.seen = seen
        self.tag = token()
        self.response = b""
        self.gap = 0.0
        self.until = 0.0
        self.timer: asyncio.TimerHandle | None = None

    def stop(self) -> None:
        """No more repeats."""
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None


class Softswitch(Agent):
    """Answers calls.

    ring: seconds between 180 and the answer; refusals: callee's user part to the final status it gets instead of 200.
    seen: calls by Call-ID, in order of arrival. requests: how many of each method came.
    """

    def __init__(
        self,
        host: str = "127.0.0.1",
        port: int = 0,
        t1: float = 0.5,
        ring: float = 0.0,
        refusals: Mapping[str, int] | None = None,
    ) -> None:
        super().__init__(host, port, t1)
        self.ring = ring
        self.refusals = dict(refusals or {})
        self.seen: OrderedDict[str, Seen] = OrderedDict()
        self.requests: dict[str, int] = {}
        self._calls: OrderedDict[bytes, _Incoming] = OrderedDict()

    async def close(self) -> None:
        for call in self._calls.values():
            call.stop()
        await super().close()

    def on_request(self, request: Request, peer: Peer) -> None:
        method = text(request.method)
        self.requests[method] = self.requests.get(method, 0) + 1
        call = self._calls.get(request.call_id)
        if method == "INVITE" and not request.to_tag:
            self._invited(request, peer, call)
        elif method == "ACK":
            self._acknowledged(call)
        elif method == "OPTIONS":
            self.reply(request, peer, 200, fields=[("Allow", ALLOW), ("Accept", "application/sdp")])
        elif method == "CANCEL":
            self._cancelled(request, peer, call)
        elif call is None or request.to_tag != call.tag.encode():
            self.reply(request, peer, 481)
        elif method == "BYE":
            call.stop()
            call.seen.ended = True
            self.reply(request, peer, 200)
        elif method == "INVITE":
            call.invite, call.peer = request, peer
            self._answer(call)
        else:
            self.reply(request, peer, 405, fields=[("Allow", ALLOW)])

    def _invited(self, request: Request, peer: Peer, call: _Incoming | None) -> None:
        if call is not None and call.invite.via_branch == request.via_branch:
            peer.send(call.response)  # RFC 3261 §17.2.1: a repeat gets the last response again
            return
        call = _Incoming(request, peer, _observed(request))
        self._remember(request.call_id, call)
        call.response = self._respond(call, 180)
        call.timer = asyncio.get_running_loop().call_later(self.ring, self._answer, call)

    def _remember(self, call_id: bytes, call: _Incoming) -> None:
        self._calls[call_id] = call
        self.seen[call.seen.call_id] = call.seen
        if len(self._calls) > MAX_CALLS:
            self._calls.popitem(last=False)[1].stop()
            self.seen.popitem(last=False)

    def _answer(self, call: _Incoming) -> None:
        self._finish(call, self.refusals.get(call.seen.callee, 200))

    def _finish(self, call: _Incoming, status: int) -> None:
        """A final response, repeated until its ACK comes: §13.3.1.4 for a 2xx, timer G of §17.2.1 for others."""
        call.stop()
        call.seen.status = status
        call.response = self._respond(call, status)
        loop = asyncio.get_running_loop()
        call.gap = self.t1
        call.until = loop.time() + GIVE_UP_FACTOR * self.t1
        # Over TCP a 2xx is repeated as well (§13.3.1.4), a refusal is not.
        if status < 300 or not call.peer.reliable:
            call.timer = loop.call_later(call.gap, self._repeat, call)

    def _repeat(self, call: _Incoming) -> None:
        loop = asyncio.get_running_loop()
        if loop.time() >= call.until:
            return
        call.peer.send(call.response)
        call.gap = min(call.gap * 2, T2_FACTOR * self.t1)
        call.timer = loop.call_later(call.gap, self._repeat, call)

    def _respond(self, call: _Incoming, status: int) -> bytes:
        transport = call.peer.transport
        contact = number_uri(call.seen.callee, self.host, self.wires[transport].port)
        fields = [("Record-Route", text(value)) for value in call.invite.index.values(RECORD_ROUTE)]
        fields += [("Contact", f"<{contact};transport={transport}>"), ("Allow", ALLOW)]
        body = still_sdp(self.host) if 200 <= status < 300 else b""
        return self.reply(call.invite, call.peer, status, call.tag, fields, body)

    def _acknowledged(self, call: _Incoming | None) -> None:
        if call is not None and call.seen.status:
            call.stop()
            call.seen.acknowledged = True

    def _cancelled(self, request: Request, peer: Peer, call: _Incoming | None) -> None:
        """§9.2: 200 for the CANCEL itself, 487 for an INVITE still unanswered."""
        if call is None or call.invite.via_branch != request.via_branch:
            self.reply(request, peer, 481)
            return
        self.reply(request, peer, 200, call.tag)
        if not call.seen.status:
            self._finish(call, 487)


def _observed(request: Request) -> Seen:
    return Seen(
        call_id=text(request.call_id),
        callee=_user(request.uri),
        caller=_user(request.from_uri),
        display=text(request.from_display),
        asserted=[text(value) for value in request.index.values(P_ASSERTED_IDENTITY)],
        privacy=[text(value) for value in request.index.values(PRIVACY)],
        marks=marks(request),
    )


def _user(uri: bytes) -> str:
    """The user part, or a tel number; empty for what is no URI."""
    try:
        return parse_uri(uri).user or ""
    except SipError:
        return ""
