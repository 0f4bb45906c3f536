"""Progress bars on a terminal's standard error; nothing where a program reads."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress, ProgressColumn

Advance = Callable[[int, int], None]
"""(done, total) so far."""


@contextmanager
def bar(title: str, unit: str) -> Iterator[Advance]:
    """Draws while the block runs. unit: what is counted, `bytes` or anything else."""
    if not sys.stderr.isatty():
        yield lambda done, total: None
        return
    from rich.progress import BarColumn, DownloadColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn

    count = DownloadColumn() if unit == "bytes" else MofNCompleteColumn()
    drawn = _drawn(TextColumn("{task.description}"), BarColumn(), count, TextColumn(unit), TimeRemainingColumn())
    with drawn as progress:
        task = progress.add_task(title, total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)


@contextmanager
def stages() -> Iterator[Callable[[str, float], None]]:
    """Takes what is done now and which part of the whole is behind it, 0..1."""
    if not sys.stderr.isatty():
        yield lambda what, part: None
        return
    from rich.progress import BarColumn, TextColumn, TimeElapsedColumn

    with _drawn(TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn()) as progress:
        task = progress.add_task("", total=1.0)
        yield lambda what, part: progress.update(task, description=what, completed=part)


def _drawn(*columns: ProgressColumn) -> Progress:
    from rich.console import Console
    from rich.progress import Progress

    return Progress(*columns, console=Console(stderr=True), transient=True)
