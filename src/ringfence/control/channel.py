"""The way into the SIP process: commands over a Unix socket, one JSON line each way.

A request is `{"command": "ready", "arguments": {}}`, its answer `{"result": …}` or `{"error": "why not"}`. Whoever
may open the socket (mode 0600: the daemon's own user, and root) may command.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import orjson
import structlog

from ringfence.control.errors import ControlError, Refused, Unanswered
from ringfence.errors import RingfenceError

Arguments = dict[str, Any]
Command = Callable[[Arguments], Any | Awaitable[Any]]
"""Gives what orjson can write; raises RingfenceError with the reason to refuse."""

CHANNEL = "control.sock"  # in the data directory
LONGEST_REQUEST = 256 * 1024  # a SIP message to explain, as JSON text, is the longest that anybody asks
LONGEST_ANSWER = 64 * 1024 * 1024  # a snapshot with 100,000 trunks' verdicts stays below
CONNECTIONS = 16
REQUEST_TIMEOUT = 5.0  # seconds for a peer to send its line and to take its answer
LONGEST_PATH = 107  # bytes of sockaddr_un.sun_path

_log = structlog.get_logger(__name__)


class ChannelServer:
    """Serves commands by name inside the SIP process.

    commands: plain functions or coroutines; a slow one holds up its own asker only if it is a coroutine.
    """

    def __init__(self, path: Path, commands: Mapping[str, Command]) -> None:
        self._path = path
        self._commands = dict(commands)
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.Task[None]] = set()

    async def open(self) -> None:
        """Listen. Takes the place of a dead process's socket; raises ControlError where a live one listens."""
        sock = listening(self._path)
        self._server = await asyncio.start_unix_server(self._serve, sock=sock, limit=LONGEST_REQUEST)

    async def close(self) -> None:
        """Listen no more, drop who is connected, remove the socket file."""
        if self._server is None:
            return
        self._server.close()
        for task in list(self._open):
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)
        self._path.unlink(missing_ok=True)
        self._server = None

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        if len(self._open) >= CONNECTIONS:
            writer.close()
            return
        self._open.add(task)
        try:
            async with asyncio.timeout(REQUEST_TIMEOUT):
                line = await reader.readuntil(b"\n")
            answer = await self._answer(line)
            async with asyncio.timeout(REQUEST_TIMEOUT):
                writer.write(answer + b"\n")
                await writer.drain()
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass  # gone, too slow or too long: nobody to tell
        except asyncio.CancelledError:
            pass  # we are closing, and this task is nobody else's
        finally:
            self._open.discard(task)
            writer.close()

    async def _answer(self, line: bytes) -> bytes:
        try:
            request = orjson.loads(line)
            command = self._commands[request["command"]]
            arguments = request.get("arguments") or {}
        except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError):
            return orjson.dumps({"error": "no such command"})
        try:
            result = command(arguments)
            if isinstance(result, Awaitable):
                result = await result
            return orjson.dumps({"result": result}, option=orjson.OPT_NON_STR_KEYS)
        except RingfenceError as error:
            return orjson.dumps({"error": str(error)})
        except Exception:
            # Our own bug in a command must not end the connection without a word, nor the process.
            _log.exception("control command failed", command=request["command"])
            return orjson.dumps({"error": "the command failed; the log says why"})


def listening(path: Path, waiting: int = CONNECTIONS) -> socket.socket:
    """A listening Unix socket at `path` that only its owner may open; `waiting`: who may wait to be let in.

    Raises ControlError.
    """
    if len(os.fsencode(path)) > LONGEST_PATH:
        raise ControlError(f"control socket: its path is over {LONGEST_PATH} bytes; use a shorter data_directory")
    if _alive(path):
        raise ControlError("control socket: another process serves it; is ringfence running already?")
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        if path.is_socket():
            path.unlink()
        # Linux gives the file the mode that the socket has when it is bound: no moment in which others may connect.
        os.fchmod(sock.fileno(), 0o600)
        sock.bind(os.fsencode(path))
        sock.listen(waiting)
        sock.setblocking(False)
    except OSError as error:
        sock.close()
        raise ControlError(f"control socket: {error.strerror}") from error
    return sock


def _alive(path: Path) -> bool:
    """Whether somebody accepts there."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1.0)
        return probe.connect_ex(os.fsencode(path)) == 0


async def ask(path: Path, command: str, arguments: Arguments | None = None, timeout: float = 1.0) -> Any:
    """The SIP process's answer to one command; timeout in seconds for all of it.

    Raises Unanswered (not there, too slow, not understandable) or Refused (with its reason).
    """
    try:
        async with asyncio.timeout(timeout):
            reader, writer = await asyncio.open_unix_connection(path, limit=LONGEST_ANSWER)
            try:
                writer.write(orjson.dumps({"command": command, "arguments": arguments or {}}) + b"\n")
                answer = orjson.loads(await reader.readuntil(b"\n"))
            finally:
                writer.close()
    except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, orjson.JSONDecodeError) as error:
        raise Unanswered("the SIP process does not answer") from error
    if "error" in answer:
        raise Refused(answer["error"])
    return answer.get("result")
