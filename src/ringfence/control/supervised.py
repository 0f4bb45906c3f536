"""A child process that is started again when it ends unasked."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import structlog

FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0  # seconds before a restart; doubles while restarts do not help
HEALTHY = 60.0  # seconds of life after which the next end counts as the first again
STOP_PATIENCE = 5.0  # seconds between asking the child to end and ending it

_log = structlog.get_logger(__name__)


class Supervised:
    """One child process.

    Start it from the main thread: `lifeline.end_with_parent` in the child follows the thread that made it.
    name: for the log. restarts: how often it was started again. pid: of the running child, None between two.
    stop_patience: seconds between asking it to end and ending it.
    """

    stop_patience = STOP_PATIENCE

    def __init__(self, name: str, line: Sequence[str]) -> None:
        self.name = name
        self.restarts = 0
        self._line = list(line)
        self._process: asyncio.subprocess.Process | None = None
        self._watcher: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int | None:
        """The running child's process id."""
        return None if self._process is None else self._process.pid

    async def start(self) -> None:
        """Start the child and watch over it. Raises OSError where it cannot even be started."""
        self._process = await self._launch()
        self._watcher = asyncio.get_running_loop().create_task(self._watch(self._process))

    async def _launch(self) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(*self._line, stdin=asyncio.subprocess.DEVNULL)

    async def _watch(self, process: asyncio.subprocess.Process) -> None:
        loop = asyncio.get_running_loop()
        pause = FIRST_PAUSE
        while True:
            began = loop.time()
            code = await process.wait()
            self._process = None
            self._ended()
            if loop.time() - began >= HEALTHY:
                pause = FIRST_PAUSE
            _log.warning("child process ended", child=self.name, code=code, restart_in=pause)
            process = await self._again(pause)
            pause = min(2 * pause, LONGEST_PAUSE)

    async def _again(self, pause: float) -> asyncio.subprocess.Process:
        while True:
            await asyncio.sleep(pause)
            try:
                self._process = await self._launch()
            except OSError as error:
                _log.warning("child process cannot be started", child=self.name, reason=error.strerror)
                pause = LONGEST_PAUSE
            else:
                self.restarts += 1
                return self._process

    def _ended(self) -> None:
        """Told when the child ended unasked; for who holds more than its process."""

    async def stop(self) -> None:
        """End the child and wait for it; nothing happens where none runs."""
        if self._watcher is not None:
            self._watcher.cancel()
            await asyncio.gather(self._watcher, return_exceptions=True)
            self._watcher = None
        process, self._process = self._process, None
        if process is None or process.returncode is not None:
            return
        process.terminate()
        try:
            async with asyncio.timeout(self.stop_patience):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()
