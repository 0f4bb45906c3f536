"""Where bytes come from and go to: listeners and the far ends seen through them."""

from __future__ import annotations

from typing import Literal

Transport = Literal["udp", "tcp", "tls"]


class Listener:
    """One of our own sockets, as the SIP rooms see it.

    key: its place in the settings' list, stable while the process lives.
    host, port: what peers are told (Via sent-by, Record-Route); an IPv6 host is written without brackets here.
    ipv6: the IP version behind it, which an advertised name does not show.
    sent_by: the same as bytes, fit for a Via (`[2001:db8::1]:5060`).
    via_prefix: a Via line of ours up to its branch value.
    """

    __slots__ = ("host", "ipv6", "key", "port", "sent_by", "transport", "via_prefix")

    def __init__(self, key: int, transport: Transport, host: str, port: int, ipv6: bool | None = None) -> None:
        self.key = key
        self.transport: Transport = transport
        self.host = host
        self.ipv6 = ":" in host if ipv6 is None else ipv6
        self.settle(port)

    def settle(self, port: int) -> None:
        """Take the port that the kernel chose, before anybody was told another."""
        self.port = port
        self.sent_by = host_port(self.host, port)
        self.via_prefix = b"Via: SIP/2.0/%s %s;branch=" % (self.transport.upper().encode(), self.sent_by)

    def __repr__(self) -> str:
        return f"Listener({self.key}, {self.transport}, {self.sent_by.decode()})"


class Endpoint:
    """The far end of a datagram or a connection, and the listener that leads to it.

    Transports intern these: one object a remote address (UDP) or connection (TCP, TLS), so that what is
    learned about it (`peer`) is learned once.

    host: numeric address without brackets; port: 0..65535.
    connection: None for UDP and for a stream endpoint not yet connected; else the transport's number for it.
    certificate: names of the far end's verified TLS certificate (subjectAltName DNS and URI, lower case).
    peer, generation: filled by the engine: who this is, and the generation of settings that said so.
    """

    __slots__ = ("certificate", "connection", "generation", "host", "listener", "peer", "port", "transport")

    def __init__(
        self,
        listener: Listener,
        host: str,
        port: int,
        connection: int | None = None,
        certificate: frozenset[str] = frozenset(),
    ) -> None:
        self.listener = listener
        self.transport: Transport = listener.transport
        self.host = host
        self.port = port
        self.connection = connection
        self.certificate = certificate
        self.peer: object | None = None
        self.generation = -1

    @property
    def reliable(self) -> bool:
        """Whether the transport delivers by itself (RFC 3261 §17: no retransmissions then)."""
        return self.transport != "udp"

    def __repr__(self) -> str:
        return f"Endpoint({self.transport}, listener {self.listener.key}, connection {self.connection})"


def host_port(host: str, port: int) -> bytes:
    """`host:port` as a Via or URI wants it: IPv6 addresses in brackets (RFC 5118 §4.1)."""
    return (f"[{host}]:{port}" if ":" in host else f"{host}:{port}").encode("ascii")
