"""The snapshot that calls are judged by: trunks, found by their source."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from ipaddress import IPv6Address, ip_address
from typing import Literal

from pydantic import JsonValue

from ringfence.ledger.ranges import RangeSet
from ringfence.ledger.settings import SourceSettings, TrunkKind, read_network
from ringfence.sip.address import Transport


@dataclass(frozen=True, slots=True, eq=False)
class Trunk:
    """One trunk of a snapshot; compared by identity, since each generation makes its own.

    area: code that completes local digits, as `Numbering.read` takes it: with or without the trunk prefix.
    province: of codes that mean something in one province alone, "" if unknown. diversion_hops: how often its calls
    may have been diverted.
    numbers: what it may show. rules: settings of rules that differ on this trunk, not yet validated.
    """

    name: str
    holder: str
    kind: TrunkKind
    sources: tuple[SourceSettings, ...] = ()
    gateways: str = "default"
    numbers: RangeSet = field(default_factory=RangeSet)
    marketing: bool = False
    trust_identity: bool = False
    area: str | None = None
    province: str = ""
    diversion_hops: int = 0
    explain: Literal["opaque", "explained"] = "opaque"
    network_blocked: bool = False
    rules: Mapping[str, Mapping[str, JsonValue]] = field(default_factory=dict)


SourceKey = tuple[int, int, int, int, str]
"""(IP version, prefix length, network as an integer, port or 0, transport or ""): what one source claims."""


def source_key(source: SourceSettings) -> SourceKey:
    """What an address source claims; two trunks may not claim the same."""
    assert source.address is not None
    network = read_network(source.address)
    return (
        network.version,
        network.prefixlen,
        int(network.network_address),
        source.port or 0,
        source.transport or "",
    )


class Ledger:
    """All trunks of one generation of settings.

    The most specific source wins: a certificate's name, then the longest prefix (a single address is the longest);
    at one length port with transport, then port, then transport, then neither.
    """

    __slots__ = ("_addresses", "_certificates", "_lengths", "generation", "trunks")

    def __init__(self, generation: int, trunks: Iterable[Trunk]) -> None:
        """generation: number of the settings this was made from. Trunks must not share a name or a source."""
        self.generation = generation
        self.trunks: dict[str, Trunk] = {}
        self._certificates: dict[str, Trunk] = {}
        self._addresses: dict[SourceKey, Trunk] = {}
        lengths: set[tuple[int, int]] = set()
        for trunk in trunks:
            self.trunks[trunk.name] = trunk
            for source in trunk.sources:
                if source.certificate is not None:
                    self._certificates[source.certificate.lower()] = trunk
                else:
                    key = source_key(source)
                    self._addresses[key] = trunk
                    lengths.add((key[0], key[1]))
        self._lengths = {
            version: sorted((length for v, length in lengths if v == version), reverse=True) for version in (4, 6)
        }

    def by_source(
        self, transport: Transport, host: str, port: int, certificate: frozenset[str] = frozenset()
    ) -> Trunk | None:
        """The trunk that a far end belongs to, or None.

        host: numeric address (a zone is ignored); certificate: lower-case names of its verified TLS certificate.
        When its certificate names several trunks the alphabetically first name decides, the same on every node.
        A host that is no numeric address belongs to nobody.
        """
        if certificate:
            for name in sorted(certificate):
                trunk = self._certificates.get(name)
                if trunk is not None:
                    return trunk
        try:
            address = ip_address(host)
        except ValueError:
            return None
        if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
            address = address.ipv4_mapped
        version, bits, number = address.version, address.max_prefixlen, int(address)
        get = self._addresses.get
        for length in self._lengths[version]:
            network = number >> (bits - length) << (bits - length)
            trunk = (
                get((version, length, network, port, transport))
                or get((version, length, network, port, ""))
                or get((version, length, network, 0, transport))
                or get((version, length, network, 0, ""))
            )
            if trunk is not None:
                return trunk
        return None
