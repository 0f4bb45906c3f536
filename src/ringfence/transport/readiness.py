"""When UDP sockets have something for us: an epoll instance of our own, which any event loop can wait for."""

from __future__ import annotations

import asyncio
import select
import socket
from collections.abc import Callable

READ, WRITE = select.EPOLLIN, select.EPOLLOUT


class Readiness:
    """Calls `on_ready` while a socket can be read or written to, as was asked, or has an error to tell.

    libuv, and with it uvloop, gives a descriptor up for good on POLLERR, which a UDP socket's error queue raises with
    every ICMP error. An epoll instance raises none: it is readable as long as one of its sockets has something to say.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, on_ready: Callable[[], None]) -> None:
        self._loop = loop
        self._epoll = select.epoll()
        self._wanted: dict[socket.socket, int] = {}
        loop.add_reader(self._epoll.fileno(), on_ready)

    def want(self, sock: socket.socket, event: int) -> None:
        """Tell of READ or WRITE from now on."""
        before = self._wanted.get(sock, 0)
        self._wanted[sock] = before | event
        if before:
            self._epoll.modify(sock, before | event)
        else:
            self._epoll.register(sock, event)

    def forget(self, sock: socket.socket, event: int) -> None:
        """Tell of READ or WRITE no more."""
        left = self._wanted[sock] & ~event
        self._wanted[sock] = left
        if left:
            self._epoll.modify(sock, left)
        else:
            self._epoll.unregister(sock)

    def close(self) -> None:
        """Tell of nothing any more. A second call does nothing."""
        if not self._epoll.closed:
            self._loop.remove_reader(self._epoll.fileno())
            self._epoll.close()
