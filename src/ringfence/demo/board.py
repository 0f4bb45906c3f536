"""What the audience sees: a table that fills while the calls are made, or plain lines where nobody looks."""

from __future__ import annotations

from typing import Protocol

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from ringfence.demo.play import Outcome
from ringfence.demo.scenes import Scene

COLUMNS = ("", "trunk", "call", "verdict", "why", "answer", "callee sees")
COLOURS = {"forward": "green", "tag": "yellow", "reject": "red"}


class Board(Protocol):
    """Takes scenes as they are played."""

    def __enter__(self) -> Board:
        """Begin to show."""

    def __exit__(self, *_: object) -> None:
        """Leave what was shown on the screen."""

    def playing(self, scene: Scene) -> None:
        """A scene begins."""

    def played(self, scene: Scene, outcome: Outcome) -> None:
        """It is over."""


def row(scene: Scene, outcome: Outcome) -> tuple[str, ...]:
    """One line of the table, without colours; a verdict other than expected names both."""
    seen = outcome.action or "none"
    return (
        "!!" if outcome.faults else "ok",
        scene.trunk,
        scene.title,
        seen if seen == scene.action else f"{seen}, not {scene.action}",
        outcome.reason or "nothing against it",
        str(outcome.status or "none"),
        "" if outcome.shown is None else outcome.shown or scene.caller,
    )


class LiveBoard:
    """For a terminal."""

    def __init__(self, console: Console) -> None:
        self._rows: list[tuple[str, ...]] = []
        self._now: Scene | None = None
        self._live = Live(console=console, refresh_per_second=12, get_renderable=self._table)

    def __enter__(self) -> LiveBoard:
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._now = None
        self._live.stop()

    def playing(self, scene: Scene) -> None:
        self._now = scene

    def played(self, scene: Scene, outcome: Outcome) -> None:
        self._now = None
        self._rows.append(row(scene, outcome))

    def _table(self) -> Table:
        table = Table(title="ringfence screens calls", title_justify="left")
        for column in COLUMNS:
            table.add_column(column, overflow="fold")
        for cells in self._rows:
            table.add_row(*map(_coloured, cells))
        if self._now is not None:
            table.add_row("…", self._now.trunk, self._now.title, self._now.action)
        return table


def _coloured(cell: str) -> Text:
    return Text(cell, style={"ok": "green", "!!": "bold red", **COLOURS}.get(cell, ""))


class PlainBoard:
    """For a file or a pipe: one line a call, as soon as it is over."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def __enter__(self) -> PlainBoard:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def playing(self, scene: Scene) -> None:
        return None

    def played(self, scene: Scene, outcome: Outcome) -> None:
        mark, trunk, title, verdict, why, answer, shown = row(scene, outcome)
        seen = f'  callee sees "{shown}"' if shown else ""
        text = f"{mark}  {trunk:<10}  {title:<53}  expected {scene.action:<7}  seen {verdict:<7}  {answer}  {why}{seen}"
        self._console.out(text, highlight=False)
