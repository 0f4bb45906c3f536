"""The daemon's side of the copies: starts and ends the copying process, says what is copied, asks for captures."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from typing import Any

import orjson
import structlog
from pydantic import Field, ValidationError, model_validator

from ringfence.control.channel import listening
from ringfence.control.supervised import Supervised
from ringfence.mirror.errors import MirrorError
from ringfence.mirror.expiry import forget_old
from ringfence.mirror.process import arguments
from ringfence.mirror.settings import MirrorSettings
from ringfence.settings_types import Frozen
from ringfence.telemetry.settings import LoggingSettings

SOCKET = "mirror.sock"  # in the data directory
COPIES = "copies.sock"  # there too: where the copying process takes copies
PATIENCE = 10.0  # seconds for the copying process to be there, and to answer
CLEAN = 3600.0  # seconds between two looks for captures that are over their time
IDLE = 5.0  # seconds that it stays after the last capture, where nothing is exported
MOST_LISTED = 100  # captures remembered
LONGEST_LINE = 1_048_576
_log = structlog.get_logger(__name__)

Ours = list[tuple[str, str, int]]
"""(transport, host, port) of each listener, by its key; hosts numeric, of the IP version that the listener speaks."""


class Asked(Frozen):
    """A capture as it is asked for. seconds: how long. who, why: for the list."""

    trunk: str = ""
    number: str = ""
    seconds: float = Field(gt=0)
    who: str = Field(max_length=128)
    why: str = Field(default="", max_length=1000)

    @model_validator(mode="after")
    def _of_one(self) -> Asked:
        if bool(self.trunk) == bool(self.number):
            raise ValueError("a capture is of a trunk or of a number")
        return self


class Mirror:
    """Copies are made while something is exported or captured; else there is no process, and no Tap.

    copy: tells who serves calls which share of them is to be copied, None: nothing, see `Source.copy`.
    recorded: whether decisions come, from which alone the numbers of a call are known.
    """

    def __init__(
        self,
        settings: MirrorSettings,
        data_directory: Path,
        node: str,
        logging: LoggingSettings,
        ours: Ours,
        copy: Callable[[float | None], Awaitable[None]],
        recorded: bool,
    ) -> None:
        self._settings = settings
        self._socket = data_directory / SOCKET
        self._folder = (settings.capture.folder or data_directory / "captures").absolute()
        copies = data_directory.absolute() / COPIES
        self._child = Supervised("mirror", arguments(self._socket.absolute(), copies, settings, node, logging))
        self._ours = ours
        self._copy = copy
        self._recorded = recorded
        self._changing = asyncio.Lock()
        self._writer: asyncio.StreamWriter | None = None
        self._server: asyncio.Server | None = None
        self._copied: float | None = None
        self._telling = asyncio.Lock()
        self._there = asyncio.Event()
        self._running = False
        self._captures: dict[str, dict[str, Any]] = {}
        self._answers: dict[str, asyncio.Future[str]] = {}
        self._hep: dict[str, int] = {}
        self._idle: asyncio.TimerHandle | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def open(self) -> None:
        """Begin, where something is exported always. Raises ControlError where the socket cannot be made."""
        self._server = await asyncio.start_unix_server(self._serve, sock=listening(self._socket), limit=LONGEST_LINE)
        self._spawn(self._clean())
        if self._settings.hep.collector is not None:
            await self._run()

    async def _clean(self) -> None:
        while True:
            await asyncio.to_thread(forget_old, self._folder, self._settings.capture.keep, time.time())
            await asyncio.sleep(CLEAN)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _run(self) -> None:
        async with self._changing:
            if self._idle is not None:
                self._idle.cancel()
                self._idle = None
            if not self._running:
                await self._child.start()  # it connects later: nobody but this loop lets it in
                self._running = True

    async def close(self) -> None:
        """End the process, which closes its files."""
        if self._server is None:
            return
        if self._idle is not None:
            self._idle.cancel()
        await self._end()
        self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._socket.unlink(missing_ok=True)

    async def _end(self) -> None:
        async with self._changing:
            running, self._running = self._running, False
            writer, self._writer = self._writer, None
            self._there.clear()
            await self._tell()  # what was copied still goes there, and is worked off before it ends
            if writer is not None:
                writer.close()
            if running:
                await self._child.stop()

    # -- the link ---------------------------------------------------------------------------------------------

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        if self._writer is not None or not self._running:
            writer.close()
            return
        self._tasks.add(task)
        self._writer = writer
        try:
            self._say({"listeners": self._ours})
            while line := await reader.readline():
                if self._writer is writer and not self._there.is_set():
                    self._there.set()  # its first word is that copies may come
                    await self._tell()
                self._told(orjson.loads(line))
                await self._tell()
        except (OSError, ValueError):
            pass  # it went in the middle of a line
        except asyncio.CancelledError:
            pass  # we are closing, and this task is nobody else's
        finally:
            self._tasks.discard(task)
            writer.close()
            if self._writer is writer:
                self._there.clear()
                self._writer = self._copied = None  # who made copies knows by the end of its own socket
            for capture in self._captures.values():
                if capture["state"] == "running":
                    capture["state"] = "failed: the copying process ended"

    async def _tell(self) -> None:
        """Have as much copied as is wanted by now."""
        async with self._telling:
            share = self._share()
            if share == self._copied:
                return
            try:
                await self._copy(share)
            except MirrorError:
                return  # it has just gone, as we shall hear
            self._copied = share

    def _share(self) -> float | None:
        """Of calls that are copied: a capture must see every one."""
        if not self._there.is_set():
            return None
        if self.capturing:
            return 1.0
        return None if self._settings.hep.collector is None else self._settings.hep.share

    def _told(self, said: dict[str, Any]) -> None:
        self._hep = said.get("hep", self._hep)
        for name, how in said["captures"].items():
            if name in self._captures:
                self._captures[name] |= how
        name = said.get("started")
        if name in self._answers:
            self._answers.pop(name).set_result(said.get("refused", ""))
        if self._settings.hep.collector is None and self._running and not self.capturing and self._idle is None:
            self._idle = asyncio.get_running_loop().call_later(IDLE, self._leave)

    def _leave(self) -> None:
        self._idle = None
        if not self.capturing:
            self._spawn(self._end())

    # -- captures ---------------------------------------------------------------------------------------------

    @property
    def capturing(self) -> int:
        """Captures that run."""
        return sum(capture["state"] == "running" for capture in self._captures.values())

    async def start_capture(self, asked: dict[str, Any]) -> dict[str, Any]:
        """Begin a capture; it as it is listed. Raises MirrorError."""
        try:
            wanted = Asked.model_validate(asked)
        except ValidationError as error:
            raise MirrorError(f"no capture: {error.errors(include_url=False)[0]['msg']}") from None
        if wanted.number and not self._recorded:
            raise MirrorError("whose numbers a call is about is known by its record, and records.enabled is false")
        limits = self._settings.capture
        if wanted.seconds > limits.longest:
            raise MirrorError(f"a capture runs for {limits.longest:g} s at most (mirror.capture.longest)")
        if self.capturing >= limits.at_once:
            raise MirrorError(f"{limits.at_once} captures run already (mirror.capture.at_once)")
        name = f"{time.strftime('%Y%m%d-%H%M%S')}-{secrets.token_hex(2)}"
        file = self._folder / f"{name}.pcapng"
        self._captures[name] = {
            "capture": name,
            "state": "running",
            "file": str(file),
            "trunk": wanted.trunk,
            "number": wanted.number,
            "until": time.time() + wanted.seconds,
            "who": wanted.who,
            "why": wanted.why,
            "messages": 0,
            "bytes": 0,
        }
        refused = await self._begin(name, wanted, str(file))
        if refused:
            self._captures.pop(name, None)
            raise MirrorError(refused)
        _log.info("capture started", capture=name, trunk=wanted.trunk, who=wanted.who)
        self._forget()
        return self._captures[name]

    async def _begin(self, name: str, wanted: Asked, file: str) -> str:
        order = {
            "name": name, "trunk": wanted.trunk, "number": wanted.number, "seconds": wanted.seconds,
            "most": self._settings.capture.max_bytes, "file": file,
        }  # fmt: skip
        answer: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._answers[name] = answer
        try:
            async with asyncio.timeout(PATIENCE):
                await self._run()
                await self._there.wait()
                await self._tell()
                self._say({"start": order})
                return await answer
        except (TimeoutError, OSError):
            return "the copying process does not answer"
        finally:
            self._answers.pop(name, None)

    def _say(self, what: dict[str, Any]) -> None:
        if self._writer is not None:
            self._writer.write(orjson.dumps(what) + b"\n")

    def list_captures(self) -> list[dict[str, Any]]:
        """All that are remembered, oldest first."""
        return list(self._captures.values())

    def stop_capture(self, name: str) -> dict[str, Any]:
        """End one before its time. Raises MirrorError where there is none."""
        capture = self._captures.get(name)
        if capture is None:
            raise MirrorError(f"there is no capture {name!r}")
        if capture["state"] == "running":
            self._say({"stop": name})
        return capture

    def _forget(self) -> None:
        over = [name for name, capture in self._captures.items() if capture["state"] != "running"]
        for name in over[: max(0, len(self._captures) - MOST_LISTED)]:
            del self._captures[name]

    # -- figures ----------------------------------------------------------------------------------------------

    @property
    def restarts(self) -> int:
        """How often the copying process was started again."""
        return self._child.restarts

    def stats(self) -> dict[str, Any]:
        """What became of the copies: counters since start and gauges of now."""
        return {
            "captures": self.capturing,
            **{f"hep_{name}": value for name, value in self._hep.items()},
        }
