"""`ringfence records`: the decision records on disk, looked at without a daemon."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ringfence.cli import FAILED, output
from ringfence.cli.options import DEFAULT_CONFIG, AsJson, ConfigFile

if TYPE_CHECKING:
    from ringfence.records.verify import Report

app = typer.Typer(help="The decision records: one of every INVITE.", no_args_is_help=True)

Folder = Annotated[
    Path | None, typer.Option("--folder", metavar="FOLDER", help="The records' folder, instead of the settings'.")
]


@app.callback()
def group() -> None:
    """The decision records: one of every INVITE."""


@app.command()
def verify(folder: Folder = None, config: ConfigFile = DEFAULT_CONFIG, json: AsJson = False) -> None:
    """Read every byte of every segment: 1 when there is a gap, an edit or a cut."""
    from ringfence.cli.progress import bar
    from ringfence.records.verify import verify as look

    place = folder or configured(config)
    with bar("verifying", unit="bytes") as advance:
        report = look(place, advance)
    if json:
        output.as_json(
            {**report._asdict(), "troubles": [trouble._asdict() for trouble in report.troubles], "folder": str(place)}
        )
    else:
        _print(place, report)
    if report.troubles:
        raise typer.Exit(FAILED)


def configured(config: Path) -> Path:
    """The records' folder of a configuration. Raises ConfigError."""
    from ringfence.config import load
    from ringfence.records.place import folder_of

    settings = load(config)
    return folder_of(settings.records, settings.data_directory)


def _print(place: Path, report: Report) -> None:
    for trouble in report.troubles:
        output.line(f"{trouble.file}:{trouble.offset}: {trouble.kind}: {trouble.text}")
    for note in report.notes:
        output.line(f"the writer noted: {note}")
    rows = [("folder", str(place)), ("segments", str(report.segments)), ("records", str(report.records))]
    if report.records:
        rows += [("sequence", f"{report.first} to {report.next - 1}"), ("head", report.head)]
    if report.open_bytes:
        rows.append(("being written", f"{report.open_bytes} bytes of half a block at the end"))
    rows.append(("verdict", f"{len(report.troubles)} faults" if report.troubles else "whole"))
    output.facts(rows)
