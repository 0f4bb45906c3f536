"""What caller and softswitch share: bound wires, parsed messages, tokens."""

from __future__ import annotations

import secrets

from ringfence.demo.errors import DemoError
from ringfence.demo.messages import Fields, answer
from ringfence.demo.wire import Peer, Wire, open_tcp, open_udp
from ringfence.sip.address import Transport, host_port
from ringfence.sip.errors import SipError
from ringfence.sip.message import Request, Response, parse

PORT_ATTEMPTS = 5


class Agent:
    """A user agent on one address.

    host, port: where it is bound; port 0 lets the system choose, and holds the choice after `open`.
    t1: the round-trip estimate of RFC 3261 §17.1.1.1 in seconds; every timer follows from it.
    unreadable: messages that were none.
    """

    def __init__(self, host: str = "127.0.0.1", port: int = 0, t1: float = 0.5) -> None:
        self.host = host
        self.port = port
        self.t1 = t1
        self.unreadable = 0
        self.wires: dict[Transport, Wire] = {}

    async def open(self, *transports: Transport, listening: bool = False) -> None:
        """Bind the wires. Raises DemoError when the port is taken; what was bound is let go of then."""
        chosen = self.port
        for attempt in range(PORT_ATTEMPTS):
            try:
                await self._bind(transports, listening)
            except BaseException as error:
                await self.close()
                self.port = chosen
                # The system chose for the first transport alone: the next may find that port taken.
                if chosen or not isinstance(error, DemoError) or attempt == PORT_ATTEMPTS - 1:
                    raise
            else:
                return

    async def _bind(self, transports: tuple[Transport, ...], listening: bool) -> None:
        for transport in transports:
            wire: Wire
            if transport == "udp":
                wire = await open_udp(self._received, self.host, self.port)
            else:
                wire = await open_tcp(self._received, self.host, self.port, listening)
            self.wires[transport] = wire
            self.port = wire.port

    async def close(self) -> None:
        """Let go of every wire."""
        for wire in self.wires.values():
            await wire.close()
        self.wires.clear()

    def _received(self, data: bytes, peer: Peer) -> None:
        try:
            message = parse(data)
        except SipError:
            self.unreadable += 1
            return
        if isinstance(message, Request):
            self.on_request(message, peer)
        else:
            self.on_response(message, peer)

    def on_request(self, request: Request, peer: Peer) -> None:
        """A whole request came in."""
        raise NotImplementedError

    def on_response(self, response: Response, peer: Peer) -> None:
        """A whole response came in; an agent that asks nothing has no use for it."""

    def reply(
        self, request: Request, peer: Peer, status: int, to_tag: str = "", fields: Fields = (), body: bytes = b""
    ) -> bytes:
        """Answer a request where its Via wants it (RFC 3261 §18.2.2); returns the bytes, to be repeated."""
        data = answer(request, status, (peer.host, peer.port), to_tag or token(), fields, body)
        peer.send(data)
        return data

    def sent_by(self, transport: Transport) -> str:
        """`host:port` that others reach us at."""
        return host_port(self.host, self.wires[transport].port).decode()


def token(length: int = 8) -> str:
    """Random hex, for tags, branches and Call-IDs (RFC 3261 §19.3 wants at least 32 bits)."""
    return secrets.token_hex(length)
