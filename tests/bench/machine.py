"""What the kernel says a program used, and how fast this machine is at the moment."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

_TICKS = os.sysconf("SC_CLK_TCK")


class Usage(NamedTuple):
    """CPU seconds of some processes since they began."""

    user: float
    system: float

    def since(self, earlier: Usage) -> Usage:
        """What was used between two readings."""
        return Usage(self.user - earlier.user, self.system - earlier.system)


def cpu(pids: Iterable[int]) -> Usage:
    """utime and stime of all of them from /proc (proc_pid_stat(5), fields 14 and 15), in ticks of 10 ms."""
    user = system = 0
    for pid in pids:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        user += int(fields[11])
        system += int(fields[12])
    return Usage(user / _TICKS, system / _TICKS)


def memory(pids: Iterable[int]) -> int:
    """Bytes of memory they hold together; what they share counts once (Pss)."""
    kilobytes = 0
    for pid in pids:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                kilobytes += int(line.split()[1])
    return kilobytes * 1024


def cores() -> tuple[int, int]:
    """One core for the proxy under test and one for everything else; the same where there is only one."""
    usable = sorted(os.sched_getaffinity(0))
    return usable[0], usable[-1]


def calibration(core: int) -> float:
    """Microseconds of CPU for a fixed loop of interpreter work on this core: a ruler for noisy machines."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        times = []
        for _ in range(7):
            start = time.process_time()
            total = 0
            for number in range(200_000):
                total += number & 7
            times.append(time.process_time() - start)
        return min(times) * 1e6
    finally:
        os.sched_setaffinity(0, before)
