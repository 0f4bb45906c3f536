"""UDP: one socket, drained in batches, sent to in batches."""

from __future__ import annotations

import asyncio
import errno
import socket
import struct
from collections import deque
from collections.abc import Callable
from operator import itemgetter
from typing import Any

from ringfence.sip.address import Endpoint, Listener
from ringfence.transport.addresses import bound_socket, socket_address
from ringfence.transport.chosen import receive_batch, send_batch
from ringfence.transport.datagrams import LARGEST
from ringfence.transport.far_ends import Address, Peer
from ringfence.transport.interning import Interned
from ringfence.transport.settings import ListenerSettings

OnBatch = Callable[[list[tuple[bytes, Endpoint]]], None]
OnUnreachable = Callable[[Endpoint, bytes], None]

BATCH = 256  # datagrams a wake-up: more would keep timers and other sockets waiting for over 10 ms
PEERS = 65_536  # far ends remembered; about 25 MB when full
KEEPALIVE = 4  # CR LF CR LF; a zero byte or nothing at all is also sent by some to hold a NAT binding open
DRAIN = 1.0  # seconds that closing waits for the kernel to take what is queued

_DATA = itemgetter(1)
_SO_RCVBUFFORCE = 33
_SO_MEMINFO, _MEMINFO_WORDS, _MEMINFO_DROPS = 55, 9, 8
_IP_RECVERR, _IPV6_RECVERR = 11, 25
_EXTENDED_ERR = struct.Struct("=IBBBBII")
_ICMP, _ICMP_UNREACHABLE, _FRAGMENTATION_NEEDED = 2, 3, 4
_ICMP6, _ICMP6_UNREACHABLE = 3, 1


class UdpSocket:
    """One UDP listener.

    Far ends are interned: as long as one is heard or asked for now and then, it is the same `Peer` object.
    `on_unreachable` is told from the loop, never from within `send`; its data may be cut short where it comes
    out of an ICMP error.
    """

    def __init__(
        self, listener: Listener, settings: ListenerSettings, on_batch: OnBatch, on_unreachable: OnUnreachable
    ) -> None:
        self.listener = listener
        self._settings = settings
        self._on_batch = on_batch
        self._on_unreachable = on_unreachable
        self._loop = asyncio.get_running_loop()
        self._peers: Interned[Address, Peer] = Interned(PEERS)
        self._pending: deque[tuple[Peer, bytes]] = deque()
        self._pending_bytes = 0
        self._drained = asyncio.Event()
        self._drained.set()
        self._received = self._received_bytes = self._sent = self._sent_bytes = 0
        self._dropped = self._oversized = self._keepalives = self._failed = self._icmp = 0
        host, port = settings.address
        self._sock = bound_socket(settings.name, host, port, socket.SOCK_DGRAM)
        self._family = self._sock.family
        self._enlarge_buffer(settings.receive_buffer_bytes)
        self._report_icmp()
        self.bound_port: int = self._sock.getsockname()[1]
        self._loop.add_reader(self._sock, self._readable)

    def _enlarge_buffer(self, size: int) -> None:
        try:
            self._sock.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, size)
        except OSError:  # without CAP_NET_ADMIN: as far as net.core.rmem_max goes, shown in the gauge
            self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, size)

    def _report_icmp(self) -> None:
        """Have the kernel keep ICMP errors for us (RFC 3261 §18.4), where the loop survives them.

        uvloop ends a reader for good on the POLLERR that an error queue raises; without the option the kernel
        forgets ICMP errors of unconnected sockets and the transaction's timers find out.
        """
        if isinstance(self._loop, asyncio.SelectorEventLoop):
            if self._family == socket.AF_INET6:
                self._sock.setsockopt(socket.IPPROTO_IPV6, _IPV6_RECVERR, 1)
            else:
                self._sock.setsockopt(socket.IPPROTO_IP, _IP_RECVERR, 1)

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

    def _readable(self) -> None:
        try:
            received = receive_batch(self._sock, BATCH)
        except OSError:
            received = []
        if not received:
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
        """Empty the socket's error queue: each entry is a datagram of ours that came back by ICMP."""
        for _ in range(BATCH):
            try:
                data, ancillary, _, address = self._sock.recvmsg(LARGEST, 512, socket.MSG_ERRQUEUE)
            except OSError:
                return
            self._icmp += 1
            if _is_unreachable(ancillary):
                # RFC 3261 §18.4: host, network, port and protocol unreachable go to the transport user.
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
            self._loop.add_writer(self._sock, self._writable)

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
            self._loop.remove_writer(self._sock)
            self._drained.set()

    async def close(self) -> None:
        """Stop receiving, wait a little for what is queued, close. A second call does nothing."""
        if self._sock.fileno() < 0:
            return
        self._loop.remove_reader(self._sock)
        try:
            await asyncio.wait_for(self._drained.wait(), DRAIN)
        except TimeoutError:
            self._dropped += len(self._pending)
            self._loop.remove_writer(self._sock)
        self._sock.close()

    def stats(self) -> dict[str, int]:
        """Counters since start and gauges of now."""
        closed = self._sock.fileno() < 0
        return {
            "messages_in": self._received,
            "bytes_in": self._received_bytes,
            "messages_out": self._sent,
            "bytes_out": self._sent_bytes,
            "keepalives": self._keepalives,
            "oversized": self._oversized,
            "send_dropped": self._dropped,
            "send_failed": self._failed,
            "icmp_errors": self._icmp,
            "kernel_dropped": 0 if closed else _kernel_drops(self._sock),
            "receive_buffer_bytes": 0 if closed else self._sock.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF),
            "queued_bytes": self._pending_bytes,
            "peers": len(self._peers),
        }


def _is_unreachable(ancillary: list[tuple[int, int, bytes]]) -> bool:
    for _, _, extended in ancillary:
        if len(extended) >= _EXTENDED_ERR.size:
            _, origin, kind, code, *_ = _EXTENDED_ERR.unpack_from(extended)
            if origin == _ICMP:
                return bool(kind == _ICMP_UNREACHABLE and code != _FRAGMENTATION_NEEDED)
            if origin == _ICMP6:
                return bool(kind == _ICMP6_UNREACHABLE)
    return False


def _kernel_drops(sock: socket.socket) -> int:
    """Datagrams that the kernel threw away because our receive buffer was full, since the socket was made."""
    words: tuple[Any, ...] = struct.unpack(
        f"={_MEMINFO_WORDS}I", sock.getsockopt(socket.SOL_SOCKET, _SO_MEMINFO, 4 * _MEMINFO_WORDS)
    )
    return int(words[_MEMINFO_DROPS])
