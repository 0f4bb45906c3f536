"""Settings of trunks: where their calls come from, whose they are and what they may show."""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Annotated, ClassVar, Literal, Self

from pydantic import BeforeValidator, Field, JsonValue, StringConstraints, model_validator

from ringfence.ledger.terms import Purpose
from ringfence.sectors import Sector
from ringfence.settings_types import Frozen

TrunkKind = Literal["enterprise", "call_center", "interconnect", "international", "platform", "internal"]
TransportName = Literal["udp", "tcp", "tls"]
Province = Annotated[str, StringConstraints(pattern=r"^[A-Z0-9]{1,8}$")]
DiversionHops = Annotated[int, Field(ge=0, le=10)]


def digits_as_text(value: object) -> object:
    """A number that YAML read as an integer is text again; everything else passes."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


NumberText = Annotated[
    str,
    BeforeValidator(digits_as_text, json_schema_input_type=str | int),
    StringConstraints(min_length=1, max_length=64),
]


def read_network(value: str) -> IPv4Network | IPv6Network:
    """`192.0.2.1`, `192.0.2.0/24`, `2001:db8::/32`; IPv4 written as IPv6 (`::ffff:192.0.2.1`) counts as IPv4.

    Raises ValueError: no address, or bits set behind the prefix.
    """
    network = ip_network(value)
    if isinstance(network, IPv6Network) and network.prefixlen >= 96:
        mapped = network.network_address.ipv4_mapped
        if mapped is not None:
            return ip_network((int(mapped), network.prefixlen - 96))
    return network


TrunkName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_.-]{0,63}$")]


class LedgerSettings(Frozen):
    """Where the trunk ledger lies: who holds which numbers, and who may show them on which trunk."""

    folder: Path | None = Field(
        default=None, description="folder of YAML and CSV files that are the ledger; none: the trunks below are all"
    )
    utc_offset: str = Field(
        default="+08:00",
        pattern=r"^[+-](0[0-9]|1[0-4]):[0-5][0-9]$",
        description="the clock by which a grant's or certificate's days begin and end",
    )


class SourceSettings(Frozen):
    """One place that a trunk's calls come from: an address, or the name in a TLS certificate."""

    address: str | None = Field(default=None, description="IP address or prefix: `192.0.2.1`, `2001:db8::/48`")
    port: int | None = Field(default=None, ge=1, le=65535, description="source port; none: every port")
    transport: TransportName | None = Field(default=None, description="udp, tcp or tls; none: every transport")
    certificate: str | None = Field(
        default=None,
        min_length=1,
        max_length=255,
        description="DNS or URI name in the peer's verified TLS certificate (subjectAltName), in any case",
    )

    @model_validator(mode="after")
    def _one_form(self) -> Self:
        if (self.address is None) == (self.certificate is None):
            raise ValueError("a source is either an address or a certificate")
        if self.certificate is not None and (self.port is not None or self.transport is not None):
            raise ValueError("port and transport belong to an address; a certificate is always tls, from any port")
        if self.address is not None:
            read_network(self.address)
        return self


class NumberSettings(Frozen):
    """Numbers that a trunk may show: exactly one of number, prefix, from with to, file."""

    forms: ClassVar[tuple[str, ...]] = ("number", "prefix", "from_", "file")

    number: NumberText | None = Field(default=None, description="one number, written in any form the plan reads")
    prefix: NumberText | None = Field(
        default=None,
        description="every number that begins so: `+8621`, `021`; bare digits also cover codes (`95588`)",
    )
    from_: NumberText | None = Field(default=None, alias="from", description="first number of a range")
    to: NumberText | None = Field(default=None, description="last number of a range, as long as the first")
    file: str | None = Field(
        default=None,
        min_length=1,
        description="CSV file in UTF-8 with a header line of the columns number, from, to, prefix, note",
    )

    @model_validator(mode="after")
    def _one_form(self) -> Self:
        if (self.from_ is None) != (self.to is None):
            raise ValueError("a range needs both from and to")
        if sum(getattr(self, form) is not None for form in self.forms) != 1:
            names = ["from with to" if form == "from_" else form for form in self.forms]
            raise ValueError(f"give exactly one of {', '.join(names)}")
        return self


class TrunkSettings(Frozen):
    """One trunk: the contract with a holder, as the screening sees it."""

    name: TrunkName = Field(description="short name, label in metrics and records")
    holder: str = Field(
        min_length=1,
        max_length=200,
        description="who answers for the calls: the contract's legal name or key",
    )
    kind: TrunkKind = Field(
        description="enterprise, call_center, interconnect (another carrier), international, platform or internal"
    )
    sources: list[SourceSettings] = Field(min_length=1, description="where its calls come from")
    gateways: str = Field(default="default", min_length=1, description="gateway group that its calls go to")
    numbers: list[NumberSettings] = Field(default=[], description="numbers it may show; none: not one")
    marketing: bool = Field(default=False, description="calls sell something: the callee's consent is required")
    sector: Sector | None = Field(
        default=None,
        description="what its calls sell: whose refusals, wishes and calling hours concern them; a number's grant may "
        "say another; none: its holder's",
    )
    trust_identity: bool = Field(
        default=False,
        description="its P-Asserted-Identity is believed (RFC 3325 trust domain); else it is ignored",
    )
    purpose: Purpose | None = Field(
        default=None,
        description="what its calls are for: service, marketing, notification, verification or internal; none: "
        "marketing where `marketing` is set, else service",
    )
    connected_by: str = Field(default="", max_length=200, description="who connected it and answers for that")
    place: str = Field(default="", max_length=200, description="where it is connected: exchange, rack, session border")
    area: NumberText | None = Field(
        default=None,
        pattern=r"^[0-9]{1,6}$",
        description="area code that completes its local numbers, with or without the trunk prefix: `021`",
    )
    province: Province | None = Field(
        default=None,
        description="province that its codes of one province alone (96 codes) mean, as the numbering plan names it; "
        "none: that of its area",
    )
    diversion_hops: DiversionHops = Field(
        default=0,
        description="how often its calls may have been diverted, by contract; such a call is answered for by the "
        "diverting number; 0: a diversion changes nothing",
    )
    explain: Literal["opaque", "explained"] = Field(
        default="opaque", description="whether refusals name the rule and its reason"
    )
    network_blocked: bool = Field(
        default=False,
        description="the neighbour understands 603 Network Blocked (603+, ATIS-1000099); else 608",
    )
    rules: dict[str, dict[str, JsonValue]] = Field(
        default={},
        description="settings of rules that differ on this trunk: `rate: {limit: 200, mode: enforce}`",
    )

    @property
    def call_purpose(self) -> Purpose:
        """What its calls are for."""
        return self.purpose or ("marketing" if self.marketing else "service")
