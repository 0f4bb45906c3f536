"""The front's side of TCP and TLS: it holds the connections, and hands messages on in both directions."""

from __future__ import annotations

import asyncio
from functools import partial

from ringfence.sip.address import Endpoint, Listener
from ringfence.sip.errors import SipError
from ringfence.sip.shares import share_of_message
from ringfence.transport.connection import Connection
from ringfence.transport.errors import TransportError
from ringfence.transport.far_ends import FarEnd
from ringfence.transport.frames import (
    ALIAS,
    CLOSED,
    LONGEST_MESSAGE,
    MESSAGE,
    OPENED,
    READ,
    UNDECIDABLE,
    UNDELIVERED,
    Far,
    Frame,
    framed,
    frames,
)
from ringfence.transport.packs import Outlet
from ringfence.transport.settings import ListenerSettings
from ringfence.transport.stream import StreamListener

WAITING = 8_388_608  # bytes that may wait for a worker that does not read
PACKS = 64  # read in one go from a worker
LONGEST_PACK = 100_000  # bytes after which a pack is sent though more is to come


class StreamDoor(StreamListener):
    """A stream listener whose far ends are talked to by workers."""

    def __init__(self, listener: Listener, settings: ListenerSettings, switch: Switch) -> None:
        super().__init__(listener, settings, switch.received, switch.undelivered, switch.undecidable)
        self._switch = switch

    def far(self, far_end: FarEnd) -> Far:
        """As workers know it."""
        return Far(
            self.listener.key,
            far_end.connection or 0,
            far_end.host,
            far_end.port,
            far_end.dialable,
            far_end.server_name or "",
            far_end.certificate,
        )

    def connected(self, connection: Connection) -> None:
        """As it is, and the workers learn of those that were opened."""
        super().connected(connection)
        if connection.far_end.dialable:
            self._switch.tell_all(framed(OPENED, self.far(connection.far_end)))

    def disconnected(self, connection: Connection) -> None:
        """As it is, and the workers forget it."""
        gone = self.far(connection.far_end)
        super().disconnected(connection)
        self._switch.tell_all(framed(CLOSED, gone))

    def opened(self) -> list[Far]:
        """The connections that were opened and are."""
        return [self.far(each.far_end) for each in self._connections.values() if each.far_end.dialable]

    def carry(self, frame: Frame) -> None:
        """Do what a worker asks for."""
        far = frame.far
        connection = self._connections.get(far.connection)
        far_end = None if connection is None else connection.far_end
        if frame.kind == ALIAS:
            if far_end is not None:
                self.alias(far_end, frame.number)
            return
        if far_end is None and far.dialable:
            try:
                far_end = self.endpoint(far.host, far.port, far.name or None)
            except TransportError:
                far_end = None
        if far_end is not None:
            self.send([(far_end, frame.data)])
        else:
            self.counters.undelivered += 1
            self._switch.give_back(far, frame.data)


class Switch:
    """Between all stream listeners and all workers. outlets: the way to each worker, and back."""

    def __init__(self, workers: int) -> None:
        self._loop = asyncio.get_running_loop()
        self._buffer = memoryview(bytearray(READ))
        self._doors: dict[int, StreamDoor] = {}
        self.outlets = [Outlet(WAITING) for _ in range(workers)]
        for outlet in self.outlets:
            self._loop.add_reader(outlet.sock, partial(self._readable, outlet))

    def door(self, listener: Listener, settings: ListenerSettings) -> StreamDoor:
        """Bind a listener and listen. Raises TransportError that names it."""
        door = self._doors[listener.key] = StreamDoor(listener, settings, self)
        return door

    def _worker_of(self, data: bytes) -> Outlet:
        return self.outlets[share_of_message(data, len(self.outlets))]

    def _put(self, outlet: Outlet, pack: list[bytes]) -> None:
        outlet.count(len(pack), outlet.queue.send(b"".join(pack)))

    def received(self, batch: list[tuple[bytes, Endpoint]]) -> None:
        """Whole messages of one connection."""
        packs: dict[Outlet, list[bytes]] = {}
        sizes: dict[Outlet, int] = {}
        for data, endpoint in batch:
            outlet = self._worker_of(data)
            frame = framed(MESSAGE, self._far(endpoint), 0, data)
            pack = packs.setdefault(outlet, [])
            if pack and sizes[outlet] + len(frame) > LONGEST_PACK:
                self._put(outlet, pack)
                pack.clear()
            sizes[outlet] = (sizes[outlet] if pack else 0) + len(frame)
            pack.append(frame)
        for outlet, pack in packs.items():
            self._put(outlet, pack)

    def _far(self, endpoint: Endpoint) -> Far:
        assert isinstance(endpoint, FarEnd)  # whatever a stream listener tells of
        return self._doors[endpoint.listener.key].far(endpoint)

    def undelivered(self, endpoint: Endpoint, data: bytes) -> None:
        """A worker's message could not be delivered."""
        self.give_back(self._far(endpoint), data)

    def give_back(self, far: Far, data: bytes) -> None:
        """Tell the worker whose message it was."""
        self._worker_of(data).queue.send(framed(UNDELIVERED, far, 0, data))

    def undecidable(self, data: bytes, endpoint: Endpoint, error: SipError) -> None:
        """A stream lost its framing."""
        head = data[:LONGEST_MESSAGE]
        self._put(self._worker_of(data), [framed(UNDECIDABLE, self._far(endpoint), error.status or 0, head)])

    def tell_all(self, frame: bytes) -> None:
        """To every worker; one that does not read learns it by a message that comes back."""
        for outlet in self.outlets:
            outlet.queue.send(frame)

    def introduce(self, worker: int) -> None:
        """Tell a new worker, from 0 on, which connections are open."""
        for door in self._doors.values():
            for far in door.opened():
                self.outlets[worker].queue.send(framed(OPENED, far))

    def _readable(self, outlet: Outlet) -> None:
        for _ in range(PACKS):
            try:
                size = outlet.sock.recv_into(self._buffer)
            except BlockingIOError:
                return
            for frame in frames(self._buffer[:size]):
                door = self._doors.get(frame.far.listener)
                if door is not None:
                    door.carry(frame)

    def close(self) -> None:
        """After the workers and the listeners."""
        for outlet in self.outlets:
            self._loop.remove_reader(outlet.sock)
            outlet.close()
