"""The copying process: a child of the daemon's that gets messages and records by a Unix socket.

What costs time is done here: HEP3 packets, files, other people's slow networks. It says once a second, and after each
command, how it stands: one line of JSON.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import orjson
import structlog

from ringfence.control.lifeline import end_with_parent
from ringfence.mirror import hep
from ringfence.mirror.capture import Address, Captures, Order
from ringfence.mirror.collector import Collector
from ringfence.mirror.events import event_of
from ringfence.mirror.frames import Command, Cutter, Message, Record, call_id_of, chosen
from ringfence.mirror.settings import HepSettings, MirrorSettings
from ringfence.records.schema import DECISION, decode
from ringfence.telemetry.log import configure
from ringfence.telemetry.settings import LoggingSettings

TICK = 1.0  # seconds between two looks at the captures' time, and two words about how it goes
GRACE = 1.0  # seconds that a process told to end goes on reading
CHUNK = 1_048_576  # bytes read at once
MOST_HOPS = 4_096  # far ends whose addresses are kept packed
_log = structlog.get_logger(__name__)


def arguments(socket: Path, settings: MirrorSettings, node: str, logging: LoggingSettings) -> list[str]:
    """The command line that starts this process for a daemon."""
    line = [sys.executable, "-m", "ringfence.mirror", "--socket", str(socket), "--parent", str(os.getpid())]
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


class Copyist:
    """What is made of the frames that come."""

    def __init__(self, settings: MirrorSettings, node: str, writer: asyncio.StreamWriter) -> None:
        self._settings = settings
        self._node = node
        self._writer = writer
        self._captures = Captures([])
        self._exporter: Exporter | None = None
        self._collector: Collector | None = None
        self._beside: set[asyncio.Task[None]] = set()

    async def run(self, reader: asyncio.StreamReader) -> None:
        """Until the daemon closes the link."""
        cutter = Cutter()
        self._spawn(self._beat())
        try:
            while data := await reader.read(CHUNK):
                for frame in cutter.feed(data):
                    self._take(frame)
        finally:
            self._captures.close()
            for task in list(self._beside):
                task.cancel()
            if self._collector is not None:
                await self._collector.close()

    def _spawn(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._beside.add(task)
        task.add_done_callback(self._beside.discard)

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(TICK)
            self._captures.tick()
            self._say()

    def _say(self, **more: Any) -> None:
        told: dict[str, Any] = {"captures": self._captures.plain(), **more}
        if self._exporter is not None:
            told["hep"] = self._exporter.stats()
        self._writer.write(orjson.dumps(told) + b"\n")

    def _take(self, frame: Message | Record | Command) -> None:
        if isinstance(frame, Command):
            self._command(orjson.loads(frame.text))
        elif isinstance(frame, Message):
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
        """`listeners` (first), `start` or `stop`."""
        if "listeners" in said:
            self._begin([(transport, (host, port)) for transport, host, port in said["listeners"]])
        elif "start" in said:
            order = Order(**said["start"])
            try:
                self._captures.start(order)
            except OSError as error:
                self._say(started=order.name, refused=f"{order.file} cannot be made: {error.strerror}")
            else:
                self._say(started=order.name)
        else:
            self._captures.stop(said["stop"])
            self._say()

    def _begin(self, ours: list[tuple[str, Address]]) -> None:
        self._captures = Captures(ours)
        export = self._settings.hep
        if export.collector is not None:
            self._collector = Collector(export.collector, self._settings.buffer_bytes)
            self._spawn(self._collector.run())
            self._exporter = Exporter(export, self._node, ours, self._collector)


async def _work(socket: Path, settings: MirrorSettings, node: str) -> None:
    reader, writer = await asyncio.open_unix_connection(socket, limit=2 * CHUNK)
    working = asyncio.current_task()
    assert working is not None
    loop = asyncio.get_running_loop()
    # The daemon closes the link as well: what it still holds is worked off first.
    loop.add_signal_handler(signal.SIGTERM, lambda: loop.call_later(GRACE, working.cancel))
    try:
        await Copyist(settings, node, writer).run(reader)
    except asyncio.CancelledError:
        pass  # asked to end: the files are closed
    finally:
        writer.close()


def main(argv: Sequence[str] | None = None) -> None:
    """Work until SIGTERM, or until the parent is gone or closes the link."""
    parser = argparse.ArgumentParser(prog="python -m ringfence.mirror", description="copies messages and decisions")
    parser.add_argument("--socket", type=Path, required=True, help="Unix socket of the SIP process")
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
    asyncio.run(_work(given.socket, given.settings, given.node))
