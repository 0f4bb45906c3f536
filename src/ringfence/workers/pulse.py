"""Whether a worker lives: its loop turns and it answers. A process that is merely there may hang for ever."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

from ringfence.control.errors import ControlError
from ringfence.workers.line import Line

BEAT = 1.0  # seconds between two questions, and for the answer to each


async def silence_of(line: Line, pid: int, patience: Callable[[], float]) -> float:
    """Wait until a worker has been silent for longer than `patience` seconds, asked at every beat; how long it was.

    Silence is counted in beats of our own: while the machine sleeps, or we are held up as it is, there are none.
    """
    silent = 0.0
    while True:
        answered, _ = await asyncio.gather(_answers(line), asyncio.sleep(BEAT))
        silent = 0.0 if answered or excused(pid) else silent + BEAT
        if silent >= patience():
            return silent


async def _answers(line: Line) -> bool:
    try:
        await line.ask("beat", None, BEAT)
    except ControlError:
        return False
    return True


def excused(pid: int) -> bool:
    """Whether a debugger holds the process, or a disk, for which its successor would have to wait as well."""
    try:
        said = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines() if ":" in line)
    except OSError:
        return False  # it is gone, or nobody tells
    return said.get("TracerPid", "0").strip() != "0" or said.get("State", "").lstrip().startswith("D")
