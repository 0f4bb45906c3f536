"""A worker's side of TCP and TLS: listeners whose connections the front holds."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable

from ringfence.sip.address import Endpoint, Listener
from ringfence.sip.errors import BadSyntax
from ringfence.transport.addresses import family_of, socket_address
from ringfence.transport.far_ends import FarEnd
from ringfence.transport.frames import (
    ALIAS,
    CLOSED,
    MESSAGE,
    OPENED,
    READ,
    SEND,
    UNDECIDABLE,
    UNDELIVERED,
    Far,
    Frame,
    framed,
    frames,
)
from ringfence.transport.interning import Interned
from ringfence.transport.packs import PackQueue
from ringfence.transport.settings import ListenerSettings
from ringfence.transport.stream import FAR_ENDS, OnMalformed
from ringfence.transport.switch import LONGEST_PACK, PACKS
from ringfence.transport.udp import OnBatch, OnUnreachable

WAITING = 8_388_608  # bytes that may wait for a front that does not read


class RelayedStream:
    """One TCP or TLS listener as a worker has it; see `StreamListener` for what the methods are for.

    bound_port: of the front's socket.
    """

    def __init__(
        self,
        listener: Listener,
        settings: ListenerSettings,
        bound_port: int,
        put: Callable[[bytes], bool],
        on_unreachable: OnUnreachable,
    ) -> None:
        self.listener = listener
        self.bound_port = bound_port
        self._tls = settings.tls is not None
        self._family = family_of(settings.address[0])
        self._put = put
        self._on_unreachable = on_unreachable
        self._loop = asyncio.get_running_loop()
        self._far_ends: Interned[tuple[str, int, str | None], FarEnd] = Interned(FAR_ENDS)
        self._open: dict[int, FarEnd] = {}

    def endpoint(self, host: str, port: int, name: str | None = None) -> FarEnd:
        """The far end at a numeric host. Raises TransportError for a name or another IP version."""
        if not self._tls or name == host:
            name = None
        key = (host, port, name)
        far_end = self._far_ends.find(key)
        if far_end is None:
            socket_address(host, port, self._family)
            far_end = FarEnd(self.listener, host, port, dialable=True, server_name=name)
            self._far_ends.put(key, far_end)
        return far_end

    def far_end(self, far: Far, is_open: bool) -> FarEnd:
        """The one object for a far end that the front speaks of; is_open: its connection is there."""
        if far.dialable:
            far_end = self.endpoint(far.host, far.port, far.name or None)
        elif far.connection in self._open:
            return self._open[far.connection]
        else:
            far_end = FarEnd(self.listener, far.host, far.port, dialable=False)
        if is_open:
            far_end.connection, far_end.certificate = far.connection, far.certificate
            self._open[far.connection] = far_end
        return far_end

    def forget(self, connection: int) -> None:
        """A connection is gone."""
        far_end = self._open.pop(connection, None)
        if far_end is not None and far_end.dialable and far_end.connection == connection:
            far_end.connection = None

    def _far(self, far_end: FarEnd) -> Far:
        connection = far_end.connection or 0
        return Far(
            self.listener.key, connection, far_end.host, far_end.port, far_end.dialable, far_end.server_name or ""
        )

    def send(self, batch: list[tuple[FarEnd, bytes]]) -> None:
        """Have the front send each message."""
        pack: list[bytes] = []
        first = size = 0
        for place, (far_end, data) in enumerate(batch):
            frame = framed(SEND, self._far(far_end), 0, data)
            if pack and size + len(frame) > LONGEST_PACK:
                self._pass_on(pack, batch[first:place])
                pack, first, size = [], place, 0
            pack.append(frame)
            size += len(frame)
        self._pass_on(pack, batch[first:])

    def _pass_on(self, pack: list[bytes], batch: list[tuple[FarEnd, bytes]]) -> None:
        if pack and not self._put(b"".join(pack)):
            for far_end, data in batch:
                self._loop.call_soon(self._on_unreachable, far_end, data)

    def alias(self, far_end: Endpoint, port: int) -> bool:
        """RFC 5923 §5: as `StreamListener.alias`; the front does it."""
        if not isinstance(far_end, FarEnd) or not far_end.certificate or far_end.connection not in self._open:
            return False
        return self._put(framed(ALIAS, self._far(far_end), port))

    def left_behind(self) -> int:
        """Nothing: connections are the front's."""
        return 0

    def renew_certificates(self) -> None:
        """The front does it."""

    async def close(self) -> None:
        """Nothing: what is on its way is the front's."""

    def stats(self) -> dict[str, int]:
        """Nothing: the front counts."""
        return {}


class RelayedStreams:
    """All of them, over one pair of sockets. ports: bound by the front, by listener key."""

    def __init__(self, link: socket.socket, ports: dict[int, int]) -> None:
        self._link = link
        self._ports = ports
        self._streams: dict[int, RelayedStream] = {}
        self._buffer = memoryview(bytearray(READ))
        self._on_batch: OnBatch
        self._on_unreachable: OnUnreachable
        self._on_malformed: OnMalformed

    def open(
        self,
        listener: Listener,
        settings: ListenerSettings,
        on_batch: OnBatch,
        on_unreachable: OnUnreachable,
        on_malformed: OnMalformed,
    ) -> RelayedStream:
        """One listener; its messages come from the next turn on."""
        if not self._streams:
            self._on_batch, self._on_unreachable, self._on_malformed = on_batch, on_unreachable, on_malformed
            self._queue = PackQueue(self._link, WAITING)
            asyncio.get_running_loop().add_reader(self._link, self._readable)
        stream = RelayedStream(listener, settings, self._ports[listener.key], self._queue.send, on_unreachable)
        self._streams[listener.key] = stream
        return stream

    def _readable(self) -> None:
        batch: list[tuple[bytes, Endpoint]] = []
        for _ in range(PACKS):
            try:
                size = self._link.recv_into(self._buffer)
            except BlockingIOError:
                break
            if not size:
                break  # the front is gone
            for frame in frames(self._buffer[:size]):
                stream = self._streams.get(frame.far.listener)
                if stream is None:
                    continue
                if frame.kind == MESSAGE:
                    batch.append((frame.data, stream.far_end(frame.far, True)))
                    continue
                if batch:
                    self._on_batch(batch)
                    batch = []
                self._take(frame, stream)
        if batch:
            self._on_batch(batch)

    def _take(self, frame: Frame, stream: RelayedStream) -> None:
        if frame.kind == OPENED:
            stream.far_end(frame.far, True)
        elif frame.kind == CLOSED:
            stream.forget(frame.far.connection)
        elif frame.kind == UNDELIVERED:
            self._on_unreachable(stream.far_end(frame.far, False), frame.data)
        elif frame.kind == UNDECIDABLE:
            error = BadSyntax("the stream's framing is lost", frame.number or None)
            self._on_malformed(frame.data, stream.far_end(frame.far, True), error)
