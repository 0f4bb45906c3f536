"""One generation of settings, as the engine uses it.

Never changed once in force, so that a call keeps the one it began with.
"""

from __future__ import annotations

from ringfence.forwarding.gateways import Gateway, Group
from ringfence.forwarding.settings import SipSettings
from ringfence.ledger import Ledger, Trunk
from ringfence.screening import Intake, Pipeline, TaggingSettings
from ringfence.screening.tagging import own_header_prefix
from ringfence.sip.address import Endpoint
from ringfence.transaction.timers import Timers
from ringfence.voice.lines import Lines
from ringfence.voice.settings import LAST_CALLER


class Peer:
    """Who is at the far end of an endpoint: a trunk, a gateway, or both in one (a softswitch that also originates).

    name: the same across generations, so that a reload leaves transactions in progress alone. key: the same in bytes.
    """

    __slots__ = ("gateway", "key", "name", "trunk")

    def __init__(self, trunk: Trunk | None, gateway: Gateway | None) -> None:
        self.trunk = trunk
        self.gateway = gateway
        self.name = trunk.name if trunk is not None else gateway.name if gateway is not None else ""
        self.key = self.name.encode()


class Policy:
    """Settings, ledger, rules and gateways of one generation.

    lines: service numbers by which subscribers refuse. remembers: whether one needs the last marketing caller.
    retry_after: seconds that a caller should wait whose call could not be decided.
    udp_switch_bytes: as `sip` has it; asked for every copy, and a pydantic model is slow to answer.
    epoch: changes whenever an endpoint may belong to somebody else than before: with a generation, and when a gateway's
    name resolves anew.
    """

    def __init__(
        self,
        generation: int,
        sip: SipSettings,
        ledger: Ledger,
        pipeline: Pipeline,
        intake: Intake,
        tagging: TaggingSettings,
        groups: dict[str, Group],
        lines: Lines | None = None,
        retry_after: float = 60.0,
    ) -> None:
        self.generation = generation
        self.sip = sip
        self.udp_switch_bytes = sip.udp_switch_bytes
        self.ledger = ledger
        self.pipeline = pipeline
        self.intake = intake
        self.tagging = tagging
        self.own_prefix = own_header_prefix(tagging)
        self.groups = groups
        self.lines: Lines = lines or {}
        self.remembers = any(line.scope == LAST_CALLER for line in self.lines.values())
        self.retry_after = retry_after
        self.timers = Timers(sip.timers.t1, sip.timers.t2, sip.timers.t4, sip.timers.c)
        self.forward_methods = frozenset(method.upper().encode() for method in sip.forward_methods)
        self.allow = b", ".join(
            sorted({b"INVITE", b"ACK", b"BYE", b"CANCEL", b"OPTIONS", *(self.forward_methods - {b"*"})})
        )
        self.epoch = 0
        self._gateways: dict[tuple[str, str, int], Gateway] = {}
        self._gateway_hosts: dict[str, Gateway] = {}

    def index_gateways(self, epoch: int) -> None:
        """Learn again by which addresses the gateways are known."""
        self.epoch = epoch
        self._gateways.clear()
        self._gateway_hosts.clear()
        for group in self.groups.values():
            for gateway in group.gateways:
                for endpoint in gateway.endpoints:
                    self._gateways[endpoint.transport, endpoint.host, endpoint.port] = gateway
                    self._gateway_hosts[endpoint.host] = gateway

    def peer_of(self, endpoint: Endpoint) -> Peer | None:
        """Who sends from there; None for a stranger."""
        trunk = self.ledger.by_source(endpoint.transport, endpoint.host, endpoint.port, endpoint.certificate)
        gateway = self._gateways.get((endpoint.transport, endpoint.host, endpoint.port))
        if gateway is None and endpoint.transport != "udp":
            # A connection that a gateway opened to us comes from a port of the moment.
            gateway = self._gateway_hosts.get(endpoint.host)
        if trunk is None and gateway is None:
            return None
        return Peer(trunk, gateway)
