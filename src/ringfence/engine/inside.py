"""Requests inside a dialog: along a Record-Route that we signed, or nowhere (RFC 3261 §12.2, §16.4)."""

from __future__ import annotations

from ringfence.engine.effects import EngineEffects
from ringfence.engine.forwarder import Forwarder
from ringfence.engine.policy import Peer
from ringfence.engine.state import State
from ringfence.forwarding.context import ResponseContext
from ringfence.forwarding.copy import forwarded
from ringfence.forwarding.gateways import Hop, Named, Target
from ringfence.forwarding.marks import stripped
from ringfence.forwarding.route import Path, path_of
from ringfence.sip.address import Endpoint
from ringfence.sip.message import Request
from ringfence.sip.writer import Edit, loop_mark, stamped_via
from ringfence.transaction.server import InviteServer, NonInviteServer


class Waiting:
    """A request whose next hop is being looked up. context: None for an ACK."""

    __slots__ = ("context", "name", "path", "peer", "request", "source")

    def __init__(
        self, context: ResponseContext | None, request: Request, path: Path, source: Endpoint, peer: Peer, name: str
    ) -> None:
        self.context = context
        self.request = request
        self.path = path
        self.source = source
        self.peer = peer
        self.name = name


class Inside:
    """Forwards what belongs to a dialog that was let in.

    shed: requests that were not forwarded because too many names are being looked up.
    """

    __slots__ = ("_forwarder", "_serial", "_state", "_waiting", "shed")

    def __init__(self, state: State, forwarder: Forwarder) -> None:
        self._state = state
        self._forwarder = forwarder
        self._serial = 0
        self.shed = 0
        self._waiting: dict[int, Waiting] = {}

    def __len__(self) -> int:
        return len(self._waiting)

    def request(
        self,
        request: Request,
        server: InviteServer | NonInviteServer,
        source: Endpoint,
        peer: Peer,
        mark: bytes,
        now: float,
        out: EngineEffects,
    ) -> None:
        """A request with a To tag, not an ACK. mark: its loop mark."""
        state = self._state
        path = path_of(request, state.own)
        if not path.token or not state.dialogs.knows(path.token, request):
            # Only a Record-Route that we signed is followed: a To tag alone opens no relay. 481 ends a dialog that we
            # may have let in under another key; without any entry of ours there is none to end.
            state.refuse(server, 481 if path.token else 403, now, out)
            return
        hop = state.next_hop(path.next_uri, path.listener or source.listener)
        if hop is None:
            # §16.3 item 2 for a scheme that leads nowhere; §16.9 for an address that none of our sockets reaches.
            state.refuse(server, 503 if path.next_uri[:3].lower() == b"sip" else 416, now, out)
            return
        context = ResponseContext(server, request, source)
        server.context = context
        context.path = path
        context.loop_mark = mark
        context.edits = self._cuts(request, peer)
        if isinstance(server, InviteServer):
            state.reply(server, 100, now, out)
        if not isinstance(hop, Named):
            self._send_on(context, [hop], now, out)
        elif not self._resolve(Waiting(context, request, path, source, peer, hop.host), hop, out):
            state.refuse(server, 503, now, out)
            context.finish()

    def _send_on(self, context: ResponseContext, endpoints: list[Endpoint], now: float, out: EngineEffects) -> None:
        """No Record-Route again: the dialog has its route set (§16.6 item 4)."""
        if not context.finished:  # a CANCEL may have ended it while its next hop was looked up
            context.hops = tuple([Hop(endpoint, None) for endpoint in endpoints])
            self._forwarder.next_hop(context, now, out)

    def ack(self, request: Request, source: Endpoint, peer: Peer, out: EngineEffects) -> None:
        """The ACK for a 2xx goes on, statelessly and unanswered (§16.11, §13.2.2.4)."""
        state = self._state
        if not request.to_tag or request.max_forwards == 0:
            return
        path = path_of(request, state.own)
        if not path.token or not state.dialogs.knows(path.token, request):
            return
        hop = state.next_hop(path.next_uri, path.listener or source.listener)
        if isinstance(hop, Named):
            self._resolve(Waiting(None, request, path, source, peer, hop.host), hop, out)
        elif hop is not None:
            self._ack_on(request, path, source, peer, hop, out)

    def _ack_on(
        self, request: Request, path: Path, source: Endpoint, peer: Peer, hop: Endpoint, out: EngineEffects
    ) -> None:
        state = self._state
        via = stamped_via(request, source.host, source.port)
        branch = state.branch(loop_mark(request, peer.name))
        data = forwarded(request, path, hop.listener, branch, via, b"", self._cuts(request, peer))
        limit = state.policy.udp_switch_bytes
        if limit and len(data) > limit and hop.transport == "udp":
            # §18.1.1, where a connection is open: of an ACK nobody hears that it could not be delivered, so there is no
            # second try by UDP.
            switched = state.endpoint_at("tcp", hop.host, hop.port, hop.listener)
            if switched is not None and switched.connection is not None:
                hop = switched
                data = forwarded(request, path, hop.listener, branch, via, b"", self._cuts(request, peer))
        out.sends.append((hop, data))

    def _cuts(self, request: Request, peer: Peer) -> list[Edit]:
        """A trunk writes in our name no more inside a dialog than at its beginning."""
        if peer.trunk is None or peer.gateway is not None:
            return []
        return stripped(request, self._state.policy.own_prefix, peer.trunk.trust_identity)

    # -- names ------------------------------------------------------------------------------------------------

    def _resolve(self, waiting: Waiting, name: Named, out: EngineEffects) -> bool:
        if len(self._waiting) >= self._state.policy.sip.limits.resolving:
            self.shed += 1
            return False
        self._serial += 1
        self._waiting[self._serial] = waiting
        out.resolves.append((self._serial, name))
        return True

    def resolved(self, ticket: int, targets: list[Target], now: float, out: EngineEffects) -> None:
        """Addresses for a next hop's name, best first; none means that it leads nowhere."""
        waiting = self._waiting.pop(ticket, None)
        if waiting is None:
            return
        state = self._state
        preferred = waiting.path.listener or waiting.source.listener
        endpoints = []
        for target in targets:
            endpoint = state.endpoint_at(target.transport, target.host, target.port, preferred, waiting.name)
            if endpoint is not None:
                endpoints.append(endpoint)
        context = waiting.context
        if context is None:
            if endpoints:
                self._ack_on(waiting.request, waiting.path, waiting.source, waiting.peer, endpoints[0], out)
        elif endpoints:
            self._send_on(context, endpoints, now, out)
        elif not context.finished:
            state.refuse(context.server, 503, now, out)
            context.finish()
