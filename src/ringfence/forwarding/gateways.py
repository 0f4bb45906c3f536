"""Gateway groups: who is asked first, who stands in, and who is left alone for a while."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from mypy_extensions import mypyc_attr

from ringfence.forwarding.settings import GatewayGroupSettings
from ringfence.sip.address import Endpoint, Transport
from ringfence.sip.errors import SipError
from ringfence.sip.uri import parse_uri

Dice = Callable[[], float]
"""A random number, 0 <= x < 1."""


@dataclass(frozen=True, slots=True)
class Target:
    """A numeric place to send to."""

    transport: Transport
    host: str
    port: int


@dataclass(frozen=True, slots=True)
class Named:
    """What a URI says of a next hop.

    host: name or address; port and transport None where the URI leaves them to RFC 3263.
    """

    host: str
    port: int | None
    transport: Transport | None


@mypyc_attr(acyclic=True)
class Hop:
    """One place to try: the far end and, if it stands for one, the gateway."""

    __slots__ = ("endpoint", "gateway")

    def __init__(self, endpoint: Endpoint, gateway: Gateway | None) -> None:
        self.endpoint = endpoint
        self.gateway = gateway


class Gateway:
    """One gateway and what is known of its health.

    name: `group/uri`, the metric label. endpoints: where it can be reached, best first; empty until its name is
    resolved.
    """

    __slots__ = (
        "endpoints", "failed_probes", "group", "held_until", "name", "named", "priority", "probed_dead", "weight",
    )  # fmt: skip

    def __init__(self, group: str, uri: str, named: Named, priority: int, weight: int) -> None:
        self.group = group
        self.name = f"{group}/{uri}"
        self.named = named
        self.priority = priority
        self.weight = weight
        self.endpoints: list[Endpoint] = []
        self.held_until = 0.0
        self.failed_probes = 0
        self.probed_dead = False

    @property
    def answers(self) -> bool:
        """Reachable and answering its probes; it may be held down for failing calls, and is then tried last."""
        return bool(self.endpoints) and not self.probed_dead

    def usable(self, now: float) -> bool:
        """Reachable, answering its probes and not held down."""
        return self.answers and now >= self.held_until

    def probe_answered(self) -> None:
        """Any final answer to OPTIONS but 503 proves a living SIP element. A hold-down goes on: who answers OPTIONS
        may still fail calls."""
        self.failed_probes = 0
        self.probed_dead = False

    def probe_failed(self, limit: int) -> None:
        """A probe had no answer, or 503; `limit` in a row take the gateway out."""
        self.failed_probes += 1
        if self.failed_probes >= limit:
            self.probed_dead = True

    def call_failed(self, now: float, hold_down: float) -> None:
        """A call found it silent or overloaded: try it last for `hold_down` seconds."""
        self.held_until = max(self.held_until, now + hold_down)

    def take_over(self, former: Gateway) -> None:
        """Keep what was learned before a reload."""
        self.endpoints = former.endpoints
        self.held_until = former.held_until
        self.failed_probes = former.failed_probes
        self.probed_dead = former.probed_dead


class Group:
    """Gateways that can stand in for one another, with their settings."""

    __slots__ = ("_hops", "gateways", "name", "settings")

    def __init__(self, name: str, settings: GatewayGroupSettings, gateways: list[Gateway]) -> None:
        self.name = name
        self.settings = settings
        self.gateways = sorted(gateways, key=lambda gateway: gateway.priority)
        self._hops: dict[str, Hop] = {}

    def hops(self, now: float, dice: Dice) -> tuple[Hop, ...]:
        """Where to try, in order: one object a gateway for all calls that go there."""
        return tuple([self._hop(gateway) for gateway in self.order(now, dice)])

    def _hop(self, gateway: Gateway) -> Hop:
        hop = self._hops.get(gateway.name)
        if hop is None or hop.endpoint is not gateway.endpoints[0]:
            hop = self._hops[gateway.name] = Hop(gateway.endpoints[0], gateway)
        return hop

    def order(self, now: float, dice: Dice) -> list[Gateway]:
        """Every gateway that has an address, in the order to try: usable ones by priority, weighted at random within
        one (the method of RFC 2782), then the others as a last resort: a refused call is worse than a late one."""
        gateways = self.gateways
        if len(gateways) == 1:
            return gateways if gateways[0].endpoints else []
        usable = [gateway for gateway in gateways if gateway.usable(now)]
        doubtful = [gateway for gateway in gateways if gateway.endpoints and not gateway.usable(now)]
        return _by_weight(usable, dice) + _by_weight(doubtful, dice)


def named_of(uri: str) -> Named:
    """A gateway's URI taken apart. Raises ValueError with what is wrong, for an operator."""
    try:
        parsed = parse_uri(uri.encode())
    except (SipError, UnicodeEncodeError) as error:
        raise ValueError(f"not a SIP URI: {error}") from None
    if parsed.scheme not in ("sip", "sips") or not parsed.host:
        raise ValueError("a gateway needs a sip: or sips: URI with a host")
    asked = parsed.params.get("transport", "").lower()
    if asked not in ("", "udp", "tcp", "tls"):
        raise ValueError("the transport must be udp, tcp or tls")
    if parsed.scheme == "sips":
        if asked == "udp":
            raise ValueError("a sips URI goes by TLS")  # RFC 3261 §26.2.2
        asked = "tls"  # which is what transport=tcp means here (§26.2.2 deprecates transport=tls)
    transport: Transport | None = "udp" if asked == "udp" else "tcp" if asked == "tcp" else "tls" if asked else None
    return Named(parsed.host, parsed.port, transport)


def build_groups(settings: Mapping[str, GatewayGroupSettings]) -> dict[str, Group]:
    """Fresh groups by name; their gateways have no endpoints yet."""
    return {
        name: Group(
            name,
            part,
            [
                Gateway(name, target.uri, named_of(target.uri), target.priority, target.weight)
                for target in part.targets
            ],
        )
        for name, part in settings.items()
    }


def _by_weight(gateways: list[Gateway], dice: Dice) -> list[Gateway]:
    """RFC 2782: draw without replacement within each priority; weight 0 after the others, by equal chances."""
    drawn: list[Gateway] = []
    start = 0
    while start < len(gateways):
        priority = gateways[start].priority
        pool = [gateway for gateway in gateways[start:] if gateway.priority == priority]
        start += len(pool)
        while pool:
            drawn_at = dice()
            mark = drawn_at * sum(gateway.weight for gateway in pool)
            place = int(drawn_at * len(pool))  # stands where all weights are 0
            for number, gateway in enumerate(pool):
                mark -= gateway.weight
                if mark < 0:
                    place = number
                    break
            drawn.append(pool.pop(place))
    return drawn
