"""All listeners behind one door: batches of messages in, batches out."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, cast

from ringfence.sip.address import Endpoint, Listener
from ringfence.sip.errors import SipError
from ringfence.transport.errors import TransportError
from ringfence.transport.far_ends import Address, FarEnd, Peer
from ringfence.transport.relayed import RelayedStream, RelayedStreams
from ringfence.transport.settings import ListenerSettings
from ringfence.transport.stream import OnMalformed, StreamListener
from ringfence.transport.udp import Inherited, OnBatch, OnUnreachable, UdpSocket

_Opened = UdpSocket | StreamListener | RelayedStream


def listeners_of(settings: Sequence[ListenerSettings]) -> list[Listener]:
    """The listeners as the SIP rooms see them, by their place in the settings."""
    return [
        Listener(key, part.transport, *part.advertised, ipv6=":" in part.address[0])
        for key, part in enumerate(settings)
    ]


class Transports:
    """The sockets of a daemon, or a worker's share of them: inherited has those of UDP by listener key, streams the
    others.

    on_batch gets whole messages with their far ends, one call a socket and wake-up. on_unreachable gets a
    message that could not be delivered. on_malformed gets the bytes where a stream lost its framing and the
    error with the status owed: whoever knows the peer may send it one last answer within `connection.LINGER`,
    then it is closed. All three are called from the event loop, never from within `send`.
    Endpoints given to `send` come from here: from a batch or from `endpoint`.
    """

    def __init__(
        self,
        settings: list[ListenerSettings],
        inherited: Mapping[int, Inherited] | None = None,
        streams: RelayedStreams | None = None,
    ) -> None:
        self._settings = settings
        self._inherited = inherited or {}
        self._streams = streams
        self.listeners = listeners_of(settings)
        self._sockets: list[_Opened] = []

    async def open(
        self, on_batch: OnBatch, on_unreachable: OnUnreachable, on_malformed: OnMalformed | None = None
    ) -> None:
        """Bind and listen. Raises TransportError that names the listener; then nothing stays open.

        Where `bind` says port 0 the kernel chooses, and the listener's advertised port 0 becomes that one.
        """
        try:
            for listener, part in zip(self.listeners, self._settings, strict=True):
                if part.transport == "udp":
                    opened: _Opened = UdpSocket(
                        listener, part, on_batch, on_unreachable, self._inherited.get(listener.key)
                    )
                elif self._streams is not None:
                    opened = self._streams.open(listener, part, on_batch, on_unreachable, on_malformed or _unheard)
                else:
                    opened = StreamListener(listener, part, on_batch, on_unreachable, on_malformed or _unheard)
                self._sockets.append(opened)
                if listener.port == 0:
                    listener.settle(opened.bound_port)
        except TransportError:
            await self.close()
            raise

    def endpoint(self, listener_key: int, host: str, port: int, name: str | None = None) -> Endpoint:
        """The far end at a numeric host as seen through a listener.

        name: over TLS, what the far end's certificate must be for (the domain that was resolved to host);
        None: the numeric address itself. Unread on other transports.
        Raises TransportError for a host name or another IP version than the listener's.
        """
        opened = self._sockets[listener_key]
        return opened.endpoint(host, port) if isinstance(opened, UdpSocket) else opened.endpoint(host, port, name)

    def returned(self, listener_key: int, address: Address, data: bytes) -> None:
        """A datagram came back to the front that reads the listener's socket; it may be another worker's."""
        opened = self._sockets[listener_key]
        if isinstance(opened, UdpSocket):
            opened.unreachable(data, address)

    def alias(self, endpoint: Endpoint, port: int) -> bool:
        """RFC 5923: see `StreamListener.alias`. False for UDP."""
        opened = self._sockets[endpoint.listener.key]
        return not isinstance(opened, UdpSocket) and opened.alias(endpoint, port)

    def send(self, batch: list[tuple[Endpoint, bytes]]) -> None:
        """Send every message, in order for each far end."""
        if len(self._sockets) == 1:
            _send(self._sockets[0], batch)
            return
        parts: list[list[tuple[Endpoint, bytes]]] = [[] for _ in self._sockets]
        for item in batch:
            parts[item[0].listener.key].append(item)
        for opened, part in zip(self._sockets, parts, strict=True):
            if part:
                _send(opened, part)

    def ports(self) -> list[int]:
        """What each listener is bound to."""
        return [opened.bound_port for opened in self._sockets]

    def left_behind(self) -> int:
        """Bytes, at most, that all connections since the start left or will leave to the garbage collector."""
        return sum(opened.left_behind() for opened in self._sockets if not isinstance(opened, UdpSocket))

    def renew_certificates(self) -> None:
        """Read the certificate files of all TLS listeners again. Raises TransportError at a failure."""
        for opened in self._sockets:
            if not isinstance(opened, UdpSocket):
                opened.renew_certificates()

    async def close(self) -> None:
        """Receive no more, send what is queued for at most a few seconds, close everything."""
        await asyncio.gather(*(opened.close() for opened in self._sockets))

    def stats(self) -> list[dict[str, Any]]:
        """One plain dict a listener: its `listener` name, `transport`, and numbers by name."""
        return [
            {"listener": part.name, "transport": part.transport, **opened.stats()}
            for part, opened in zip(self._settings, self._sockets, strict=True)
        ]


def _send(opened: _Opened, batch: list[tuple[Endpoint, bytes]]) -> None:
    # Which class an endpoint has follows from its listener, so it is not looked at for each datagram.
    if isinstance(opened, UdpSocket):
        opened.send(cast("list[tuple[Peer, bytes]]", batch))
    else:
        opened.send(cast("list[tuple[FarEnd, bytes]]", batch))


def _unheard(data: bytes, endpoint: Endpoint, error: SipError) -> None:
    """Nobody asked to be told of undecidable streams: they are counted and closed."""
