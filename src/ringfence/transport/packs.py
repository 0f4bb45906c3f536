"""Packs on their way through a SOCK_SEQPACKET pair between the front and a worker."""

from __future__ import annotations

import asyncio
import socket
from collections import deque

from ringfence.transport import kernel

LINK_BYTES = 4_194_304  # asked of the kernel for what is on its way; it gives twice net.core.wmem_max at least


class PackQueue:
    """One direction: what the kernel does not take now waits in order, within a bound.

    waiting: bytes that wait here; limit: their bound.
    """

    __slots__ = ("_backlog", "_loop", "_sock", "limit", "waiting")

    def __init__(self, sock: socket.socket, limit: int) -> None:
        sock.setblocking(False)
        kernel.enlarge_send_buffer(sock, LINK_BYTES)
        self._sock = sock
        self._loop = asyncio.get_running_loop()
        self._backlog: deque[bytes] = deque()
        self.limit = limit
        self.waiting = 0

    @property
    def open_for(self) -> int:
        """The descriptor that takes a pack now; -1 while others wait before it."""
        return -1 if self._backlog else self._sock.fileno()

    def send(self, pack: bytes) -> bool:
        """Hand a pack to the kernel or let it wait; False: too much waits already, it is dropped."""
        if not self._backlog:
            try:
                self._sock.send(pack)
            except OSError:
                return self.keep(pack)
            return True
        return self.keep(pack)

    def keep(self, pack: bytes) -> bool:
        """Let a pack wait that the kernel did not take; False: dropped."""
        if self.waiting + len(pack) > self.limit:
            return False
        if not self._backlog:
            self._loop.add_writer(self._sock, self._writable)
        self._backlog.append(pack)
        self.waiting += len(pack)
        return True

    def _writable(self) -> None:
        while self._backlog:
            try:
                self._sock.send(self._backlog[0])
            except BlockingIOError:
                return
            except OSError:
                pass  # never to be taken: the other side is gone
            self.waiting -= len(self._backlog.popleft())
        self._loop.remove_writer(self._sock)

    def close(self) -> None:
        """Whatever waits is gone. The socket stays its owner's."""
        if self._backlog:
            self._loop.remove_writer(self._sock)
            self._backlog.clear()
            self.waiting = 0


class Outlet:
    """The front's way to one worker. Both ends stay open here, so what is on its way survives a worker that dies.

    inlet: the worker's end. messages: handed on; dropped: because too many were waiting already.
    """

    __slots__ = ("dropped", "inlet", "messages", "queue", "sock")

    def __init__(self, limit: int) -> None:
        self.sock, self.inlet = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.queue = PackQueue(self.sock, limit)
        self.inlet.setblocking(False)
        self.messages = self.dropped = 0

    def count(self, messages: int, taken: bool) -> None:
        """So many were for this worker; taken: they are on their way."""
        if taken:
            self.messages += messages
        else:
            self.dropped += messages

    def close(self) -> None:
        """Whatever is on its way is gone."""
        self.queue.close()
        self.sock.close()
        self.inlet.close()
