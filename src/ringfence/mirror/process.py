"""The copying process: a child of the daemon's that gets messages and records by a Unix socket.

What costs time is done here: HEP3 packets, files, other people's slow networks. Whoever serves calls connects to this
process and hands on copies. The daemon commands by a socket of its own, a line of JSON each; a line after each command,
and once a second, tells it how things stand.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import socket as socket_
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import orjson
import structlog

from ringfence.control.channel import listening
from ringfence.control.errors import ControlError
from ringfence.control.lifeline import end_with_parent
from ringfence.mirror import hep
from ringfence.mirror.capture import Address, Captures, Order
from ringfence.mirror.collector import Collector
from ringfence.mirror.events import event_of
from ringfence.mirror.frames import Cutter, Message, Record, call_id_of, chosen
from ringfence.mirror.settings import HepSettings, MirrorSettings
from ringfence.records.schema import DECISION, decode
from ringfence.telemetry.log import configure
from ringfence.telemetry.settings import LoggingSettings

TICK = 1.0  # seconds between two looks at the captures' time, and two words about how it goes
GRACE = 1.0  # seconds that a process told to end goes on reading
SETTLE = 0.1  # seconds in which what was copied before a capture's stop comes by the other sockets
LONGEST_LINE = 1_048_576  # bytes of a command
SOURCES = 128  # that may wait to be let in: more than workers there can be
MOST_HOPS = 4_096  # far ends whose addresses are kept packed
_log = structlog.get_logger(__name__)


def arguments(socket: Path, copies: Path, settings: MirrorSettings, node: str, logging: LoggingSettings) -> list[str]:
    """The command line that starts this process for a daemon. socket: the daemon's. copies: one that is made here."""
    line = [sys.executable, "-m", "ringfence.mirror", "--socket", str(socket), "--copies", str(copies)]
    line += ["--parent", str(os.getpid())]
    line += ["--settings", settings.model_dump_json(), "--node", node]
    line += ["--log-level", logging.level, "--log-format", logging.format]
    return line


class Exporter:
    """Messages and decisions of the chosen calls to the collector."""

    def __init__(self, settings: HepSettings, node: str, ours: list[tuple[str, Address]], collector: Collector) -> None:
        self.events = settings.events
        self.oversized = 0
        self._share = settings.share
        self._node = node
        self._ours = ours
        self._packer = hep.Packer(settings.capture_id, node)
        self._collector = collector
        self._hops: dict[tuple[int, str, int, bool], hep.Hop] = {}
        self._here = hep.Hop(ours[0][0], ours[0][1], ours[0][1])  # an event happens at a place, not between two

    def message(self, message: Message, call: bytes) -> None:
        """A message went by."""
        if call and chosen(call, self._share):
            self._send(hep.SIP, self._hop(message), message.wall, call, message.data)

    def decided(self, record: Record, fields: dict[str, str], call: bytes) -> None:
        """Something was put on record."""
        if self.events and chosen(call, self._share):
            event = event_of(record.sequence, fields, self._node)
            if event is not None:
                self._send(hep.LOG, self._here, int(fields["at"]), call, event)

    def _send(self, kind: int, hop: hep.Hop, wall: int, call: bytes, payload: bytes) -> None:
        packet = self._packer.pack(kind, hop, wall, call, payload)
        if packet is None:
            self.oversized += 1
        else:
            self._collector.send(packet)

    def _hop(self, message: Message) -> hep.Hop:
        key = (message.listener, message.host, message.port, message.sent)
        hop = self._hops.get(key)
        if hop is None:
            if len(self._hops) >= MOST_HOPS:
                self._hops.clear()
            transport, ours = self._ours[message.listener]
            theirs = (message.host, message.port)
            hop = hep.Hop(transport, *((ours, theirs) if message.sent else (theirs, ours)))
            self._hops[key] = hop
        return hop

    def stats(self) -> dict[str, Any]:
        """Counters since start."""
        return {**self._collector.stats(), "oversized": self.oversized}


class _Inlet(asyncio.Protocol):
    """The frames of one process. What came is worked off as it is read: a command finds nothing waiting."""

    def __init__(self, take: Callable[[Message | Record], None], inlets: set[_Inlet]) -> None:
        self._take = take
        self._inlets = inlets
        self._cutter = Cutter()
        self._transport: asyncio.BaseTransport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._inlets.add(self)

    def data_received(self, data: bytes) -> None:
        try:
            for frame in self._cutter.feed(data):
                self._take(frame)
        except ValueError:
            self._transport.close()  # it is nobody of ours

    def connection_lost(self, error: Exception | None) -> None:
        self._inlets.discard(self)


class Copyist:
    """What is made of the frames that come. copies: the listening socket that they come by."""

    def __init__(
        self, settings: MirrorSettings, node: str, writer: asyncio.StreamWriter, copies: socket_.socket
    ) -> None:
        self._copies = copies
        self._inlets: set[_Inlet] = set()
        self._settings = settings
        self._node = node
        self._writer = writer
        self._captures = Captures([])
        self._exporter: Exporter | None = None
        self._collector: Collector | None = None
        self._beside: set[asyncio.Task[None]] = set()

    async def run(self, reader: asyncio.StreamReader) -> None:
        """Until the daemon closes its socket, and all have closed theirs or GRACE is over."""
        server: asyncio.Server | None = None
        try:
            if line := await reader.readline():
                self._begin(orjson.loads(line))
                server = await asyncio.get_running_loop().create_unix_server(self._inlet, sock=self._copies)
                self._spawn(self._beat())
            while line := await reader.readline():
                self._command(orjson.loads(line))
            await self._rest()
        finally:
            if server is not None:
                server.close()
            self._captures.close()
            for task in list(self._beside):
                task.cancel()
            if self._collector is not None:
                await self._collector.close()

    def _inlet(self) -> _Inlet:
        return _Inlet(self._take, self._inlets)

    async def _rest(self) -> None:
        until = asyncio.get_running_loop().time() + GRACE
        while self._inlets and asyncio.get_running_loop().time() < until:
            await asyncio.sleep(GRACE / 100)

    def _spawn(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._beside.add(task)
        task.add_done_callback(self._beside.discard)

    async def _beat(self) -> None:
        while True:
            self._captures.tick()
            self._say()
            await asyncio.sleep(TICK)

    def _say(self, **more: Any) -> None:
        told: dict[str, Any] = {"captures": self._captures.plain(), **more}
        if self._exporter is not None:
            told["hep"] = self._exporter.stats()
        self._writer.write(orjson.dumps(told) + b"\n")

    def _take(self, frame: Message | Record) -> None:
        if isinstance(frame, Message):
            call = call_id_of(frame.data)
            self._captures.message(frame, call)
            if self._exporter is not None:
                self._exporter.message(frame, call)
        else:
            fields = decode(frame.body)
            call = fields.get("call_id", "").encode("utf-8", "surrogateescape")
            if fields["kind"] == DECISION:
                self._captures.decided(fields, call)
            if self._exporter is not None and call:
                self._exporter.decided(frame, fields, call)

    def _command(self, said: dict[str, Any]) -> None:
        """`start` or `stop`."""
        if "start" in said:
            order = Order(**said["start"])
            try:
                self._captures.start(order)
            except OSError as error:
                self._say(started=order.name, refused=f"{order.file} cannot be made: {error.strerror}")
            else:
                self._say(started=order.name)
        else:
            self._spawn(self._stop(said["stop"]))

    async def _stop(self, name: str) -> None:
        await asyncio.sleep(SETTLE)
        self._captures.stop(name)
        self._say()

    def _begin(self, said: dict[str, Any]) -> None:
        """The first command: `listeners`."""
        ours = [(transport, (host, port)) for transport, host, port in said["listeners"]]
        self._captures = Captures(ours)
        export = self._settings.hep
        if export.collector is not None:
            self._collector = Collector(export.collector, self._settings.buffer_bytes)
            self._spawn(self._collector.run())
            self._exporter = Exporter(export, self._node, ours, self._collector)


async def _work(socket: Path, copies: Path, settings: MirrorSettings, node: str) -> None:
    theirs = listening(copies, SOURCES)
    reader, writer = await asyncio.open_unix_connection(socket, limit=LONGEST_LINE)
    working = asyncio.current_task()
    assert working is not None
    loop = asyncio.get_running_loop()
    # The daemon closes the link as well: what it still holds is worked off first.
    loop.add_signal_handler(signal.SIGTERM, lambda: loop.call_later(GRACE, working.cancel))
    try:
        await Copyist(settings, node, writer, theirs).run(reader)
    except asyncio.CancelledError:
        pass  # asked to end: the files are closed
    finally:
        writer.close()
        theirs.close()
        copies.unlink(missing_ok=True)


def main(argv: Sequence[str] | None = None) -> None:
    """Work until SIGTERM, or until the parent is gone or closes the link."""
    parser = argparse.ArgumentParser(prog="python -m ringfence.mirror", description="copies messages and decisions")
    parser.add_argument("--socket", type=Path, required=True, help="Unix socket of the daemon")
    parser.add_argument("--copies", type=Path, required=True, help="Unix socket to make, for who serves calls")
    parser.add_argument("--parent", type=int, help="process to end with")
    parser.add_argument("--settings", type=MirrorSettings.model_validate_json, required=True, help="as JSON")
    parser.add_argument("--node", required=True)
    parser.add_argument("--log-level", default="info")
    parser.add_argument("--log-format", default="auto")
    given = parser.parse_args(argv)
    if given.parent is not None:
        end_with_parent(given.parent)
        os.nice(10)  # calls first
    configure(LoggingSettings(level=given.log_level, format=given.log_format))
    try:
        asyncio.run(_work(given.socket, given.copies, given.settings, given.node))
    except (ControlError, OSError) as error:
        _log.error("copies cannot be made", why=str(error))
        raise SystemExit(1) from error
