"""Events in, effects out: every message, timer and answer enters here and is carried to the room whose it is."""

from __future__ import annotations

import re

from ringfence.engine.effects import EngineEffects
from ringfence.engine.forwarder import Alarm, Forwarder
from ringfence.engine.inside import Inside
from ringfence.engine.policy import Peer, Policy
from ringfence.engine.probes import ProbeClock, Prober
from ringfence.engine.screen import Screen
from ringfence.engine.state import State
from ringfence.engine.trail import NOBODY, Trail
from ringfence.forwarding.context import ResponseContext
from ringfence.forwarding.gateways import Dice, Target
from ringfence.forwarding.validate import fault_of
from ringfence.screening import Facts
from ringfence.sip import headers as h
from ringfence.sip.address import Endpoint
from ringfence.sip.errors import SipError
from ringfence.sip.message import Request, Response, parse
from ringfence.sip.writer import PHRASES, loop_mark, salvaged_response, stamped_via
from ringfence.transaction import server as s
from ringfence.transaction.client import InviteClient, NonInviteClient
from ringfence.transaction.server import InviteServer, NonInviteServer
from ringfence.transaction.table import CANCEL_SUFFIX, server_key
from ringfence.transaction.timers import TERMINATED, TIMED_OUT, UNANSWERED, Machine

# ICMP quotes some 500 bytes, which no INVITE with a body fits in: our Via, on top of all others, is enough.
_branch_of_ours = re.compile(rb"\r\nVia: SIP/2\.0/[A-Z]++ [^;\r\n]++;branch=([^;\s]++)\r\n").search


class Engine:
    """The hallway. `now` is monotonic seconds and never runs backwards; `out` is emptied by the runner each turn."""

    def __init__(self, state: State, dice: Dice, wall: float) -> None:
        self.state = state
        self.forwarder = Forwarder(state)
        self.screen = Screen(state, self.forwarder, dice, wall)
        self.inside = Inside(state, self.forwarder)
        self.prober = Prober(state)
        self._epoch = 0
        state.policy.index_gateways(0)

    @property
    def draining(self) -> bool:
        """Whether new calls are turned away, emergency calls excepted, because the process is to end."""
        return self.state.draining

    @draining.setter
    def draining(self, value: bool) -> None:
        self.state.draining = value

    @property
    def busy(self) -> bool:
        """Whether any INVITE still waits for its final answer."""
        servers = self.state.transactions.servers.values()
        return any(isinstance(server, InviteServer) and server.state == s.PROCEEDING for server in servers)

    # -- messages ---------------------------------------------------------------------------------------------

    def received(self, data: bytes, source: Endpoint, now: float, out: EngineEffects) -> None:
        """One datagram, or one framed message of a connection."""
        state = self.state
        policy = state.policy
        if source.generation != policy.epoch:
            source.peer = policy.peer_of(source)
            source.generation = policy.epoch
        peer = source.peer
        if peer is None:
            self._stranger(data, source, now, out)
            return
        try:
            message = parse(data)
        except SipError as error:
            self._malformed(data, source, error, out)
            if error.status is not None:
                self.unread(data, error.status, source, now, out)
            return
        if isinstance(message, Response):
            self.forwarder.answered(source, message, now, out)
        else:
            assert isinstance(peer, Peer)
            self._request(message, source, peer, now, out)

    def _stranger(self, data: bytes, source: Endpoint, now: float, out: EngineEffects) -> None:
        """No trunk and no gateway: counted, and answered only if the operator wants it (403, RFC 3261 §21.4.4).

        Inside a dialog the next hop may be such a one (a Contact of its own); asked by us, it may answer.
        """
        counters = self.state.counters
        if data.startswith(b"SIP/2.0 ") and self.state.salt in data and self._was_asked(data, source, now, out):
            return
        if not data.strip(b"\r\n\0 "):
            counters.ignored_keepalives += 1
            return
        counters.unknown_sources += 1
        if self.state.policy.sip.unknown_source == "forbid":
            answer = salvaged_response(data, 403, b"Forbidden", source.host, source.port)
            if answer is not None:
                counters.refused(403)
                self.state.count_response(403)
                out.sends.append((source, answer))

    def _was_asked(self, data: bytes, source: Endpoint, now: float, out: EngineEffects) -> bool:
        """Whether this is the answer of a hop that we sent a request to; if so it is passed on."""
        try:
            message = parse(data)
        except SipError:
            return False
        if not isinstance(message, Response):
            return False
        client = self.forwarder.client_of(message)
        if client is None or not client.is_from(source):
            return False
        self.forwarder.answered(source, message, now, out)
        return True

    def _malformed(self, data: bytes, source: Endpoint, error: SipError, out: EngineEffects) -> None:
        counters = self.state.counters
        if not data.strip(b"\r\n\0 "):
            counters.ignored_keepalives += 1  # RFC 5626 §3.5.1 and NAT keep-alives over UDP: nothing is owed
            return
        counters.malformed += 1
        if error.status is None:
            return
        # Stateless (§8.2.7): a malformed request has no fields that a transaction could be built on.
        answer = salvaged_response(data, error.status, PHRASES[error.status], source.host, source.port)
        if answer is not None:
            counters.refused(error.status)
            self.state.count_response(error.status)
            out.sends.append((source, answer))

    def unread(self, data: bytes, status: int, source: Endpoint, now: float, out: EngineEffects) -> None:
        """An INVITE of a trunk that could not be read is refused; the caller of this sends the answer."""
        if data[:7] != b"INVITE " or not self.state.recording.enabled:
            return
        peer = self.state.policy.peer_of(source)
        if peer is not None:
            Trail(data, b"", source, peer, now).refused(status, now, out)

    def _request(self, request: Request, source: Endpoint, peer: Peer, now: float, out: EngineEffects) -> None:
        state = self.state
        method = request.method
        state.counters.request(method)
        servers = state.transactions.servers
        if method == b"ACK":
            self._ack(request, source, peer, now, out)
            return
        key = server_key(request, peer.key, method)
        server = servers.get(key)
        if server is not None:
            state.counters.retransmissions += 1
            server.retransmitted(out)
            return
        via = stamped_via(request, source.host, source.port)
        if source.connection is not None and b";alias" in via:
            # RFC 5923 §8.2: the far end asks that this connection serve for requests to its Via port as well.
            out.aliases.append((source, request.via_port or (5061 if source.transport == "tls" else 5060)))
        reply_to = source
        if not source.reliable and not request.via_rport and (request.via_port or 5060) != source.port:
            # §18.2.2: without rport the answer goes to the port in the Via (RFC 3581 §4).
            reply_to = state.make_endpoint(source.listener.key, source.host, request.via_port or 5060, None)
        if state.transactions.full:
            state.transactions.shed += 1  # not even a machine for it
            if method == b"INVITE" and state.recording.enabled:
                Trail(request, request.call_id, source, peer, now, bool(request.to_tag)).refused(503, now, out)
            state.turn_away(request, reply_to, via, out)
            return
        timers = state.policy.timers
        if method == b"INVITE":
            invite = InviteServer(key, request, reply_to, via, b"", timers)
            servers.add(key, invite)
            if state.recording.enabled:
                invite.trail = Trail(request, request.call_id, source, peer, now, bool(request.to_tag))
            self._routed(request, invite, source, peer, now, out)
            return
        other = NonInviteServer(key, request, reply_to, via, b"", timers)
        servers.add(key, other)
        if method == b"CANCEL":
            self._cancel(request, other, peer, now, out)
        else:
            self._routed(request, other, source, peer, now, out)

    def _routed(
        self,
        request: Request,
        server: InviteServer | NonInviteServer,
        source: Endpoint,
        peer: Peer,
        now: float,
        out: EngineEffects,
    ) -> None:
        """A request that is new to us: check it, then find out whose it is (§16.3, §16.4)."""
        state = self.state
        if request.method == b"OPTIONS" and not request.to_tag and self._for_us(request):
            # §11.2; also the OPTIONS whose Max-Forwards ends here (§16.3 item 3).
            required = b", ".join(request.index.values(h.REQUIRE))
            if required:  # §8.2.2.3: it is ours to understand here
                state.refuse(server, 420, now, out, b"Unsupported: %b\r\n" % required)
                return
            headers = b"Allow: %b\r\nAccept: application/sdp\r\nServer: %b\r\n" % (
                state.policy.allow, state.policy.sip.server_name.encode(),
            )  # fmt: skip
            state.reply(server, 200, now, out, headers)
            return
        mark = loop_mark(request, peer.name)
        fault = fault_of(request, state.own, mark)
        if fault is not None:
            state.refuse(server, fault[0], now, out, fault[2])
            return
        if request.to_tag:
            self.inside.request(request, server, source, peer, mark, now, out)
        elif peer.trunk is None:
            # A gateway opens no calls through us unless it is a trunk too.
            state.refuse(server, 403, now, out)
        elif isinstance(server, InviteServer):
            self.screen.invite(request, server, source, peer.trunk, mark, now, out)
        elif state.draining:
            state.refuse(server, 503, now, out)
        elif request.method in state.policy.forward_methods or b"*" in state.policy.forward_methods:
            context = self.screen.unscreened(request, server, source, peer.trunk, mark, now)
            if not self.forwarder.next_hop(context, now, out):
                state.refuse(server, 503, now, out)
        else:
            state.refuse(server, 405, now, out, b"Allow: %b\r\n" % state.policy.allow)

    def _for_us(self, request: Request) -> bool:
        if request.max_forwards == 0:
            return True
        _, _, rest = request.uri.partition(b":")
        return b"@" not in rest and self.state.own.is_own_host(rest.partition(b";")[0])

    def _ack(self, request: Request, source: Endpoint, peer: Peer, now: float, out: EngineEffects) -> None:
        """For our non-2xx answer it ends here; for a 2xx it goes on, statelessly and unanswered (§16.11, §13.2.2.4)."""
        state = self.state
        server = state.transactions.servers.get(server_key(request, peer.key, b"INVITE"))
        if isinstance(server, InviteServer) and server.state != s.ACCEPTED:
            if server.acknowledged(now, out) == TERMINATED:
                state.transactions.forget(server)
            return
        self.inside.ack(request, source, peer, out)

    def _cancel(self, request: Request, server: NonInviteServer, peer: Peer, now: float, out: EngineEffects) -> None:
        state = self.state
        invite = state.transactions.servers.get(server_key(request, peer.key, b"INVITE"))
        if not isinstance(invite, InviteServer):
            # §16.10 would have a CANCEL without context forwarded statelessly, for proxies that may have forwarded the
            # INVITE so. We never do, so there is nothing that it could cancel downstream: 481 (§9.2).
            state.refuse(server, 481, now, out)
            return
        server.to_tag = invite.to_tag = invite.to_tag or state.tag()  # §9.2: the same tag in both answers
        state.reply(server, 200, now, out)
        context = invite.context
        if invite.state != s.PROCEEDING or not isinstance(context, ResponseContext) or context.cancelled:
            return  # the final answer was faster
        index = request.index
        reason = b"".join(request.data[start:end] for start, end in index.spans(h.REASON))
        if self.screen.cancel(context):
            state.counters.abandoned += 1
        self.forwarder.cancel(context, reason, now, out)

    # -- timers, facts, transport, names ----------------------------------------------------------------------

    def tick(self, now: float, out: EngineEffects) -> None:
        """Whatever is due by now."""
        state = self.state
        for batch in state.timers.due(now):
            for machine, timer in zip(batch.machines, batch.timers, strict=True):
                result = machine.fire(timer, now, out)
                if result != 0:
                    self._woken(machine, result, now, out)
        state.dialogs.expire(now)
        if state.dialogs.forgotten:
            for trail in state.dialogs.forgotten:
                trail.over(NOBODY, b"", now, out)
            state.dialogs.forgotten.clear()

    def _woken(self, machine: Machine, result: int, now: float, out: EngineEffects) -> None:
        """What a machine that was woken wants of us."""
        if isinstance(machine, (InviteClient, NonInviteClient)):
            if result == TIMED_OUT:
                self.forwarder.timed_out(machine, now, out)
            elif result == UNANSWERED and isinstance(machine, NonInviteClient):
                self.forwarder.unanswered(machine, now, out)
            else:
                self.state.transactions.forget(machine)
        elif isinstance(machine, Alarm):
            self.forwarder.alarmed(machine, now, out)
        elif isinstance(machine, ProbeClock):
            self.prober.due(machine, now, out)
        else:
            self.state.transactions.forget(machine)

    def facts(self, ticket: int, facts: Facts, now: float, out: EngineEffects) -> None:
        """What the look-ups found for a gather."""
        self.screen.facts(ticket, facts, now, out)

    def heard(self, ticket: int, outcome: str, now: float, out: EngineEffects) -> None:
        """What became of a refusal that was dialled."""
        self.screen.dialling.heard(ticket, outcome, now, out)

    def unreachable(self, endpoint: Endpoint, data: bytes, now: float, out: EngineEffects) -> None:
        """The transport could not deliver `data`; of a datagram perhaps the beginning only, as ICMP quotes it."""
        self.state.counters.unreachable += 1
        if not data.startswith(b"SIP/2.0 "):
            branch = _branch_of_ours(data)
            if branch is not None:
                suffix = CANCEL_SUFFIX if data.startswith(b"CANCEL ") else b""
                self.forwarder.unreachable(endpoint, branch[1] + suffix, now, out)
        elif endpoint.reliable:
            self._answer_elsewhere(endpoint, data, out)

    def _answer_elsewhere(self, endpoint: Endpoint, data: bytes, out: EngineEffects) -> None:
        """§18.2.2: if the connection that the request came by is no longer open, "the server SHOULD open a connection
        to the IP address in the received parameter, if present, using the port in the sent-by value"."""
        try:
            response = parse(data)
        except SipError:
            return  # of a request that was refused unread
        state = self.state
        again = state.endpoint_at(endpoint.transport, endpoint.host, response.via_port, endpoint.listener)
        if again is not None and again.port != endpoint.port:
            out.sends.append((again, data))

    def resolved(self, ticket: int, targets: list[Target], now: float, out: EngineEffects) -> None:
        """Addresses for a name that a request's next hop bore, best first."""
        self.inside.resolved(ticket, targets, now, out)

    # -- settings ---------------------------------------------------------------------------------------------

    def start(self, now: float, out: EngineEffects) -> None:
        """Begin to probe the gateways."""
        self.prober.start(now, out)

    def adopt(self, policy: Policy, now: float, out: EngineEffects) -> None:
        """A new generation is in force from the next INVITE on; what is known of the gateways stays known."""
        state = self.state
        former = {gateway.name: gateway for group in state.policy.groups.values() for gateway in group.gateways}
        for group in policy.groups.values():
            for gateway in group.gateways:
                if gateway.name in former:
                    gateway.take_over(former[gateway.name])
        policy.pipeline.faults = state.policy.pipeline.faults  # counted since the process began
        limits = policy.sip.limits
        state.transactions.limit = limits.transactions
        state.dialogs.limit = limits.dialogs
        state.dialogs.lifetime = limits.dialog_lifetime
        state.policy = policy
        self.gateways_changed()
        self.prober.start(now, out)

    def gateways_changed(self) -> None:
        """Gateways have other addresses than before: everybody's identity is looked up anew."""
        self._epoch += 1
        self.state.policy.index_gateways(self._epoch)
