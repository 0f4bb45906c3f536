"""UDP: one socket, drained in batches, sent to in batches."""

from __future__ import annotations

import asyncio
import errno
import socket
from collections import deque
from collections.abc import Callable
from operator import itemgetter
from typing import NamedTuple

from ringfence.sip.address import Endpoint, Listener
from ringfence.transport import kernel
from ringfence.transport.addresses import bound_socket, socket_address
from ringfence.transport.chosen import receive_batch, receive_relayed, send_batch
from ringfence.transport.far_ends import Address, Peer
from ringfence.transport.interning import Interned
from ringfence.transport.readiness import READ, WRITE, Readiness
from ringfence.transport.relay import KEEPALIVE
from ringfence.transport.settings import ListenerSettings

OnBatch = Callable[[list[tuple[bytes, Endpoint]]], None]
OnUnreachable = Callable[[Endpoint, bytes], None]

BATCH = 256  # datagrams a wake-up: more would keep timers and other sockets waiting for over 10 ms
PEERS = 65_536  # far ends remembered; about 25 MB when full
DRAIN = 1.0  # seconds that closing waits for the kernel to take what is queued

_DATA = itemgetter(1)


class Inherited(NamedTuple):
    """A worker's share of a socket that the front process bound and reads: what to send by, and what comes to us."""

    sock: socket.socket
    inlet: socket.socket


class UdpSocket:
    """One UDP listener; its own socket, or one that it inherited.

    Far ends are interned: as long as one is heard or asked for now and then, it is the same `Peer` object.
    `on_unreachable` is told from the loop, never from within `send`; its data may be cut short where it comes
    out of an ICMP error.
    """

    def __init__(
        self,
        listener: Listener,
        settings: ListenerSettings,
        on_batch: OnBatch,
        on_unreachable: OnUnreachable,
        inherited: Inherited | None = None,
    ) -> None:
        self.listener = listener
        self._settings = settings
        self._on_batch = on_batch
        self._on_unreachable = on_unreachable
        self._loop = asyncio.get_running_loop()
        self._peers: Interned[Address, Peer] = Interned(PEERS)
        self._pending: deque[tuple[Peer, bytes]] = deque()
        self._pending_bytes = 0
        self._closing = False
        self._drained = asyncio.Event()
        self._drained.set()
        self._received = self._received_bytes = self._sent = self._sent_bytes = 0
        self._dropped = self._oversized = self._keepalives = self._failed = self._icmp = 0
        if inherited is None:
            host, port = settings.address
            self._sock = bound_socket(settings.name, host, port, socket.SOCK_DGRAM)
            kernel.enlarge_receive_buffer(self._sock, settings.receive_buffer_bytes)
            kernel.report_icmp(self._sock)
            self._inlet, self._receive = self._sock, receive_batch
        else:
            self._sock = inherited.sock
            self._inlet, self._receive = inherited.inlet, receive_relayed
        self._family = self._sock.family
        self.bound_port: int = self._sock.getsockname()[1]
        self._readiness = Readiness(self._loop, self._ready)
        self._readiness.want(self._inlet, READ)

    def endpoint(self, host: str, port: int) -> Peer:
        """The far end at a numeric host. Raises TransportError for a name or another IP version."""
        address: Address = (host, port) if self._family == socket.AF_INET else (host, port, 0, 0)
        peer = self._peers.young.get(address)
        return peer if peer is not None else self._intern(socket_address(host, port, self._family))

    def _intern(self, address: Address) -> Peer:
        peer = self._peers.find(address)
        if peer is None:
            peer = Peer(self.listener, address)
            self._peers.put(address, peer)
        return peer

    def _ready(self) -> None:
        if self._pending:
            self._writable()
        if not self._closing:
            self._readable()
        elif self._inlet is self._sock:
            self._read_errors()

    def _readable(self) -> None:
        try:
            received = self._receive(self._inlet, BATCH)
        except OSError:
            received = []
        if not received:
            if self._inlet is self._sock:
                self._read_errors()
            return
        known = self._peers.young.get
        limit = self._settings.max_message_bytes
        octets = 0
        batch: list[tuple[bytes, Endpoint]] = []
        for data, address in received:
            size = len(data)
            if size > limit or size <= KEEPALIVE:
                self._odd(data)
                continue
            octets += size
            batch.append((data, known(address) or self._intern(address)))
        self._received += len(batch)
        self._received_bytes += octets
        if batch:
            self._on_batch(batch)

    def _odd(self, data: bytes) -> None:
        """Count what is no message: too long, or a keep-alive, which over UDP is owed no answer."""
        if len(data) <= KEEPALIVE:
            self._keepalives += 1
        else:
            self._oversized += 1

    def _read_errors(self) -> None:
        for data, address, unreachable in kernel.returned(self._sock, BATCH):
            self._icmp += 1
            if unreachable:
                self.unreachable(data, address)

    def unreachable(self, data: bytes, address: Address) -> None:
        """A datagram of ours, or its beginning, came back from where it was sent."""
        self._on_unreachable(self._intern(address), data)

    def send(self, batch: list[tuple[Peer, bytes]]) -> None:
        """Hand datagrams to the kernel in order; what it does not take now waits within a bound."""
        if self._pending:
            self._queue(batch)
            return
        index = self._transmit(batch)
        if index < len(batch):
            self._queue(batch[index:])
            self._drained.clear()
            self._readiness.want(self._sock, WRITE)

    def _transmit(self, batch: list[tuple[Peer, bytes]]) -> int:
        """Index of the first datagram without room in the kernel; failed ones are reported and skipped."""
        index, tried = 0, -1
        while index < len(batch):
            start = index
            try:
                index = send_batch(self._sock, batch, start)
            except BlockingIOError:
                break
            except OSError as error:
                # The first failure may be an ICMP error about an earlier datagram, which is now taken away.
                if tried == index:
                    self._give_up(batch[index], error)
                    index += 1
                else:
                    tried = index
                continue
            self._sent += index - start
            self._sent_bytes += sum(map(len, map(_DATA, batch[start:index])))
        return index

    def _give_up(self, item: tuple[Peer, bytes], error: OSError) -> None:
        if error.errno == errno.ENOBUFS:
            self._dropped += 1
        else:
            self._failed += 1
            self._loop.call_soon(self._on_unreachable, *item)

    def _queue(self, batch: list[tuple[Peer, bytes]]) -> None:
        for item in batch:
            size = len(item[1])
            if self._pending_bytes + size > self._settings.send_queue_bytes:
                self._dropped += 1
            else:
                self._pending.append(item)
                self._pending_bytes += size

    def _writable(self) -> None:
        for _ in range(self._transmit(list(self._pending))):
            self._pending_bytes -= len(self._pending.popleft()[1])
        if not self._pending:
            self._readiness.forget(self._sock, WRITE)
            self._drained.set()

    async def close(self) -> None:
        """Stop receiving, wait a little for what is queued, close. A second call does nothing."""
        if self._sock.fileno() < 0:
            return
        if not self._closing:
            self._closing = True
            self._readiness.forget(self._inlet, READ)
        try:
            await asyncio.wait_for(self._drained.wait(), DRAIN)
        except TimeoutError:
            self._dropped += len(self._pending)
        self._readiness.close()
        self._sock.close()
        self._inlet.close()

    def stats(self) -> dict[str, int]:
        """Counters since start and gauges of now."""
        counted = {
            "messages_in": self._received,
            "bytes_in": self._received_bytes,
            "messages_out": self._sent,
            "bytes_out": self._sent_bytes,
            "keepalives": self._keepalives,
            "oversized": self._oversized,
            "send_dropped": self._dropped,
            "send_failed": self._failed,
            "icmp_errors": self._icmp,
            "queued_bytes": self._pending_bytes,
            "peers": len(self._peers),
        }
        if self._inlet is self._sock:  # of a shared one its front tells
            counted |= kernel.queue_figures(self._sock)
        return counted
