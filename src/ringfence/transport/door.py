"""The front's side of a UDP listener: what comes is handed to the workers, who answer through the same socket."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable

from ringfence.transport import kernel
from ringfence.transport.addresses import bound_socket
from ringfence.transport.chosen import relay_batch
from ringfence.transport.far_ends import Address
from ringfence.transport.packs import Outlet
from ringfence.transport.readiness import READ, Readiness
from ringfence.transport.settings import ListenerSettings
from ringfence.transport.udp import BATCH

OnReturned = Callable[[int, Address, bytes], None]
"""(listener key, far end, datagram or its beginning): some worker's message came back by ICMP."""


class UdpDoor:
    """One UDP listener that is read here and sent through by the workers. Raises TransportError that names it.

    key: the listener's. A worker that does not read its messages lets up to `receive_buffer_bytes` of them wait.
    """

    def __init__(self, key: int, settings: ListenerSettings, workers: int, on_returned: OnReturned) -> None:
        self.key = key
        self._longest = settings.max_message_bytes
        self._on_returned = on_returned
        self._loop = asyncio.get_running_loop()
        self._readiness: Readiness | None = None
        self._keepalives = self._oversized = self._icmp = 0
        host, port = settings.address
        self.sock = bound_socket(settings.name, host, port, socket.SOCK_DGRAM)
        kernel.enlarge_receive_buffer(self.sock, settings.receive_buffer_bytes)
        kernel.report_icmp(self.sock)
        self.bound_port: int = self.sock.getsockname()[1]
        self.outlets = [Outlet(settings.receive_buffer_bytes) for _ in range(workers)]

    def open(self) -> None:
        """Begin to read: once there are workers."""
        self._readiness = Readiness(self._loop, self._readable)
        self._readiness.want(self.sock, READ)

    def _readable(self) -> None:
        outlets = self.outlets
        try:
            received, keepalives, oversized, shares, kept = relay_batch(
                self.sock, [outlet.queue.open_for for outlet in outlets], self._longest, BATCH
            )
        except OSError:
            received = 0
        if not received:
            self._read_errors()
            return
        self._keepalives += keepalives
        self._oversized += oversized
        for outlet, messages in zip(outlets, shares, strict=True):
            outlet.messages += messages
        for worker, messages, pack in kept:
            if not outlets[worker].queue.keep(pack):
                outlets[worker].messages -= messages  # they were counted when they came
                outlets[worker].dropped += messages

    def _read_errors(self) -> None:
        for data, address, unreachable in kernel.returned(self.sock, BATCH):
            self._icmp += 1
            if unreachable:
                self._on_returned(self.key, address, data)

    def shut(self) -> None:
        """Read no more. A second call does nothing."""
        if self._readiness is not None:
            self._readiness.close()

    async def close(self) -> None:
        """Read no more and close, the workers' ways with it."""
        self.shut()
        self.sock.close()
        for outlet in self.outlets:
            outlet.close()

    def stats(self) -> dict[str, int]:
        """What only the front sees of the socket: counters since start and gauges of now."""
        return {
            "keepalives": self._keepalives,
            "oversized": self._oversized,
            "icmp_errors": self._icmp,
            **kernel.queue_figures(self.sock),
        }
