"""Settings of the sockets that SIP arrives on and leaves from."""

from __future__ import annotations

import re
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from ringfence.settings_types import Duration, Frozen

_BIND = re.compile(r"(?:\[(?P<six>[0-9A-Fa-f:.]+(?:%[A-Za-z0-9_.-]+)?)\]|(?P<four>[0-9.]+)):(?P<port>\d{1,5})")
_ADVERTISE = re.compile(
    r"(?:\[(?P<six>[0-9A-Fa-f:.]+)\]|(?P<name>[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?))(?::(?P<port>\d{1,5}))?"
)


def read_bind(value: str) -> tuple[str, int]:
    """`192.0.2.1:5060` or `[2001:db8::1]:5060` as (host, port); an IPv6 zone (`%eth0`) stays in the host.

    Raises ValueError: a name instead of an address, a missing port, anything out of range.
    """
    match = _BIND.fullmatch(value)
    if match is None:
        raise ValueError("bind is a numeric address with its port: 192.0.2.1:5060 or [2001:db8::1]:5060")
    host = str(ip_address(match["six"] or match["four"]))
    return host, _port(match["port"])


def read_advertise(value: str) -> tuple[str, int | None]:
    """`sip.example.com` or `[2001:db8::1]:5060` as (host, port or None). Raises ValueError."""
    match = _ADVERTISE.fullmatch(value)
    if match is None:
        raise ValueError("advertise is a host name or an address, with a port if it differs from bind's")
    host = str(ip_address(match["six"])) if match["six"] else match["name"].lower()
    return host, _port(match["port"]) if match["port"] else None


def _port(digits: str) -> int:
    port = int(digits)
    if port > 65535:
        raise ValueError("a port is at most 65535")
    return port


Bind = Annotated[str, Field(description="numeric address and port, IPv6 in brackets: `[::1]:5060`")]


class TlsSettings(Frozen):
    """Certificates of one TLS listener, for connections accepted and opened through it."""

    certificate: Path = Field(description="PEM file: the listener's certificate, then its intermediates")
    key: Path = Field(description="PEM file: the certificate's private key, not encrypted")
    client_ca: Path | None = Field(
        default=None,
        description="PEM file: authorities of connecting peers' certificates; none: they are not asked",
    )
    require_client_certificate: bool = Field(
        default=False, description="refuse a peer that shows no certificate (mutual TLS); needs client_ca"
    )
    gateway_ca: Path | None = Field(
        default=None,
        description="PEM file: authorities of the gateways' certificates; none: the system's",
    )
    minimum_version: Literal["1.2", "1.3"] = Field(default="1.2", description="oldest TLS version spoken")

    @model_validator(mode="after")
    def _certificate_needs_authority(self) -> Self:
        if self.require_client_certificate and self.client_ca is None:
            raise ValueError("require_client_certificate needs client_ca: without it no certificate can be checked")
        return self


class ListenerSettings(Frozen):
    """One socket that we listen on, with the limits of what arrives there."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,31}$", description="label in metrics and logs")
    transport: Literal["udp", "tcp", "tls"] = Field(description="udp, tcp or tls")
    bind: Bind
    advertise: str | None = Field(
        default=None,
        description="host or host:port that peers are told in Via and Record-Route; none: the bind address",
    )
    tls: TlsSettings | None = Field(default=None, description="certificates; for transport tls, and only there")
    max_message_bytes: int = Field(
        default=65_535,
        ge=1_300,
        le=1_048_576,
        description="longest message taken; longer ones are dropped or refused",
    )
    receive_buffer_bytes: int = Field(
        default=8_388_608,
        ge=65_536,
        description="udp: kernel receive buffer; over net.core.rmem_max only with CAP_NET_ADMIN",
    )
    send_queue_bytes: int = Field(
        default=1_048_576,
        ge=65_536,
        description="bytes waiting for the socket (udp; more is dropped) or for a peer (else; more closes)",
    )
    max_connections: int = Field(default=4_096, ge=1, description="tcp, tls: accepted connections open at once")
    max_connections_per_source: int = Field(
        default=256, ge=1, description="tcp, tls: accepted connections open at once from one address"
    )
    idle_timeout: Duration = Field(default=600.0, gt=0, description="tcp, tls: silence that closes a connection")
    message_timeout: Duration = Field(
        default=10.0,
        gt=0,
        description="tcp, tls: time for a new peer's first message, and for any message to be whole",
    )
    connect_timeout: Duration = Field(
        default=3.0, gt=0, description="tcp, tls: time to reach a peer, and for each TLS handshake"
    )

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        host, _ = read_bind(self.bind)
        if self.advertise is not None:
            read_advertise(self.advertise)
        elif ip_address(host).is_unspecified:
            raise ValueError("a wildcard bind needs advertise: peers cannot answer to the unspecified address")
        if (self.tls is not None) != (self.transport == "tls"):
            raise ValueError("tls belongs to a listener of transport tls, which cannot do without it")
        return self

    @property
    def address(self) -> tuple[str, int]:
        """Where the socket is bound: (numeric host, port)."""
        return read_bind(self.bind)

    @property
    def seen_as(self) -> str:
        """The numeric host that copies of messages show for us: where it is bound, or what peers are told if that is a
        wildcard and a number of the same IP version; the wildcard itself where nothing better is known."""
        host = self.address[0].partition("%")[0]
        told = self.advertised[0]
        if not ip_address(host).is_unspecified:
            return host
        try:
            return told if ip_address(told).version == ip_address(host).version else host
        except ValueError:
            return host

    @property
    def advertised(self) -> tuple[str, int]:
        """What peers are told: (host, port)."""
        host, port = self.address
        if self.advertise is None:
            return host.partition("%")[0], port
        told, told_port = read_advertise(self.advertise)
        return told, port if told_port is None else told_port
