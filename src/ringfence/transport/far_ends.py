"""Far ends of datagrams and of streams: what an endpoint is to its transport, in a file of their own to be compiled."""

from __future__ import annotations

from typing import Any

from ringfence.sip.address import Endpoint, Listener

Address = tuple[Any, ...]
"""As the socket module gives it: (host, port), for IPv6 (host, port, flow, scope)."""


class Peer(Endpoint):
    """The far end of datagrams, with the address in the form that the kernel takes.

    address: see `Address`; an IPv6 scope stays here, `host` never shows one.
    """

    __slots__ = ("address",)

    def __init__(self, listener: Listener, address: Address) -> None:
        super().__init__(listener, address[0].partition("%")[0], address[1])
        self.address = address


class FarEnd(Endpoint):
    """The far end of a stream: a connection that came to us, or an address that we connect to when needed.

    dialable: whether a connection may be opened to host:port; False for those who came, for their port is a
    passing one. server_name: what the peer's certificate must be for, None for its numeric address (TLS).
    """

    __slots__ = ("dialable", "server_name")

    def __init__(
        self, listener: Listener, host: str, port: int, *, dialable: bool, server_name: str | None = None
    ) -> None:
        super().__init__(listener, host, port)
        self.dialable = dialable
        self.server_name = server_name
