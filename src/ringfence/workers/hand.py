"""One worker as the front sees it: its process, the line to it, and what it is known to do."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Sequence
from typing import Any

import structlog

from ringfence.config.load import Bundle
from ringfence.control.errors import ControlError
from ringfence.control.supervised import Supervised
from ringfence.telemetry.snapshot import Snapshot
from ringfence.workers.line import Line
from ringfence.workers.parcel import packed
from ringfence.workers.pulse import silence_of

BEGIN_PATIENCE = 60.0  # seconds of silence while it takes settings in: millions of ranges are mapped and summed
_log = structlog.get_logger(__name__)


class Hand(Supervised):
    """Worker `number`, from 1 on, of so many.

    line: the command line that starts it, without its end of the line to us. descriptors: what it inherits.
    bundle: what is in force. on_begun: told whenever a process of its serves. on_end: told when one has ended.
    up: it serves calls. generation: of what it judges by. trouble: why it is not as it should be, None: it is.
    hangs: how often it was killed for its silence, and replaced as one that died.
    """

    stop_patience = 35.0  # seconds: as long as a disk may take for the last of its records

    def __init__(
        self,
        number: int,
        workers: int,
        line: Sequence[str],
        descriptors: Sequence[int],
        bundle: Callable[[], Bundle],
        on_begun: Callable[[Hand], None],
        on_end: Callable[[Hand], None],
    ) -> None:
        super().__init__(f"worker-{number}", line)
        self.number = number
        self.up = False
        self.generation = 0
        self.hangs = 0
        self.trouble: str | None = None
        self.last: Snapshot | None = None
        self._workers = workers
        self._descriptors = list(descriptors)
        self._bundle = bundle
        self._on_begun = on_begun
        self._on_end = on_end
        self._draining = False
        self._end = Line(number)
        self._beginning: asyncio.Task[None] | None = None
        self._listening: asyncio.Task[None] | None = None
        self._adopting = False

    async def _launch(self) -> asyncio.subprocess.Process:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        with theirs:
            end = theirs.fileno()
            process = await asyncio.create_subprocess_exec(
                *self._line, "--line", str(end), stdin=asyncio.subprocess.DEVNULL, pass_fds=(*self._descriptors, end)
            )
        self._end = Line(self.number)
        await self._end.open(ours)
        self._beginning = asyncio.create_task(self._begin(self._end))
        self._listening = asyncio.create_task(self._listen(self._end, process))
        return process

    async def _listen(self, line: Line, process: asyncio.subprocess.Process) -> None:
        """Kill it once it hangs: what was started is waited for as for one that died."""
        silent = await silence_of(line, process.pid, self._patience)
        self.hangs += 1
        _log.error("a worker hangs: it is killed, another takes its place", worker=self.number, silent=silent)
        process.kill()

    def _patience(self) -> float:
        deadline = self._bundle().settings.worker_deadline
        return deadline if self.up and not self._adopting else max(deadline, BEGIN_PATIENCE)

    async def _begin(self, line: Line) -> None:
        """Give it what is in force; what became so meanwhile too."""
        try:
            command, bundle = "begin", self._bundle()
            while True:
                await line.ask(command, packed(bundle, self._workers), None)  # its silence ends that
                self.generation = bundle.generation
                if bundle is self._bundle():
                    break
                command, bundle = "adopt", self._bundle()
            if self._draining:
                await line.ask("drain")
        except ControlError as error:
            self.trouble = str(error)
            _log.error("a worker cannot serve", worker=self.number, why=self.trouble)
        else:
            self.up, self.trouble = True, None
            self._on_begun(self)

    async def begun(self) -> str | None:
        """Wait for its start; why it does not serve, None if it does."""
        if self._beginning is not None:
            await self._beginning
        return self.trouble

    def _ended(self) -> None:
        self.up = False
        self._hear_no_more()
        self._end.close()
        self._on_end(self)
        self.last = None

    def _hear_no_more(self) -> None:
        if self._listening is not None:
            self._listening.cancel()

    async def ask(self, command: str, argument: Any = None, timeout: float = 1.0) -> Any:
        """Its answer. Raises Refused, Unanswered."""
        return await self._end.ask(command, argument, timeout)

    def tell(self, command: str, argument: Any = None) -> None:
        """Without waiting for anything."""
        self._end.tell(command, argument)

    async def adopt(self, bundle: Bundle) -> None:
        """Put a generation in force; where it cannot, it keeps the one before, and `trouble` says so."""
        if not self.up:
            return  # `_begin` gives it what is in force by then
        self._adopting = True
        try:
            await self.ask("adopt", packed(bundle, self._workers), BEGIN_PATIENCE)
        except ControlError as error:
            self.trouble = f"keeps settings of generation {self.generation}: {error}"
            _log.error("a worker keeps its settings", worker=self.number, generation=self.generation, why=str(error))
        else:
            self.generation, self.trouble = bundle.generation, None
        finally:
            self._adopting = False

    async def drain(self) -> None:
        """Have it take no new calls, nor any process that takes its place. Raises ControlError."""
        self._draining = True
        if self.up:
            await self.ask("drain")

    async def stop(self) -> None:
        """Have it end in order, and wait for that."""
        if self._beginning is not None:
            self._beginning.cancel()
        self._hear_no_more()
        self.up = False
        self.tell("stop")
        await super().stop()
        self._end.close()
