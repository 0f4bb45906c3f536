"""Searches of the records, each in a process of its own kind: however long one takes, HTTP goes on.

A thread would not do: a search holds Python's lock while it walks through a segment, and cannot be ended.
"""

from __future__ import annotations

import asyncio
import sys
from typing import Any

import orjson

from ringfence.control.errors import ControlError, Refused, Unanswered
from ringfence.control.settings import TracePlace

LONGEST_ANSWER = 32 * 1024 * 1024  # bytes: 1,000 whole stories stay below


class Busy(ControlError):
    """As many searches wait as may."""


class TooSlow(ControlError):
    """The search did not end within its deadline, and was ended."""


class Readers:
    """A few reading processes, started when they are first needed; a question waits for one that is free."""

    def __init__(self, place: TracePlace) -> None:
        self._line = [sys.executable, "-m", "ringfence.warehouse.reader", "--records", place.records.model_dump_json()]
        self._line += ["--data-directory", str(place.data_directory)]
        self._settings = place.trace.look
        self._free = asyncio.Semaphore(self._settings.processes)
        self._idle: list[asyncio.subprocess.Process] = []
        self.at_work = 0  # questions that are asked or wait
        self.ended = 0  # searches that took too long

    @property
    def limit(self) -> int:
        """The bound of `at_work`."""
        return self._settings.processes + self._settings.waiting

    async def ask(self, question: dict[str, Any]) -> Any:
        """The answer to one question of `warehouse.reader`. Raises Busy, TooSlow, Unanswered, Refused."""
        if self.at_work >= self.limit:
            raise Busy("too many searches wait already")
        self.at_work += 1
        try:
            async with asyncio.timeout(self._settings.deadline):
                async with self._free:
                    said = await self._asked(orjson.dumps(question) + b"\n")
        except TimeoutError:
            self.ended += 1
            raise TooSlow(f"the search took longer than {self._settings.deadline:g} s: ask for less") from None
        finally:
            self.at_work -= 1
        if "error" in said:
            raise Refused(said["error"])
        return said["result"]

    async def close(self) -> None:
        """End the processes."""
        for process in self._idle:
            await _end(process)
        self._idle.clear()

    async def _asked(self, line: bytes) -> dict[str, Any]:
        process = self._idle.pop() if self._idle else await self._start()
        if process.returncode is not None:  # it ended while it had nothing to do
            process = await self._start()
        assert process.stdin is not None and process.stdout is not None
        try:
            process.stdin.write(line)
            await process.stdin.drain()
            said = await process.stdout.readuntil(b"\n")
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            await _end(process)
            raise Unanswered("the search ended without an answer; the log may say why") from None
        except BaseException:
            await _end(process)
            raise
        self._idle.append(process)
        answer: dict[str, Any] = orjson.loads(said)
        return answer

    async def _start(self) -> asyncio.subprocess.Process:
        pipe = asyncio.subprocess.PIPE
        try:
            return await asyncio.create_subprocess_exec(*self._line, stdin=pipe, stdout=pipe, limit=LONGEST_ANSWER)
        except OSError as error:
            raise Unanswered(f"a search cannot be started: {error.strerror}") from None


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        process.kill()
    await process.wait()
