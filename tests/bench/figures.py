"""Figures with their runs: medians, the table people read and the file that machines read."""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Figure:
    """One measured thing. runs: every run's value in the order measured; `value` is their median."""

    name: str
    unit: str
    runs: tuple[float, ...]

    @property
    def value(self) -> float:
        return statistics.median(self.runs)


def write(figures: Iterable[Figure], path: Path) -> None:
    """One JSON object a figure: name, value, unit, runs."""
    path.parent.mkdir(parents=True, exist_ok=True)
    objects = [
        {"name": f.name, "value": round(f.value, 3), "unit": f.unit, "runs": [round(run, 3) for run in f.runs]}
        for f in figures
    ]
    path.write_text("[\n" + ",\n".join(json.dumps(each) for each in objects) + "\n]\n")


def table(figures: Sequence[Figure]) -> str:
    """Markdown: a row a subject (the name before the dot), a column a figure; of one subject alone a row a figure."""
    if len({f.name.partition(".")[0] for f in figures}) == 1:
        alone = [[f.name, _short(f.value), f.unit] for f in figures]
        return _joined([["", "", ""], ["---", "---:", "---"], *alone])
    columns = list(dict.fromkeys(f"{f.name.partition('.')[2]} ({f.unit})" for f in figures))
    rows: dict[str, dict[str, str]] = {}
    for figure in figures:
        subject, _, what = figure.name.partition(".")
        rows.setdefault(subject, {})[f"{what} ({figure.unit})"] = _short(figure.value)
    lines = [["", *columns], ["---"] + ["---:"] * len(columns)]
    lines += [[subject, *(cells.get(column, "") for column in columns)] for subject, cells in rows.items()]
    return _joined(lines)


def _joined(lines: list[list[str]]) -> str:
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _short(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
