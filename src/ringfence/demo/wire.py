"""Sockets of the demo agents: whole SIP messages in and out over UDP and TCP, no SIP knowledge beyond framing."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import Any, Protocol, cast

from ringfence.demo.errors import DemoError
from ringfence.sip.address import Transport
from ringfence.sip.errors import SipError
from ringfence.sip.framing import StreamFramer

MAX_MESSAGE = 65_535  # as large as a datagram can be; a stream gets no more


class Peer:
    """A far end, and the way to it."""

    __slots__ = ("host", "port", "send", "transport")

    def __init__(self, transport: Transport, host: str, port: int, send: Callable[[bytes], None]) -> None:
        self.transport: Transport = transport
        self.host = host
        self.port = port
        self.send = send

    @property
    def reliable(self) -> bool:
        """Whether the transport repeats by itself what got lost (RFC 3261 §17)."""
        return self.transport != "udp"


Handler = Callable[[bytes, Peer], None]
"""Takes one whole message and the peer it came from."""


class Wire(Protocol):
    """One bound transport of an agent."""

    host: str
    port: int

    async def peer(self, host: str, port: int) -> Peer:
        """The way to an address; connects when the transport needs it. Raises DemoError when nobody listens."""

    async def close(self) -> None:
        """Let go of every socket."""


class UdpWire(asyncio.DatagramProtocol):
    """A bound UDP socket."""

    def __init__(self, handler: Handler) -> None:
        self._handler = handler
        self._socket: asyncio.DatagramTransport | None = None
        self._closed = asyncio.get_running_loop().create_future()
        self.host = ""
        self.port = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._socket = cast(asyncio.DatagramTransport, transport)
        self.host, self.port = transport.get_extra_info("sockname")[:2]

    def connection_lost(self, exc: Exception | None) -> None:
        self._closed.set_result(None)

    def datagram_received(self, data: bytes, addr: tuple[str | Any, int]) -> None:
        # RFC 5626 §4.4.1: CRLF keep-alives on UDP are no message.
        if data.strip(b"\r\n\0"):
            self._handler(data, self._peer(addr[0], addr[1]))

    async def peer(self, host: str, port: int) -> Peer:
        return self._peer(host, port)

    def _peer(self, host: str, port: int) -> Peer:
        return Peer("udp", host, port, lambda data: self._send(data, host, port))

    def _send(self, data: bytes, host: str, port: int) -> None:
        if self._socket is not None and not self._socket.is_closing():
            self._socket.sendto(data, (host, port))

    async def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            await self._closed


class _Connection(asyncio.Protocol):
    """One TCP connection, accepted or opened."""

    def __init__(self, wire: TcpWire) -> None:
        self._wire = wire
        self._framer = StreamFramer(MAX_MESSAGE)
        self._stream: asyncio.Transport | None = None
        self.peer: Peer | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._stream = cast(asyncio.Transport, transport)
        host, port = transport.get_extra_info("peername")[:2]
        self.peer = Peer("tcp", host, port, self._send)
        self._wire.connections[(host, port)] = self

    def data_received(self, data: bytes) -> None:
        assert self.peer is not None and self._stream is not None
        try:
            items = self._framer.feed(data)
        except SipError:
            self._stream.close()
            return
        for item in items:
            if isinstance(item, bytes):
                self._wire.handler(item, self.peer)
            else:
                self._send(b"\r\n")  # RFC 5626 §3.5.1: a pong for a ping

    def connection_lost(self, exc: Exception | None) -> None:
        assert self.peer is not None
        self._wire.connections.pop((self.peer.host, self.peer.port), None)

    def _send(self, data: bytes) -> None:
        if self._stream is not None and not self._stream.is_closing():
            self._stream.write(data)

    def close(self) -> None:
        if self._stream is not None:
            self._stream.close()


class TcpWire:
    """A TCP side: connections opened from one local port, or accepted on it when it listens."""

    def __init__(self, handler: Handler, host: str, port: int) -> None:
        self.handler = handler
        self.host = host
        self.port = port
        self.connections: dict[tuple[str, int], _Connection] = {}
        self._server: asyncio.Server | None = None

    async def listen(self) -> None:
        """Accept connections. Raises OSError when the port is taken."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Connection(self), self.host, self.port)
        self.host, self.port = self._server.sockets[0].getsockname()[:2]

    async def peer(self, host: str, port: int) -> Peer:
        known = self.connections.get((host, port))
        if known is None:
            known = await self._connect(host, port)
        assert known.peer is not None
        return known.peer

    async def _connect(self, host: str, port: int) -> _Connection:
        loop = asyncio.get_running_loop()
        # The protocol is named because asyncio switches Nagle off only where it is.
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        end = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        end.setblocking(False)
        try:
            # The port of the call before may still be in TIME_WAIT, and a trunk known by its port needs that very port.
            end.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            end.bind((self.host, self.port))
            await loop.sock_connect(end, (host, port))
        except OSError as error:
            end.close()
            raise DemoError(f"no connection from {self.host}:{self.port} to {host}:{port}: {error.strerror}") from None
        self.host, self.port = end.getsockname()[:2]
        _, connection = await loop.create_connection(lambda: _Connection(self), sock=end)
        return connection

    async def close(self) -> None:
        for connection in list(self.connections.values()):
            connection.close()
        if self._server is not None:
            self._server.close()


async def open_udp(handler: Handler, host: str, port: int) -> UdpWire:
    """Bind a UDP socket; port 0 lets the system choose. Raises DemoError when it is taken."""
    loop = asyncio.get_running_loop()
    try:
        _, wire = await loop.create_datagram_endpoint(lambda: UdpWire(handler), local_addr=(host, port))
    except OSError as error:
        raise DemoError(f"udp {host}:{port} cannot be bound: {error.strerror or error}") from None
    return wire


async def open_tcp(handler: Handler, host: str, port: int, listening: bool) -> TcpWire:
    """A TCP side; listens at once when asked to. Raises DemoError when the port is taken."""
    wire = TcpWire(handler, host, port)
    if listening:
        try:
            await wire.listen()
        except OSError as error:
            raise DemoError(f"tcp {host}:{port} cannot be bound: {error.strerror or error}") from None
    return wire
