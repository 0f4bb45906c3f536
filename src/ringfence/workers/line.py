"""The line between the front and one worker: commands one way, answers the other, over a pair of stream sockets.

A frame is its length (4 bytes) and, from the front, a pickled `(number, command, argument)`, from the worker
`[number, result, why not]` in JSON. A command of number 0 wants no answer. The line ends with either process.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import orjson
import structlog

from ringfence.control.errors import Refused, Unanswered
from ringfence.errors import RingfenceError
from ringfence.workers.parcel import dumped, loaded

_LENGTH = struct.Struct("=I")
MOST_UNREAD = (
    16 * 1024 * 1024
)  # bytes that may wait for a worker; what wants no answer is dropped beyond a part of them
_log = structlog.get_logger(__name__)

Command = Callable[[Any], Awaitable[Any]]
"""Gives what orjson can write; raises RingfenceError with the reason to refuse."""


class Line:
    """The front's end."""

    def __init__(self, worker: int) -> None:
        self._worker = worker
        self._number = 0
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self._writer: asyncio.StreamWriter | None = None
        self._reading: asyncio.Task[None] | None = None

    async def open(self, sock: socket.socket) -> None:
        """Begin; the other end is for the worker."""
        reader, self._writer = await asyncio.open_unix_connection(sock=sock)
        self._reading = asyncio.create_task(self._read(reader))

    async def ask(self, command: str, argument: Any = None, timeout: float | None = 1.0) -> Any:
        """The worker's answer. Raises Refused with its reason, Unanswered when none came in time (s; None: ever)."""
        self._number += 1
        number = self._number
        answer = self._waiting[number] = asyncio.get_running_loop().create_future()
        try:
            self._write(number, command, argument, MOST_UNREAD)
            async with asyncio.timeout(timeout):
                return await answer
        except TimeoutError:
            raise Unanswered(f"worker {self._worker} does not answer") from None
        finally:
            self._waiting.pop(number, None)

    def tell(self, command: str, argument: Any = None) -> None:
        """A command without an answer; dropped where the worker is gone or has stopped reading."""
        try:
            self._write(0, command, argument, MOST_UNREAD // 4)
        except Unanswered:
            pass

    def _write(self, number: int, command: str, argument: Any, most: int) -> None:
        writer = self._writer
        if writer is None or writer.is_closing() or writer.transport.get_write_buffer_size() > most:
            raise Unanswered(f"worker {self._worker} does not answer")
        frame = dumped((number, command, argument))
        writer.write(_LENGTH.pack(len(frame)) + frame)

    async def _read(self, reader: asyncio.StreamReader) -> None:
        try:
            while True:
                (size,) = _LENGTH.unpack(await reader.readexactly(_LENGTH.size))
                number, result, why = orjson.loads(await reader.readexactly(size))
                answer = self._waiting.get(number)
                if answer is not None and not answer.done():
                    if why is None:
                        answer.set_result(result)
                    else:
                        answer.set_exception(Refused(why))
        except (OSError, asyncio.IncompleteReadError):
            pass  # the worker is gone
        finally:
            self.close()

    def close(self) -> None:
        """Who waits for an answer hears that there is none."""
        if self._reading is not None:
            self._reading.cancel()
        if self._writer is not None:
            self._writer.close()
            self._writer = None
        for answer in self._waiting.values():
            if not answer.done():
                answer.set_exception(Unanswered(f"worker {self._worker} is gone"))


async def serve_line(sock: socket.socket, commands: Mapping[str, Command]) -> None:
    """The worker's end: answer until the front is gone. Commands do not wait for one another."""
    reader, writer = await asyncio.open_unix_connection(sock=sock)
    tasks: set[asyncio.Task[None]] = set()
    try:
        while True:
            (size,) = _LENGTH.unpack(await reader.readexactly(_LENGTH.size))
            number, command, argument = loaded(await reader.readexactly(size))
            task = asyncio.create_task(_answer(writer, number, commands[command], argument))
            tasks.add(task)
            task.add_done_callback(tasks.discard)
    except (OSError, asyncio.IncompleteReadError):
        pass
    finally:
        writer.close()


async def _answer(writer: asyncio.StreamWriter, number: int, command: Command, argument: Any) -> None:
    try:
        frame = _answered(number, await command(argument), None)
    except RingfenceError as error:
        frame = _answered(number, None, str(error))
    except Exception:
        # Our own bug in a command must not leave the front without an answer, nor end the worker.
        _log.exception("a command of the front failed")
        frame = _answered(number, None, "the command failed; the log says why")
    if number:
        writer.write(_LENGTH.pack(len(frame)) + frame)


def _answered(number: int, result: Any, why: str | None) -> bytes:
    return orjson.dumps([number, result, why], option=orjson.OPT_NON_STR_KEYS)
