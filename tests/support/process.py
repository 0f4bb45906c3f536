"""Programs that tests and benchmarks start: they die with us, log to a file, and are stopped by their own pid only."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)


class Died(Exception):
    """A program ended, or did not get ready, with the end of its log in the text."""


class Process:
    """One running program and what it wrote.

    core: the one CPU it and its children may run on, None for any.
    stdin: whether `Process.popen.stdin` is a pipe (otherwise it reads nothing).
    stdout: the path that gets standard output apart from the log, None for both in the log.
    """

    def __init__(
        self,
        command: Sequence[str | Path],
        log: Path,
        *,
        core: int | None = None,
        cwd: Path | None = None,
        environment: Mapping[str, str] | None = None,
        stdout: Path | None = None,
        stdin: bool = False,
    ) -> None:
        def in_child() -> None:
            # A killed test run leaves nobody behind: the kernel tells the child when its parent goes.
            _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
            if core is not None:
                os.sched_setaffinity(0, {core})

        self.log = log
        self.name = Path(command[0]).name
        with log.open("ab") as errors, (stdout or log).open("ab") as output:
            self.popen = subprocess.Popen(
                [str(part) for part in command],
                stdin=subprocess.PIPE if stdin else subprocess.DEVNULL,
                stdout=output,
                stderr=errors,
                cwd=cwd,
                env=None if environment is None else {**os.environ, **environment},
                preexec_fn=in_child,
            )

    @property
    def pid(self) -> int:
        return self.popen.pid

    def pids(self) -> list[int]:
        """Its pid and those of all its descendants, as of now."""
        found = [self.pid]
        for pid in found:
            for children in Path(f"/proc/{pid}/task").glob("*/children"):
                try:
                    found += [int(child) for child in children.read_text().split()]
                except FileNotFoundError:
                    continue
        return found

    def wait_ready(self, ready: Callable[[], bool], seconds: float = 15.0) -> None:
        """Ask `ready` until it says yes. Raises Died when the program ends first or time runs out."""
        deadline = time.monotonic() + seconds
        while not ready():
            if self.popen.poll() is not None:
                raise Died(f"{self.name} ended with {self.popen.returncode}:\n{self.tail()}")
            if time.monotonic() > deadline:
                raise Died(f"{self.name} is not ready after {seconds:.0f} s:\n{self.tail()}")
            time.sleep(0.02)

    def wait(self, seconds: float) -> int:
        """Its exit status. Raises Died, after killing it, when it has not ended in time."""
        try:
            return self.popen.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            raise Died(f"{self.name} had not ended after {seconds:.0f} s:\n{self.tail()}") from None

    def stop(self, seconds: float = 10.0) -> int:
        """SIGTERM, then its exit status. Raises Died when it had to be killed or a descendant outlives it."""
        family = self.pids()
        if self.popen.poll() is None:
            self.popen.terminate()
        status = self.wait(seconds)
        left = [pid for pid in family[1:] if _outlives(pid)]
        if left:
            for pid in left:
                os.kill(pid, signal.SIGKILL)
            raise Died(f"{self.name} left {len(left)} process(es) behind:\n{self.tail()}")
        return status

    def kill(self) -> None:
        """End it and its descendants at once."""
        for pid in self.pids():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        self.popen.wait()

    def tail(self, lines: int = 30) -> str:
        """The last lines it logged."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])


def _outlives(pid: int, seconds: float = 1.0) -> bool:
    """Whether a descendant is still there after a moment (a child is reaped shortly after its parent)."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except (FileNotFoundError, ProcessLookupError):
            return False
        if state in "ZX":
            return False
        time.sleep(0.02)
    return True


@contextmanager
def hung(pid: int | None) -> Iterator[None]:
    """A server that accepts and never answers."""
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)
