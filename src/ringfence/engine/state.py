"""What the engine's parts share: the tables, the names, the makers of branches and tags."""

from __future__ import annotations

import re
from collections.abc import Callable
from ipaddress import ip_address
from typing import Final
from zlib import crc32

from ringfence.engine.counters import STATUS_CLASS, Counters
from ringfence.engine.dialogs import Dialogs
from ringfence.engine.effects import EngineEffects
from ringfence.engine.policy import Policy
from ringfence.engine.trail import Recording
from ringfence.errors import RingfenceError
from ringfence.forwarding.gateways import Named
from ringfence.forwarding.token import OwnNames, RouteSigner
from ringfence.sip.address import Endpoint, Listener, Transport
from ringfence.sip.message import Request
from ringfence.sip.shares import share_of
from ringfence.sip.writer import PHRASES, response
from ringfence.transaction.server import InviteServer, NonInviteServer
from ringfence.transaction.table import Transactions
from ringfence.transaction.timers import TimerQueue

_HOST_PORT = re.compile(
    rb"(sips?):(?:[^@]*@)?(\[[0-9a-f:.]+\]|[^:;?>\s\[\]]+)(?::(\d{1,5}))?((?:;[^?]*)?)(?:\?.*)?", re.IGNORECASE
)
_TRANSPORT = re.compile(rb";transport=([^;]*)", re.IGNORECASE)
_MADDR = re.compile(rb";maddr=([^;]+)", re.IGNORECASE)
_NUMERIC = re.compile(r"[0-9.]+|[0-9a-f:.]*:[0-9a-f:.]*", re.IGNORECASE)
MAX_NEXT_HOPS: Final = (
    4096  # remembered next-hop URIs; peers' Contacts repeat, a flood of odd ones starts the table afresh
)

EndpointMaker = Callable[[int, str, int, str | None], Endpoint]
"""(listener key, numeric host, port, name that a certificate must bear) → the one endpoint object for it; the transport
room's. Raises RingfenceError for what is no address or not of the listener's IP version."""


class State:
    """Shared by the engine's parts; changed only inside a turn.

    salt: made once a process by the caller's dice, so that branches and tags never repeat after a restart.
    share: which worker this is, from 0 on, and of how many: `sip.shares` says which calls are its.
    """

    def __init__(
        self,
        listeners: list[Listener],
        make_endpoint: EndpointMaker,
        policy: Policy,
        route_key: bytes,
        salt: bytes,
        recording: Recording | None = None,
        share: tuple[int, int] = (0, 1),
    ) -> None:
        self.listeners = {listener.key: listener for listener in listeners}
        self.own = OwnNames(listeners)
        self.signer = RouteSigner(route_key)
        self.make_endpoint = make_endpoint
        self.policy = policy
        limits = policy.sip.limits
        self.transactions = Transactions(limits.transactions)
        self.dialogs = Dialogs(self.signer, limits.dialogs, limits.dialog_lifetime)
        self.timers = TimerQueue()
        self.counters = Counters()
        self.lagging = False
        self.recording = recording or Recording()
        self.draining = False
        self.salt = salt
        self._share = share
        self._serial = 0
        self._next_hops: dict[tuple[bytes, int], Endpoint | Named] = {}

    def tag(self) -> bytes:
        """A fresh To tag (RFC 3261 §19.3)."""
        self._serial += 1
        return b"%b%d" % (self.salt, self._serial)

    def call_id(self) -> bytes:
        """A fresh Call-ID for a request of our own, whose answers come to this worker."""
        worker, workers = self._share
        while True:
            made = self.tag()
            if share_of(made, workers) == worker:
                return made

    def branch(self, mark: bytes) -> bytes:
        """A fresh branch that carries the request's loop mark (§16.6 item 8)."""
        self._serial += 1
        return b"z9hG4bK%b%d.%b" % (self.salt, self._serial, mark)

    def listener_for(self, transport: Transport, host: str, preferred: Listener) -> Listener | None:
        """Our socket through which `host` is reached by `transport`: the preferred one if it fits, else the first."""
        ipv6 = ":" in host
        if preferred.transport == transport and preferred.ipv6 == ipv6:
            return preferred
        for listener in self.listeners.values():
            if listener.transport == transport and listener.ipv6 == ipv6:
                return listener
        return None

    def next_hop(self, uri: bytes, preferred: Listener) -> Endpoint | Named | None:
        """Where a URI leads (RFC 3263 §4): an endpoint for a numeric host, else the name to look up.

        None: not a URI that we can follow, or no listener of ours reaches it.
        """
        key = (uri, preferred.key)
        found = self._next_hops.get(key)
        if found is not None:
            return found
        match = _HOST_PORT.fullmatch(uri)
        if match is None:
            return None
        scheme, host_bytes, port_bytes, parameters = match.groups()
        named = _TRANSPORT.search(parameters)
        transport = _transport_of(scheme, named[1] if named else b"")
        if named is not None and transport is None:
            return None  # one that we do not speak: by another it would reach somebody else
        instead = _MADDR.search(parameters)  # §16.5, RFC 3263 §4: it says where to send, whatever the host is
        host = (host_bytes if instead is None else instead[1]).decode("latin-1").strip("[]").lower()
        port = int(port_bytes) if port_bytes else None
        if port is not None and not 0 < port < 65536:
            return None
        hop: Endpoint | Named | None
        if _NUMERIC.fullmatch(host):
            if not _for_one(host):
                return None
            hop = self.endpoint_at(transport or "udp", host, port, preferred)
        else:
            hop = Named(host, port, transport)
        if hop is not None:
            if len(self._next_hops) >= MAX_NEXT_HOPS:
                self._next_hops.clear()
            self._next_hops[key] = hop
        return hop

    def endpoint_at(
        self, transport: Transport, host: str, port: int | None, preferred: Listener, name: str | None = None
    ) -> Endpoint | None:
        """The endpoint of a numeric address; None where no listener of ours reaches it.

        port: None means the transport's default. name: the domain that led there, for its TLS certificate.
        """
        listener = self.listener_for(transport, host, preferred)
        if listener is None:
            return None
        try:
            return self.make_endpoint(listener.key, host, port or (5061 if transport == "tls" else 5060), name)
        except RingfenceError:
            return None  # 999.1.1.1 and the like: written by a peer

    def reply(
        self,
        server: InviteServer | NonInviteServer,
        status: int,
        now: float,
        out: EngineEffects,
        headers: bytes = b"",
        phrase: bytes | None = None,
    ) -> None:
        """Answer a request in our own words; nothing happens if it was answered already."""
        request = server.request
        if request is None:
            return
        tag = b""
        if status > 100:
            # §8.2.6.2: one tag for all our answers to one request, none needed in a 100.
            tag = server.to_tag = server.to_tag or self.tag()
        data = response(
            request,
            status,
            phrase if phrase is not None else PHRASES.get(status, b"Refused"),
            server.via,
            tag,
            headers,
        )
        if server.respond(status, data, now, out):
            self.count_response(status)
            if status >= 200 and server.trail is not None:
                server.trail.refused(status, now, out)

    def refuse(
        self,
        server: InviteServer | NonInviteServer,
        status: int,
        now: float,
        out: EngineEffects,
        headers: bytes = b"",
    ) -> None:
        """`reply` for what the proxy itself turns away, counted as such."""
        self.counters.refused(status)
        self.reply(server, status, now, out, headers)

    def turn_away(self, request: Request, endpoint: Endpoint, via: bytes, out: EngineEffects) -> None:
        """503 with Retry-After and without a transaction (§8.2.7): a flood of refusals fills no table that calls in
        progress need. Every copy gets the same tag; the ACK leads nowhere and ends here."""
        seconds = max(1, round(self.policy.sip.overload.retry_after))
        tag = b"rf-%08x" % crc32(request.data)
        data = response(request, 503, PHRASES[503], via, tag, b"Retry-After: %d\r\n" % seconds)
        out.sends.append((endpoint, data))
        self.counters.refused(503)
        self.count_response(503)

    def count_response(self, status: int) -> None:
        """One response sent toward a caller."""
        label = STATUS_CLASS[status // 100]
        responses = self.counters.responses
        responses[label] = responses.get(label, 0) + 1


def _for_one(host: str) -> bool:
    """Whether a numeric host means one machine, and not a group, everybody on the link, or whoever listens here."""
    try:
        address = ip_address(host)
    except ValueError:
        return False
    return not (address.is_multicast or address.is_unspecified or host == "255.255.255.255")


def _transport_of(scheme: bytes, named: bytes) -> Transport | None:
    if scheme.lower() == b"sips":
        return "tls"
    match named.lower():
        case b"tcp":
            return "tcp"
        case b"tls":
            return "tls"
        case b"udp":
            return "udp"
    return None
