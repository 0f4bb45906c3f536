"""`ringfence calendar`: national calendars looked at."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ringfence.cli import output
from ringfence.cli.options import AsJson

app = typer.Typer(help="National calendars: public holidays and shifted working days.", no_args_is_help=True)


@app.command()
def check(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The calendar file.")],
    json: AsJson = False,
) -> None:
    """Look for every fault in a calendar file; 78 when there is one."""
    from ringfence.cli import CONFIG
    from ringfence.config import ConfigError
    from ringfence.config.calendar_file import read_calendar

    try:
        calendar, _ = read_calendar(file)
    except ConfigError as error:
        output.faults(error.faults, json)
        raise typer.Exit(CONFIG) from None
    complete, partial = sorted(calendar.complete), sorted(calendar.partial)
    summary = {"calendar": calendar.name, "country": calendar.country}
    if json:
        output.as_json({"valid": True, **summary, "complete": complete, "partial": partial})
        return
    rows = [("file", f"{file}: no fault"), *summary.items()]
    rows += [("years", ", ".join(map(str, complete))), ("shifted days unknown", ", ".join(map(str, partial)))]
    output.facts([row for row in rows if row[1]])


@app.command()
def schema() -> None:
    """Print the calendar files' JSON Schema, for editors."""
    from ringfence.config.calendar_file import calendar_schema

    output.as_json(calendar_schema())
