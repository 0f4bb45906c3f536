"""A daemon that copies messages, a collector that keeps what it gets, and the command line."""

from __future__ import annotations

import asyncio
import io
import json
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tests.mirror.hep_reader import Packet, read
from tests.support.house import House

from ringfence.cli import main
from ringfence.registry.actors import Actor
from ringfence.registry.chain import Entry
from ringfence.registry.opening import open_registry
from ringfence.registry.settings import RegistrySettings

BANK, BANK_NUMBER, CALLEE, OTHER = 5071, "+861000000101", "+861000005001", "+861000005002"
CALL_CENTRE, CENTRE_NUMBER = 5072, "+862100000001"


class Homer:
    """A collector that keeps what it gets."""

    def __init__(self) -> None:
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_000_000)
        self.sock.bind(("127.0.0.1", 0))
        self.sock.setblocking(False)
        self.packets: list[Packet] = []

    def take(self) -> list[Packet]:
        try:
            while True:
                self.packets.append(read(self.sock.recv(65_535)))
        except BlockingIOError:
            return self.packets

    def over(self, call_id: str) -> bool:
        """Whether all of an answered call is here: its end is written last, up to 20 ms after the rest."""
        return sum(packet.kind == 100 for packet in self.of(call_id)) == 3

    def of(self, call_id: str) -> list[Packet]:
        return [packet for packet in self.take() if packet.correlation == call_id.encode()]


@asynccontextmanager
async def house(change: Callable[[str], str] = lambda text: text) -> AsyncIterator[House]:
    with TemporaryDirectory(prefix="rf") as name:
        async with House(Path(name), change) as running:
            yield running


def exporting(homer: Homer, share: str = "1.0") -> Callable[[str], str]:
    url = f"collector: udp://127.0.0.1:{homer.sock.getsockname()[1]}"

    def change(text: str) -> str:
        text = text.replace("#collector: udp://homer.example.net:9060", url)
        return text.replace("share: 1.0 ", f"share: {share} ").replace("capture_id: 1 ", "capture_id: 2001 ")

    return change


def run(house: House, *arguments: str) -> tuple[int, str]:
    """The command line in a thread of this process, which a second's start of Python is spared."""
    said = io.StringIO()
    with redirect_stdout(said), redirect_stderr(said):
        code = main([*arguments, "--config", str(house.config)])
    return code, said.getvalue()


async def ringfence(house: House, *arguments: str) -> str:
    code, said = await asyncio.to_thread(run, house, *arguments)
    assert code == 0, said
    return said


async def captures(house: House) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(await ringfence(house, "capture", "list", "--json"))
    return found


async def trail(house: House) -> list[Entry]:
    """The audit trail's entries about captures."""
    data = house.folder / "data"
    async with await open_registry(RegistrySettings(), data) as registry:
        entries = [entry for entry, _ in await registry.trail(Actor("test", "auditor", "test"))]
    return [entry for entry in entries if entry.action.startswith("capture")]


def copyist(house: House) -> int:
    """The copying process's id, 0 where there is none."""
    for pid in house.process.pids()[1:]:
        if b"ringfence.mirror" in Path(f"/proc/{pid}/cmdline").read_bytes():
            return pid
    return 0


async def ready_to_export(house: House) -> None:
    """Wait until the copying process has told of its collector."""
    await house.until(lambda: "ringfence_hep_sent_total" in house.get("/metrics")[1], 30)
