"""The load generator of `load/`: compiled here, run here, its report as values."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.process import Process

SOURCES = Path(__file__).parent / "load"
FLAGS = ["-O2", "-std=gnu11", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Werror"]
FIRST_CALLER = 8613800001000
FIRST_CALLEE = 8613900001000
POOL = 20_000  # callers, and as many callees: caller i always calls callee i


def compile_generator(compiler: Path, folder: Path) -> Path:
    """Build sipload into `folder`. Raises CalledProcessError with the compiler's words on stderr."""
    binary = folder / "sipload"
    subprocess.run([compiler, *FLAGS, "-o", binary, *sorted(SOURCES.glob("*.c"))], check=True)
    return binary


class LoadFailed(Exception):
    """The generator did not get through its run, or calls did not end as they should."""


@dataclass(frozen=True)
class Outcome:
    """One run as sipload counted it; times in microseconds where the name says so, else seconds."""

    started: int
    completed: int
    failed: int
    rejected: dict[str, int]
    resent: dict[str, int]
    repeated: int
    stray: int
    unacknowledged: int
    dropped: int
    wall_seconds: float
    generator_cpu_seconds: float
    invite_bytes: int
    forwarded_bytes: int
    to_callee_us: dict[str, float] | None = None
    to_final_us: dict[str, float] | None = None

    @property
    def ended(self) -> int:
        """Calls that came to an end by SIP: completed and rejected."""
        return self.completed + sum(self.rejected.values())

    @property
    def calls_per_second(self) -> float:
        return self.ended / self.wall_seconds


@dataclass(frozen=True)
class Generator:
    """Where calls come from and go to. caller, proxy, callee: `host:port` on loopback."""

    binary: Path
    caller: str
    proxy: str
    callee: str
    core: int | None
    folder: Path
    window: int = 64

    def run(self, *, first_caller: int = FIRST_CALLER, **options: float) -> Outcome:
        """Play calls: seconds or calls, rate (0: as fast as the window allows), hold, timeout.

        Raises LoadFailed when the generator itself fails.
        """
        return self._play(self._command(first_caller, options), lambda: None)

    def park(self, calls: int, at: str, rate: float, held: Callable[[], None]) -> Outcome:
        """Bring `calls` calls to `at` (ringing or answered), call `held`, then let them end."""
        options: dict[str, float | str] = {"calls": calls, "park": at, "rate": rate, "window": calls, "timeout": 60}
        return self._play(self._command(FIRST_CALLER, options), held)

    def invite(self) -> bytes:
        """The INVITE that calls begin with."""
        return subprocess.run([*self._command(FIRST_CALLER, {}), "--show"], check=True, stdout=subprocess.PIPE).stdout

    def _command(self, first_caller: int, options: dict[str, Any]) -> list[str | Path]:
        words: list[str | Path] = [self.binary]
        fixed = {"caller": self.caller, "proxy": self.proxy, "callee": self.callee, "window": self.window}
        pool = {"first-caller": first_caller, "callers": POOL, "first-callee": FIRST_CALLEE, "callees": POOL}
        for name, value in {**fixed, **pool, **options}.items():
            words += [f"--{name}", str(value)]
        return words

    def _play(self, command: list[str | Path], held: Callable[[], None]) -> Outcome:
        output = self.folder / "sipload.out"
        output.unlink(missing_ok=True)
        parks = "--park" in command
        process = Process(command, self.folder / "sipload.log", core=self.core, stdout=output, stdin=parks)
        try:
            if parks and process.popen.stdin is not None:
                process.wait_ready(lambda: "parked" in output.read_text(), 120)
                held()
                process.popen.stdin.close()
            status = process.wait(600)
        except BaseException:
            process.kill()
            raise
        lines = output.read_text().splitlines()
        if status != 0 or not lines:
            raise LoadFailed(f"sipload ended with {status}: {process.tail()}")
        return outcome(json.loads(lines[-1]))


def outcome(report: dict[str, Any]) -> Outcome:
    """sipload's last line of output as a value."""
    return Outcome(**report)
