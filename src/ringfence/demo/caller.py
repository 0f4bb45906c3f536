"""The calling side: a user agent client that places calls and tells what came back."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from ipaddress import ip_address

from ringfence.demo.agent import Agent, token
from ringfence.demo.dialog import Dialog
from ringfence.demo.exchange import GIVE_UP_FACTOR, Exchange
from ringfence.demo.ladder import Ladder, Step, summary, text
from ringfence.demo.messages import ALLOW, caller_uri, compose, identity_fields, name_addr, number_uri, still_sdp
from ringfence.demo.wire import Peer
from ringfence.sip.address import Transport
from ringfence.sip.headers import CALL_INFO, REASON, TO
from ringfence.sip.message import Request, Response, parse
from ringfence.sip.uri import parse_uri

MARK_PREFIX = b"p-ringfence-"


@dataclass(slots=True, kw_only=True)
class CallPlan:
    """What to call and how.

    caller, callee: numbers or whole URIs; an empty caller gives a From without a user part.
    target: host and port the INVITE is sent to.
    asserted: number for P-Asserted-Identity; private: `Privacy: id` (RFC 3325 §9.1, §9.3).
    hold: seconds between ACK and BYE; cancel_after: seconds from the first sign of ringing (101..199) to a CANCEL.
    fields: further header lines as they are.
    """

    caller: str
    callee: str
    target: tuple[str, int]
    transport: Transport = "udp"
    display: str | None = None
    asserted: str | None = None
    private: bool = False
    hold: float = 0.0
    cancel_after: float | None = None
    fields: tuple[tuple[str, str], ...] = ()


@dataclass(slots=True)
class CallReport:
    """What became of a call.

    status: the INVITE's final response, 0 when none came; reason: its Reason values.
    marks: our own headers and Call-Info on that response, name and value.
    ended: the BYE's status, 0 when none was answered or sent.
    """

    call_id: str
    status: int = 0
    phrase: str = "no answer"
    reason: list[str] = field(default_factory=list)
    marks: list[tuple[str, str]] = field(default_factory=list)
    ended: int = 0
    steps: list[Step] = field(default_factory=list)


class Caller(Agent):
    """Places calls from one address; several at a time if need be."""

    def __init__(self, host: str = "127.0.0.1", port: int = 0, t1: float = 0.5) -> None:
        super().__init__(host, port, t1)
        self._calls: dict[bytes, OutgoingCall] = {}
        self._exchanges: dict[tuple[bytes, bytes], Exchange] = {}
        self._acks: dict[tuple[bytes, int], tuple[Peer, bytes]] = {}

    def begin(self, plan: CallPlan) -> OutgoingCall:
        """A call that has not gone out yet: `await call.run()`, and `call.cancel()` at any time."""
        return OutgoingCall(self, plan)

    async def place(self, plan: CallPlan) -> CallReport:
        """A whole call, from INVITE to its end. Raises DemoError when it cannot even be sent."""
        return await self.begin(plan).run()

    def on_response(self, response: Response, peer: Peer) -> None:
        call = self._calls.get(response.call_id)
        if call is not None:
            call.ladder.note("in", summary(response))
        ack = self._acks.get((response.call_id, response.cseq_number))
        if ack is not None and response.cseq_method == b"INVITE" and response.status >= 200:
            # §13.2.2.4 and §17.1.1.2: every repeat of the final response is acknowledged again.
            self.transmit(call, *ack)
            return
        exchange = self._exchanges.get((response.via_branch, response.cseq_method))
        if exchange is not None:
            exchange.received(response)

    def on_request(self, request: Request, peer: Peer) -> None:
        call = self._calls.get(request.call_id)
        if call is not None:
            call.ladder.note("in", summary(request))
        if request.method == b"ACK":
            return
        ours = call is not None and call.dialog is not None and call.dialog.remote_tag == request.from_tag
        if request.method == b"OPTIONS":
            status = 200
        elif ours:
            status = 200 if request.method == b"BYE" else 405
        else:
            status = 481 if request.to_tag or request.method == b"CANCEL" else 405
        data = self.reply(request, peer, status, fields=[("Allow", ALLOW)])
        if call is not None:
            call.ladder.note("out", summary(parse(data)))
            if ours and request.method == b"BYE":
                call.released.set()

    def transmit(self, call: OutgoingCall | None, peer: Peer, data: bytes) -> None:
        """Send, and draw it on the call's ladder."""
        peer.send(data)
        if call is not None:
            call.ladder.note("out", summary(parse(data)))

    def enter(self, call: OutgoingCall) -> None:
        """The call takes part from now on."""
        self._calls[call.call_id.encode()] = call

    def leave(self, call: OutgoingCall) -> None:
        """The call is over; its ACK stays ready for as long as repeats may come (timer D, 64·T1)."""
        self._calls.pop(call.call_id.encode(), None)

    def keep_ack(self, call: OutgoingCall, response: Response, peer: Peer, data: bytes) -> None:
        """Send the ACK now, and again for every repeat of the response."""
        key = (response.call_id, response.cseq_number)
        self._acks[key] = (peer, data)
        asyncio.get_running_loop().call_later(GIVE_UP_FACTOR * self.t1, self._acks.pop, key, None)
        self.transmit(call, peer, data)

    def exchange(self, call: OutgoingCall, peer: Peer, branch: str, data: bytes, method: str) -> Exchange:
        """A client transaction under way."""
        made = Exchange(peer, method == "INVITE", self.t1, lambda: self.transmit(call, peer, data))
        self._exchanges[(branch.encode(), method.encode())] = made
        return made

    def forget(self, branch: str, method: str) -> None:
        """The transaction is over."""
        self._exchanges.pop((branch.encode(), method.encode()), None)


class OutgoingCall:
    """One call: INVITE, ACK, BYE or CANCEL."""

    def __init__(self, caller: Caller, plan: CallPlan) -> None:
        self._caller = caller
        self._plan = plan
        self._sequence = 1
        self._branch = f"z9hG4bK{token()}"
        self._may_cancel = False
        self._rings = False
        self._cancel_wanted = False
        self._cancelling: asyncio.Task[Response | None] | None = None
        self._tag = token()
        self.call_id = f"{token(12)}@{caller.host}"
        self.dialog: Dialog | None = None
        self.released = asyncio.Event()
        self.ladder = Ladder(asyncio.get_running_loop().time)

    async def run(self) -> CallReport:
        """Place the call and see it to its end."""
        report = CallReport(self.call_id, steps=self.ladder.steps)
        self._caller.enter(self)
        try:
            peer = await self._caller.wires[self._plan.transport].peer(*self._plan.target)
            data = self._invite()
            exchange = self._caller.exchange(self, peer, self._branch, data, "INVITE")
            final = await exchange.final(self._provisional)
            if final is not None:
                _fill(report, final)
                if final.status < 300:
                    report.ended = await self._talk(final)
                else:
                    self._caller.keep_ack(self, final, peer, self._ack_of_refusal(final))
            if self._cancelling is not None:
                await self._cancelling
        finally:
            self._caller.forget(self._branch, "INVITE")
            self._caller.leave(self)
        return report

    def cancel(self) -> None:
        """Give up the call: now, or as soon as a provisional response allows it (RFC 3261 §9.1)."""
        self._cancel_wanted = True
        if self._may_cancel and self._cancelling is None:
            self._cancelling = asyncio.get_running_loop().create_task(self._send_cancel())

    def _provisional(self, response: Response) -> None:
        self._may_cancel = True
        if self._cancel_wanted:
            self.cancel()
        elif response.status > 100 and not self._rings:
            self._rings = True
            if self._plan.cancel_after is not None:
                asyncio.get_running_loop().call_later(self._plan.cancel_after, self.cancel)

    async def _talk(self, answer: Response) -> int:
        """ACK, stay, BYE; returns the BYE's status."""
        to = text(answer.index.first(TO) or b"")
        self.dialog = Dialog.learned(answer, to)
        peer = await self._toward_dialog()
        ack = self._in_dialog("ACK", f"z9hG4bK{token()}", self._sequence)
        self._caller.keep_ack(self, answer, peer, ack)
        try:
            async with asyncio.timeout(self._plan.hold):
                await self.released.wait()
            return 0
        except TimeoutError:
            pass
        self._sequence += 1
        branch = f"z9hG4bK{token()}"
        data = self._in_dialog("BYE", branch, self._sequence)
        exchange = self._caller.exchange(self, peer, branch, data, "BYE")
        final = await exchange.final()
        self._caller.forget(branch, "BYE")
        return final.status if final is not None else 0

    async def _send_cancel(self) -> Response | None:
        """§9.1: the INVITE's own branch, Request-URI, To, number and routes."""
        peer = await self._caller.wires[self._plan.transport].peer(*self._plan.target)
        data = self._request("CANCEL", self._uri(), self._branch, 1, self._to())
        exchange = self._caller.exchange(self, peer, self._branch, data, "CANCEL")
        final = await exchange.final()
        self._caller.forget(self._branch, "CANCEL")
        return final

    async def _toward_dialog(self) -> Peer:
        """Where requests of the dialog go: the first route, or the callee itself."""
        assert self.dialog is not None
        wire = self._caller.wires[self._plan.transport]
        uri = parse_uri(self.dialog.next_hop(self._uri()).encode())
        host = (uri.host or "").strip("[]")
        try:
            ip_address(host)
        except ValueError:
            return await wire.peer(*self._plan.target)  # a name: we hold no resolver, the first hop does
        return await wire.peer(host, uri.port or 5060)

    def _invite(self) -> bytes:
        contact = number_uri("", self._caller.host, self._caller.wires[self._plan.transport].port)
        fields = [("Contact", f"<{contact};transport={self._plan.transport}>"), ("Allow", ALLOW)]
        fields += identity_fields(self._plan.asserted, self._plan.private, self._caller.host)
        fields += self._plan.fields
        body = still_sdp(self._caller.host)
        return self._request("INVITE", self._uri(), self._branch, 1, self._to(), fields, body)

    def _ack_of_refusal(self, response: Response) -> bytes:
        """§17.1.1.3: the INVITE's branch and Request-URI, the response's To."""
        to = text(response.index.first(TO) or b"")
        return self._request("ACK", self._uri(), self._branch, 1, to)

    def _in_dialog(self, method: str, branch: str, sequence: int) -> bytes:
        assert self.dialog is not None
        uri, routes = self.dialog.addressed(self._uri())
        fields = [("Route", route) for route in routes]
        return self._request(method, uri, branch, sequence, self.dialog.remote, fields)

    def _request(
        self,
        method: str,
        uri: str,
        branch: str,
        sequence: int,
        to: str,
        fields: list[tuple[str, str]] | None = None,
        body: bytes = b"",
    ) -> bytes:
        plan = self._plan
        sent_by = self._caller.sent_by(plan.transport)
        head = [
            ("Via", f"SIP/2.0/{plan.transport.upper()} {sent_by};branch={branch};rport"),
            ("Max-Forwards", "70"),
            ("From", name_addr(caller_uri(plan.caller, self._caller.host), plan.display, self._tag)),
            ("To", to),
            ("Call-ID", self.call_id),
            ("CSeq", f"{sequence} {method}"),
        ]
        return compose(f"{method} {uri} SIP/2.0", [*head, *(fields or [])], body)

    def _uri(self) -> str:
        return number_uri(self._plan.callee, *self._plan.target)

    def _to(self) -> str:
        return name_addr(number_uri(self._plan.callee, self._plan.target[0]))


def _fill(report: CallReport, response: Response) -> None:
    report.status = response.status
    report.phrase = text(response.reason)
    report.reason = [text(value) for value in response.index.values(REASON)]
    report.marks = marks(response)


def marks(message: Request | Response) -> list[tuple[str, str]]:
    """Our own headers and Call-Info on a message, name and value."""
    found: list[tuple[str, str]] = []
    for start, end in message.index.spans_with_prefix(MARK_PREFIX):
        name, _, value = message.data[start:end].partition(b":")
        found.append((text(name.strip()), text(value.strip())))
    return found + [("Call-Info", text(value)) for value in message.index.values(CALL_INFO)]
