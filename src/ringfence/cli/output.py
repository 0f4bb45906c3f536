"""Words for the operator: rich on a terminal, plain lines where a program reads, JSON when asked for."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ringfence.config.faults import Fault

COLOURS = {"forward": "green", "tag": "yellow", "reject": "red"}


def on_terminal() -> bool:
    """Whether a person is looking at standard output."""
    return sys.stdout.isatty()


def line(text: str = "") -> None:
    """One plain line."""
    sys.stdout.write(f"{text}\n")


def complain(text: str) -> None:
    """One line on standard error."""
    sys.stderr.write(f"{text}\n")


def as_json(value: Any) -> None:
    """One JSON document with sorted keys left as they are given, indented for people and good for `jq`."""
    import orjson

    line(orjson.dumps(value, option=orjson.OPT_INDENT_2).decode())


def faults(found: Sequence[Fault], json: bool) -> None:
    """Every fault of an operator's file: a line each, or one JSON document."""
    if not json:
        for fault in found:
            line(str(fault))
        return
    parts = ("file", "line", "column", "path", "message")
    as_json({"valid": False, "faults": [{part: getattr(fault, part) for part in parts} for fault in found]})


def table(columns: Sequence[str], rows: Sequence[Sequence[str]], title: str = "") -> None:
    """Rows under columns. Plain output is padded with blanks, so that `awk` and eyes can both read it."""
    if on_terminal():
        _rich_table(columns, rows, title)
        return
    if title:
        line(title)
    every = [columns, *rows]
    widths = [max(len(row[place]) for row in every) for place in range(len(columns))]
    for row in every:
        line("  ".join(value.ljust(width) for value, width in zip(row, widths, strict=True)).rstrip())


def _rich_table(columns: Sequence[str], rows: Sequence[Sequence[str]], title: str) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    drawn = Table(*columns, title=title or None, title_justify="left")
    for row in rows:
        drawn.add_row(*(Text(value, style=COLOURS.get(value, "")) for value in row))
    Console().print(drawn)


def facts(rows: Sequence[tuple[str, str]]) -> None:
    """Names and values, one a line."""
    width = max((len(name) for name, _ in rows), default=0)
    for name, value in rows:
        line(f"{name.ljust(width)}  {value}".rstrip())
