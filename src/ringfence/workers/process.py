"""A worker's process: its command line, made by the front and read here, and its life."""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import socket
import sys
from collections.abc import Iterable, Sequence
from typing import Any

import structlog
import uvloop

from ringfence.calls import Calls, Seat
from ringfence.config.settings import Settings
from ringfence.control.lifeline import end_with_parent
from ringfence.telemetry.log import configure
from ringfence.telemetry.settings import LoggingSettings
from ringfence.transport.far_ends import Address
from ringfence.transport.packs import Outlet
from ringfence.transport.relayed import RelayedStreams
from ringfence.transport.transports import Transports
from ringfence.transport.udp import Inherited
from ringfence.workers.line import Command, serve_line
from ringfence.workers.parcel import unpacked

_log = structlog.get_logger(__name__)


def arguments(
    number: int,
    settings: Settings,
    inherited: Iterable[tuple[int, socket.socket, Outlet]],
    streams: tuple[Outlet, dict[int, int]] | None,
) -> list[str]:
    """The command line that starts worker `number`, without `--line`.

    inherited: UDP sockets and the ways from them, with their listener's key. streams: the way to and from all others,
    and the ports that these are bound to, by listener key.
    """
    line = [sys.executable, "-m", "ringfence.workers", "--seat", str(number), str(settings.workers)]
    line += ["--parent", str(os.getpid())]
    line += ["--log-level", settings.logging.level, "--log-format", settings.logging.format]
    for key, sock, outlet in inherited:
        line += ["--udp", str(key), str(sock.fileno()), str(outlet.inlet.fileno())]
    if streams is not None:
        outlet, ports = streams
        line += ["--streams", str(outlet.inlet.fileno())]
        for key, port in ports.items():
            line += ["--port", str(key), str(port)]
    return line


class Worker:
    """Serves calls as the front says, until it says stop or is gone."""

    def __init__(
        self, seat: Seat, inherited: dict[int, Inherited], streams: RelayedStreams | None, parent: int
    ) -> None:
        self._seat = seat
        self._inherited = inherited
        self._streams = streams
        self._parent = parent
        self._stop = asyncio.Event()
        self._calls: Calls | None = None
        self._transports: Transports

    async def run(self, line: socket.socket) -> int:
        """0 for an end in order, 1 where it could not begin."""
        loop = asyncio.get_running_loop()
        # Ctrl-C reaches the whole group: the front says what is to be done.
        loop.add_signal_handler(signal.SIGINT, lambda: None)
        loop.add_signal_handler(signal.SIGTERM, self._signalled)
        commands: dict[str, Command] = {
            "begin": self._begin,
            "beat": self._beat,
            "adopt": self._adopt,
            "health": self._health,
            "snapshot": self._snapshot,
            "explain": self._explain,
            "copy": self._copy,
            "drain": self._drain,
            "busy": self._busy,
            "returned": self._returned,
            "stop": self._end,
        }
        serving = asyncio.create_task(serve_line(line, commands))
        serving.add_done_callback(lambda _: self._stop.set())
        await self._stop.wait()
        if self._calls is None:
            return 1
        await self._calls.close()
        serving.cancel()
        return 0

    def _signalled(self) -> None:
        """SIGTERM: from the kernel when the front is gone; else whoever sent it wants the front."""
        if os.getppid() != self._parent:
            self._stop.set()

    async def _begin(self, parcel: dict[str, Any]) -> None:
        try:
            bundle = unpacked(parcel)
            self._transports = Transports(list(bundle.settings.listeners), self._inherited, self._streams)
            calls = Calls(self._transports, self._seat)
            try:
                await calls.open(bundle)
            except BaseException:
                await calls.close()
                raise
        except Exception:
            asyncio.get_running_loop().call_soon(self._stop.set)
            raise
        self._calls = calls
        _log.info("worker ready", generation=bundle.generation)

    async def _beat(self, _: None) -> None:
        """The answer is that there is one."""

    @property
    def _serving(self) -> Calls:
        assert self._calls is not None  # the front asks after the beginning
        return self._calls

    async def _adopt(self, parcel: dict[str, Any]) -> None:
        await self._serving.adopt(unpacked(parcel))

    async def _health(self, _: None) -> Any:
        return list(await self._serving.health())

    async def _snapshot(self, node: Any) -> Any:
        return await self._serving.snapshot(node)

    async def _explain(self, asked: dict[str, Any]) -> Any:
        return await self._serving.explain(asked)

    async def _copy(self, share: float | None) -> None:
        await self._serving.copy(share)

    async def _drain(self, _: None) -> None:
        await self._serving.drain()

    async def _busy(self, _: None) -> bool:
        return await self._serving.busy()

    async def _returned(self, message: tuple[int, Address, bytes]) -> None:
        if self._calls is not None:  # nothing was sent before
            self._transports.returned(*message)

    async def _end(self, _: None) -> None:
        self._stop.set()


def main(argv: Sequence[str] | None = None) -> None:
    """Serve until the front says stop or is gone."""
    parser = argparse.ArgumentParser(prog="python -m ringfence.workers", description="serves a share of the calls")
    parser.add_argument("--seat", type=int, nargs=2, required=True, help="which worker this is, and of how many")
    parser.add_argument("--line", type=int, required=True, help="descriptor of the line to the front")
    parser.add_argument("--parent", type=int, required=True, help="process to end with")
    parser.add_argument(
        "--udp", type=int, nargs=3, action="append", default=[], help="listener, its socket's descriptor, its inlet's"
    )
    parser.add_argument("--streams", type=int, help="descriptor of the way to and from TCP and TLS listeners")
    parser.add_argument(
        "--port", type=int, nargs=2, action="append", default=[], help="listener of these, and the port it is bound to"
    )
    parser.add_argument("--log-level", default="info")
    parser.add_argument("--log-format", default="auto")
    given = parser.parse_args(argv)
    end_with_parent(given.parent)
    configure(LoggingSettings(level=given.log_level, format=given.log_format), worker=given.seat[0])
    inherited = {
        key: Inherited(socket.socket(fileno=sock), socket.socket(fileno=inlet)) for key, sock, inlet in given.udp
    }
    for pair in inherited.values():
        for each in pair:
            each.setblocking(False)  # the descriptor is, but Python's object does not know
    streams = None if given.streams is None else RelayedStreams(socket.socket(fileno=given.streams), dict(given.port))
    worker = Worker(Seat(*given.seat), inherited, streams, given.parent)
    raise SystemExit(uvloop.run(worker.run(socket.socket(fileno=given.line))))
