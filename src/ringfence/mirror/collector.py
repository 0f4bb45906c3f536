"""Packets to the collector: by UDP or TCP, behind a bound; what it does not take is lost to it."""

from __future__ import annotations

import asyncio
import socket

import structlog

from ringfence.mirror.settings import read_collector

FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0  # seconds before another try to reach it; doubles while it fails
CONNECT = 5.0  # seconds for a connection
FLUSH = 1.0  # seconds that closing waits for what is not sent yet
RESOLVE_AGAIN = 300.0  # seconds after which a UDP collector's name is looked up again
_log = structlog.get_logger(__name__)


class Collector:
    """One collector.

    bound: bytes that may wait for a TCP connection; UDP has the kernel's buffer.
    sent, dropped: packets. failures: connections, and datagrams that came back by ICMP.
    """

    def __init__(self, url: str, bound: int) -> None:
        self.sent = self.dropped = self.failures = 0
        self._kind, self._host, self._port = read_collector(url)
        self._bound = bound
        self._way: socket.socket | asyncio.Transport | None = None
        self._lost = asyncio.Event()

    async def run(self) -> None:
        """Keep a way to it open until cancelled."""
        pause = FIRST_PAUSE
        while True:
            try:
                if self._kind == "udp":
                    await self._open_udp()
                else:
                    await self._open_tcp()
            except OSError as error:  # a time-out is one too
                self.failures += 1
                if pause == FIRST_PAUSE:
                    _log.warning("the HEP collector cannot be reached", why=str(error) or "no answer")
            else:
                pause = FIRST_PAUSE
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)

    async def _open_udp(self) -> None:
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(self._host, self._port, type=socket.SOCK_DGRAM)
        family, kind, protocol, _, address = found[0]
        before, opened = self._way, socket.socket(family, kind, protocol)
        opened.setblocking(False)
        opened.connect(address)
        self._way = opened
        if isinstance(before, socket.socket):
            before.close()
        await asyncio.sleep(RESOLVE_AGAIN)

    async def _open_tcp(self) -> None:
        loop = asyncio.get_running_loop()
        self._lost.clear()
        async with asyncio.timeout(CONNECT):
            self._way, _ = await loop.create_connection(lambda: _Protocol(self._lost), self._host, self._port)
        await self._lost.wait()
        self._way = None
        self.failures += 1

    def send(self, packet: bytes) -> None:
        """Send it, or count it as dropped."""
        way = self._way
        if isinstance(way, socket.socket):
            try:
                way.send(packet)
            except BlockingIOError:
                self.dropped += 1
            except OSError:  # ICMP says of an earlier one that nobody listens there
                self.failures += 1
                self.dropped += 1
            else:
                self.sent += 1
        elif way is None or way.is_closing() or way.get_write_buffer_size() + len(packet) > self._bound:
            self.dropped += 1
        else:
            way.write(packet)
            self.sent += 1

    async def close(self) -> None:
        """Send what waits, for a moment, then close."""
        way, self._way = self._way, None
        if isinstance(way, socket.socket):
            way.close()
        elif way is not None:
            way.close()
            try:
                async with asyncio.timeout(FLUSH):
                    await self._lost.wait()
            except TimeoutError:
                way.abort()

    def stats(self) -> dict[str, int]:
        """Counters since start."""
        return {"sent": self.sent, "dropped": self.dropped, "failures": self.failures}


class _Protocol(asyncio.Protocol):
    def __init__(self, lost: asyncio.Event) -> None:
        self._lost = lost

    def connection_lost(self, exc: Exception | None) -> None:
        self._lost.set()
