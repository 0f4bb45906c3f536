"""Copies from a process that serves calls, to a real socket, for as long as somebody wants and takes them."""

from __future__ import annotations

import asyncio
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from ringfence.mirror.errors import MirrorError
from ringfence.mirror.frames import Cutter, Message
from ringfence.mirror.source import Source
from ringfence.mirror.tap import Tap
from ringfence.sip.address import Endpoint, Listener

FAR = Endpoint(Listener(0, "udp", "198.51.100.99", 5060), "192.0.2.1", 5062)


class Taker:
    """Who takes copies, and the call path that makes them."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "copies.sock"
        self.source = Source(self.path, 10_000, self._attach)
        self.tap: Tap | None = None
        self.attached: list[bool] = []
        self.got: list[bytes] = []
        self.open: list[asyncio.StreamWriter] = []
        self._server: asyncio.Server | None = None

    def _attach(self, tap: Tap | None) -> None:
        self.tap = tap
        self.attached.append(tap is not None)

    async def listen(self) -> None:
        self._server = await asyncio.start_unix_server(self._serve, self.path)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.open.append(writer)
        cutter = Cutter()
        while data := await reader.read(1000):
            self.got += [frame.data for frame in cutter.feed(data) if isinstance(frame, Message)]
        self.open.remove(writer)
        writer.close()

    async def end(self) -> None:
        if self._server is not None:
            self._server.close()
        for writer in self.open:
            writer.close()

    def message(self, data: bytes) -> None:
        if self.tap is not None:
            self.tap.received([(data, FAR)])


async def until(met: object) -> None:
    async with asyncio.timeout(5):
        while not met():  # type: ignore[operator]
            await asyncio.sleep(0.01)


async def test_copies_are_made_while_they_are_wanted() -> None:
    with TemporaryDirectory(prefix="rf") as name:
        taker = Taker(Path(name))
        taker.message(b"nobody asked")
        await taker.listen()
        await taker.source.copy(1.0)
        taker.message(b"one")
        await until(lambda: taker.got == [b"one"])
        await asyncio.gather(taker.source.copy(0.5), taker.source.copy(0.25))
        assert taker.tap is not None and taker.tap.share == 0.25 and len(taker.open) == 1
        taker.tap.share = 1.0
        taker.message(b"two")
        await asyncio.sleep(0)
        await taker.source.copy(None)  # what was copied before still gets there
        taker.message(b"three")
        await until(lambda: taker.got == [b"one", b"two"] and not taker.open)
        assert taker.attached == [True, False]
        await taker.source.copy(None)
        await taker.source.copy(1.0)
        taker.message(b"four")
        await until(lambda: taker.got[-1] == b"four")
        assert taker.source.stats() == {"copied": 3, "dropped": 0}
        await taker.source.close()
        assert taker.attached == [True, False, True, False]
        await taker.end()


async def test_who_goes_away_is_given_nothing_until_he_is_back() -> None:
    with TemporaryDirectory(prefix="rf") as name:
        taker = Taker(Path(name))
        with pytest.raises(MirrorError, match="not there"):
            await taker.source.copy(1.0)
        await taker.listen()
        await taker.source.copy(1.0)
        await until(lambda: taker.open)
        await taker.end()
        await until(lambda: taker.tap is None)
        with pytest.raises(MirrorError, match="not there"):
            await taker.source.copy(1.0)
        await taker.listen()
        await taker.source.copy(1.0)
        taker.message(b"again")
        await until(lambda: taker.got == [b"again"])
        await taker.source.close()
        await taker.end()
