"""The way to a collector that is late, goes away, does not read."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable

import pytest
from tests.support.net import free_port

from ringfence.mirror import collector as room
from ringfence.mirror.collector import Collector

BOUND = 100_000


@pytest.fixture(autouse=True)
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "FIRST_PAUSE", 0.02)


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not true():
            await asyncio.sleep(0.01)


@pytest.fixture
async def running() -> AsyncIterator[Callable[[str], Collector]]:
    tasks = []

    def start(url: str) -> Collector:
        collector = Collector(url, BOUND)
        tasks.append((collector, asyncio.create_task(collector.run())))
        return collector

    yield start
    for collector, task in tasks:
        task.cancel()
        await collector.close()


async def test_udp(running: Callable[[str], Collector]) -> None:
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as homer:
        homer.bind(("::1", 0))
        homer.setblocking(False)
        collector = running(f"udp://[::1]:{homer.getsockname()[1]}")
        collector.send(b"too early")
        await until(lambda: collector._way is not None)
        collector.send(b"HEP3")
        assert await asyncio.get_running_loop().sock_recv(homer, 100) == b"HEP3"
    assert collector.stats() == {"sent": 1, "dropped": 1, "failures": 0}
    for _ in range(4):  # every other one meets the ICMP error of the one before
        collector.send(b"HEP3")
    assert collector.stats()["failures"] >= 1
    assert collector.sent + collector.dropped == 6


async def test_tcp_is_opened_again_and_nobody_waits_for_who_does_not_read(
    running: Callable[[str], Collector],
) -> None:
    port = free_port()
    collector = running(f"tcp://127.0.0.1:{port}")
    await until(lambda: collector.failures >= 2)
    collector.send(b"nobody there")
    assert collector.dropped == 1

    writers: list[asyncio.StreamWriter] = []
    got = bytearray()

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        while data := await reader.read(1000):
            got.extend(data)

    server = await asyncio.start_server(take, "127.0.0.1", port)
    await until(lambda: collector._way is not None)
    collector.send(b"first")
    await until(lambda: bytes(got) == b"first")
    writers[0].close()
    await until(lambda: len(writers) == 2)
    collector.send(b", second")
    await until(lambda: bytes(got) == b"first, second")

    writers[1].transport.pause_reading()  # type: ignore[attr-defined]
    for _ in range(2_000):
        collector.send(b"x" * 10_000)
    assert collector.dropped > 1_000  # 20 MB, and the kernel takes a few of them
    assert isinstance(collector._way, asyncio.Transport)
    assert collector._way.get_write_buffer_size() <= BOUND
    server.close()
    writers[1].close()
