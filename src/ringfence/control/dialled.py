"""Refusals that subscribers dial, handed over to the process that records them; the SIP process holds no database."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable
from pathlib import Path

import structlog

from ringfence.control.channel import CONNECTIONS, ask
from ringfence.control.errors import ControlError
from ringfence.voice.lines import BUSY, FAILED, Refusal

CHANNEL = "voice.sock"  # in the data directory
_AT_ONCE = CONNECTIONS // 2  # a channel takes no more connections than its bound, and a late one may still be open

_log = structlog.get_logger(__name__)


class DialledRefusals:
    """Asks for one record after another, each under the same deadline and all within a bound.

    shed: those that were not asked for because too many waited. failing: why the last one was not recorded, "" when it
    was.
    """

    def __init__(self, channel: Path, deadline: float, limit: int) -> None:
        """deadline: seconds from the submission. limit: refusals that wait at once."""
        self._channel = channel
        self._deadline = deadline
        self.limit = limit
        self.shed = 0
        self.failing = ""
        self._turn = asyncio.Semaphore(_AT_ONCE)
        self._tasks: set[asyncio.Task[None]] = set()

    def __len__(self) -> int:
        return len(self._tasks)

    def submit(self, ticket: int, refusal: Refusal, deliver: Callable[[int, str], None]) -> None:
        """Have it recorded. `deliver` is called once, later, with an outcome of `voice.lines`."""
        loop = asyncio.get_running_loop()
        if len(self._tasks) >= self.limit:
            self.shed += 1
            loop.call_soon(deliver, ticket, BUSY)
            return
        task = loop.create_task(self._record(ticket, refusal, deliver))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Wait for nobody any more."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _record(self, ticket: int, refusal: Refusal, deliver: Callable[[int, str], None]) -> None:
        outcome = FAILED
        given = {
            "caller": refusal.caller,
            "number": refusal.line.number,
            "scope": refusal.line.scope,
            "trunk": refusal.trunk,
            "at": refusal.at,
        }
        try:
            async with asyncio.timeout(self._deadline), self._turn:
                answer = await ask(self._channel, "refuse", given, self._deadline)
            outcome = str(answer["outcome"])
            self.failing = ""
        except (ControlError, TimeoutError) as error:
            why = str(error) or "it took too long"
            if why != self.failing:
                self.failing = why
                _log.warning("a dialled refusal was not recorded", why=why)
        deliver(ticket, outcome)


def arguments(config: Path) -> list[str]:
    """The command line of the process that records them, for a daemon with this configuration; it ends with it."""
    line = [sys.executable, "-m", "ringfence", "registry", "hear", "--config", str(config)]
    return [*line, "--parent", str(os.getpid())]
