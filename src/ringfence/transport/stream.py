"""TCP and TLS: one listening socket, the connections that came to it and those opened from it."""

from __future__ import annotations

import asyncio
import errno
import socket
from collections import Counter
from collections.abc import Callable, Coroutine
from itertools import count

from ringfence.sip.address import Endpoint, Listener
from ringfence.sip.errors import SipError
from ringfence.transport.addresses import bound_socket, socket_address
from ringfence.transport.connection import FLUSH, Connection, StreamCounters
from ringfence.transport.far_ends import FarEnd
from ringfence.transport.interning import Interned
from ringfence.transport.settings import ListenerSettings
from ringfence.transport.tls import TlsContexts, certificate_names
from ringfence.transport.udp import OnBatch, OnUnreachable

OnMalformed = Callable[[bytes, Endpoint, SipError], None]

BACKLOG = 512  # connections that the kernel holds until we accept them
ACCEPTS = 64  # accepted a wake-up, so that a connection flood leaves the loop to others
ACCEPT_PAUSE = 1.0  # seconds without accepting after the process ran out of descriptors or memory
FAR_ENDS = 4_096  # addresses remembered for opening; gateways are tens
UNACKNOWLEDGED = 20_000  # ms that sent bytes may stay unacknowledged before the kernel gives a connection up
LEFT_BY_TCP, LEFT_BY_TLS = 3_072, 308_224  # bytes that a closed connection leaves to the collector, as measured
_EXHAUSTED = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})


class StreamListener:
    """One TCP or TLS listener.

    A message for a far end leaves on the connection that is open to it (RFC 5923), else one is opened and the
    message waits for it, within a bound. What cannot be delivered is told by `on_unreachable`, never from
    within `send`. Bytes once handed to a connection that breaks later are left to the transaction's timers.
    """

    def __init__(
        self,
        listener: Listener,
        settings: ListenerSettings,
        on_batch: OnBatch,
        on_unreachable: OnUnreachable,
        on_malformed: OnMalformed,
    ) -> None:
        self.listener = listener
        self.settings = settings
        self.counters = StreamCounters()
        self.received = on_batch
        self.undecidable = on_malformed
        self._on_unreachable = on_unreachable
        self._loop = asyncio.get_running_loop()
        self._tls = None if settings.tls is None else TlsContexts(settings.name, settings.tls)
        self._numbers = count(1)
        self._connections: dict[int, Connection] = {}
        self._far_ends: Interned[tuple[str, int, str | None], FarEnd] = Interned(FAR_ENDS)
        self._aliases: dict[tuple[str, int], FarEnd] = {}
        self._dialling: dict[FarEnd, list[bytes]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._sources: Counter[bytes] = Counter()
        self._accepted = 0
        host, port = settings.address
        self._local = None if host in ("0.0.0.0", "::") else (host, 0)  # noqa: S104  # compared, not bound
        self._sock = bound_socket(settings.name, host, port, socket.SOCK_STREAM)
        self._family = self._sock.family
        self._sock.listen(BACKLOG)
        self.bound_port: int = self._sock.getsockname()[1]
        self._loop.add_reader(self._sock, self._acceptable)

    # Connections that come.

    def _acceptable(self) -> None:
        for _ in range(ACCEPTS):
            try:
                sock, address = self._sock.accept()
            except BlockingIOError:
                return
            except OSError as error:
                self.counters.accept_failures += 1
                if error.errno in _EXHAUSTED:
                    self._loop.remove_reader(self._sock)
                    self._loop.call_later(ACCEPT_PAUSE, self._resume)
                    return
                continue  # this one connection was given up before we took it
            self._admit(sock, address[0].partition("%")[0], address[1])

    def _resume(self) -> None:
        if self._sock.fileno() >= 0:
            self._loop.add_reader(self._sock, self._acceptable)

    def _admit(self, sock: socket.socket, host: str, port: int) -> None:
        """Take a connection before any TLS work is done for it, or close it for being one too many."""
        source = self._source(host)
        limits = self.settings
        if self._accepted >= limits.max_connections or self._sources[source] >= limits.max_connections_per_source:
            self.counters.refused += 1
            sock.close()
            return
        self._accepted += 1
        self._sources[source] += 1
        sock.setblocking(False)
        far_end = FarEnd(self.listener, host, port, dialable=False)
        self._spawn(self._welcome(sock, Connection(self, next(self._numbers), far_end)))

    def _source(self, host: str) -> bytes:
        """Who is counted as one source: an IPv4 address, an IPv6 /64 (one host may use all of it)."""
        return socket.inet_pton(self._family, host)[:8]

    def _release(self, host: str) -> None:
        source = self._source(host)
        self._accepted -= 1
        self._sources[source] -= 1
        if not self._sources[source]:
            del self._sources[source]

    async def _welcome(self, sock: socket.socket, connection: Connection) -> None:
        try:
            _give_up_unacknowledged(sock)
            await self._loop.connect_accepted_socket(
                lambda: connection,
                sock,
                ssl=self._tls.server if self._tls else None,
                ssl_handshake_timeout=self.settings.connect_timeout if self._tls else None,
            )
        except OSError:  # TLS failures and time-outs are OSErrors too
            if not connection.made:
                self.counters.handshake_failures += 1
        finally:
            if not connection.made:
                sock.close()
                self._release(connection.far_end.host)

    def left_behind(self) -> int:
        """Bytes, at most, of the reference cycles that asyncio makes of each connection, open ones included."""
        each = LEFT_BY_TLS if self._tls else LEFT_BY_TCP
        told = self.counters
        return each * (told.accepted + told.opened + told.connect_failures + told.handshake_failures)

    # Connections that are opened.

    def endpoint(self, host: str, port: int, name: str | None = None) -> FarEnd:
        """The far end at a numeric host; name: what its TLS certificate must be for, None for the address.

        Raises TransportError for a host name or another IP version.
        """
        if self._tls is None or name == host:
            name = None  # says nothing more than the address does
        key = (host, port, name)
        far_end = self._far_ends.find(key)
        if far_end is None:
            socket_address(host, port, self._family)
            far_end = FarEnd(self.listener, host, port, dialable=True, server_name=name)
            self._far_ends.put(key, far_end)
        return far_end

    def alias(self, far_end: Endpoint, port: int) -> bool:
        """RFC 5923 §5: let requests to far_end.host:port use the connection that far_end opened to us.

        To be called when the top Via of a request on it has `alias`, with the sent-by port. Only done, and
        True returned, for a TLS connection whose peer showed a verified certificate (§8.2).
        """
        if not isinstance(far_end, FarEnd) or not far_end.certificate or far_end.connection not in self._connections:
            return False
        key = (far_end.host, port)
        if self._aliases.get(key) is not far_end:
            self._forget_alias(far_end)  # one a connection: ports that a peer invents pile up nothing
            self._aliases[key] = far_end
        return True

    def _forget_alias(self, far_end: FarEnd) -> None:
        for key in [key for key, alias in self._aliases.items() if alias is far_end]:
            del self._aliases[key]

    def _aliased(self, far_end: FarEnd) -> Connection | None:
        """The connection that stands in for one to far_end. Asked at each send, since either may end at any time."""
        alias = self._aliases.get((far_end.host, far_end.port))
        if alias is None or (far_end.server_name is not None and far_end.server_name not in alias.certificate):
            return None
        return None if alias.connection is None else self._connections.get(alias.connection)

    def send(self, batch: list[tuple[FarEnd, bytes]]) -> None:
        """Write each message to its connection, opening those that are missing."""
        for far_end, data in batch:
            connection = None if far_end.connection is None else self._connections.get(far_end.connection)
            if connection is None and self._aliases:
                connection = self._aliased(far_end)
            if connection is not None:
                if connection.write(data):
                    self._count_out(data)
                else:
                    self._undelivered(far_end, data)
            elif far_end.dialable:
                self._dial(far_end, data)
            else:
                self._undelivered(far_end, data)

    def _count_out(self, data: bytes) -> None:
        self.counters.messages_out += 1
        self.counters.bytes_out += len(data)

    def _undelivered(self, far_end: FarEnd, data: bytes) -> None:
        self.counters.undelivered += 1
        self._loop.call_soon(self._on_unreachable, far_end, data)

    def _dial(self, far_end: FarEnd, data: bytes) -> None:
        waiting = self._dialling.get(far_end)
        if waiting is None:
            self._dialling[far_end] = [data]
            self._spawn(self._connect(far_end))
        elif sum(map(len, waiting)) + len(data) > self.settings.send_queue_bytes:
            self._undelivered(far_end, data)
        else:
            waiting.append(data)

    async def _connect(self, far_end: FarEnd) -> None:
        tls = self._tls
        try:
            async with asyncio.timeout(self.settings.connect_timeout * (1 if tls is None else 2)):
                await self._loop.create_connection(
                    lambda: Connection(self, next(self._numbers), far_end),
                    far_end.host,
                    far_end.port,
                    ssl=tls.client if tls else None,
                    server_hostname=(far_end.server_name or far_end.host) if tls else None,
                    ssl_handshake_timeout=self.settings.connect_timeout if tls else None,
                    local_addr=self._local,
                )
        except OSError:  # refused, unreachable, timed out, a certificate that is not the gateway's
            self.counters.connect_failures += 1
        for data in self._dialling.pop(far_end, ()):
            self._undelivered(far_end, data)

    # Both kinds.

    def connected(self, connection: Connection) -> None:
        """A connection is up: name it, and send what waited for it."""
        far_end = connection.far_end
        self._connections[connection.number] = connection
        far_end.connection = connection.number
        far_end.certificate = certificate_names(connection.transport)
        if not far_end.dialable:
            self.counters.accepted += 1
            return
        self.counters.opened += 1
        _give_up_unacknowledged(connection.transport.get_extra_info("socket"))
        self.send([(far_end, data) for data in self._dialling.pop(far_end, ())])

    def disconnected(self, connection: Connection) -> None:
        """A connection is gone: its far end can be dialled anew, if it is one that can be."""
        far_end = connection.far_end
        self._connections.pop(connection.number, None)
        if far_end.dialable:
            far_end.connection = None
        else:
            self._release(far_end.host)
            self._forget_alias(far_end)

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def renew_certificates(self) -> None:
        """Read certificate and key again for connections to come. Raises TransportError: the old stay."""
        if self._tls is not None:
            self._tls.renew(self.settings.name)

    async def close(self) -> None:
        """Accept and dial no more, send what is queued, close every connection, cut off who does not read.

        A second call does nothing.
        """
        if self._sock.fileno() < 0:
            return
        self._loop.remove_reader(self._sock)
        self._sock.close()
        for task in list(self._tasks):
            task.cancel()
        for connection in list(self._connections.values()):
            connection.close()
        deadline = self._loop.time() + FLUSH + 1.0
        while (self._connections or self._tasks) and self._loop.time() < deadline:
            await asyncio.sleep(0.01)

    def stats(self) -> dict[str, int]:
        """Counters since start and gauges of now."""
        return {
            **self.counters.plain(),
            "connections_accepted": self._accepted,
            "connections_opened": len(self._connections)
            - sum(not c.far_end.dialable for c in self._connections.values()),
            "connections_limit": self.settings.max_connections,
            "dialling": len(self._dialling),
        }


def _give_up_unacknowledged(sock: socket.socket) -> None:
    """A dead peer is found in seconds instead of the quarter of an hour that TCP would try for."""
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, UNACKNOWLEDGED)
