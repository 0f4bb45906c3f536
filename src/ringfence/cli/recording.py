"""`ringfence records`: the decision records on disk, looked at without a daemon."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ringfence.cli import FAILED, analysing, output, upkeep
from ringfence.cli.options import DEFAULT_CONFIG, AsJson, ConfigFile, duration
from ringfence.cli.record_keys import keys_of
from ringfence.cli.tracing import (
    Folder,
    InFull,
    complain_of_waiting,
    noted,
    number,
    print_call,
    records_folder,
)

if TYPE_CHECKING:
    from ringfence.records.verify import Report

app = typer.Typer(help="The decision records: one of every INVITE.", no_args_is_help=True)
app.command("export")(analysing.export)
app.command("query")(analysing.query)
app.command("retain")(upkeep.retain)
app.command("rotate")(upkeep.rotate)
app.command("accesses")(upkeep.accesses)


@app.callback()
def group() -> None:
    """The decision records: one of every INVITE."""


@app.command()
def verify(folder: Folder = None, config: ConfigFile = DEFAULT_CONFIG, json: AsJson = False) -> None:
    """Read every byte of every segment, of each worker's: 1 when there is a gap, an edit or a cut."""
    from ringfence.cli.progress import bar
    from ringfence.records.verify import verify_all

    place = folder or records_folder(config)
    with bar("verifying", unit="bytes") as advance:
        reports = {place / name: report for name, report in verify_all(place, advance, keys_of(config)).items()}
    if json:
        told = [
            {**report._asdict(), "troubles": [trouble._asdict() for trouble in report.troubles], "folder": str(spool)}
            for spool, report in reports.items()
        ]
        output.as_json(told[0] if len(told) == 1 else {"folder": str(place), "spools": told})
    else:
        for number, (spool, report) in enumerate(reports.items()):
            if number:
                output.line()
            _print(spool, report)
    if any(report.troubles for report in reports.values()):
        raise typer.Exit(FAILED)


@app.command()
def show(
    record: Annotated[int, typer.Argument(help="Sequence number of a decision.")],
    full: InFull = False,
    folder: Folder = None,
    config: ConfigFile = DEFAULT_CONFIG,
    json: AsJson = False,
) -> None:
    """Print one call: its decision with every finding, and how it went; 1 when there is none."""
    call = told_record(record, "records show", full, folder, config)
    if json:
        output.as_json(call)
    else:
        print_call(call)


def told_record(record: int, command: str, full: bool, folder: Path | None, config: Path) -> dict[str, Any]:
    """One call in plain values, noted in the access log. Raises RecordsError where there is none."""
    from ringfence.records.errors import RecordsError
    from ringfence.warehouse.library import Library
    from ringfence.warehouse.telling import told

    place = folder or records_folder(config)
    story = Library(place, keys_of(config)).story(record)
    noted(place, command, {"record": str(record)}, int(story is not None), full)
    if story is None:
        raise RecordsError(f"no decision has the number {record}")
    return told(story, full)


@app.command()
def find(
    caller: Annotated[str | None, typer.Option(help="Number that was shown or asserted.")] = None,
    callee: Annotated[str | None, typer.Option(help="Number that was called.")] = None,
    call_id: Annotated[str | None, typer.Option(help="Call-ID of the INVITE.")] = None,
    trunk: Annotated[str | None, typer.Option(help="Trunk that it came from.")] = None,
    action: Annotated[
        str | None, typer.Option(help="forward, tag, reject, refuse, abandon or inside (within a dialog).")
    ] = None,
    since: Annotated[float, typer.Option(parser=duration, metavar="DURATION", help="How far back.")] = 86_400.0,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="Calls listed, newest first.")] = 50,
    full: InFull = False,
    folder: Folder = None,
    config: ConfigFile = DEFAULT_CONFIG,
    json: AsJson = False,
) -> None:
    """List decisions, newest first; 1 when there is none."""
    import time

    from ringfence.warehouse.library import Library, Question
    from ringfence.warehouse.segment_index import ACTIONS
    from ringfence.warehouse.telling import listed

    if action is not None and action not in ACTIONS:
        raise typer.BadParameter(f"no such action; there are {', '.join(ACTIONS)}")
    place = folder or records_folder(config)
    begin = int((time.time() - since) * 1e6)
    library = Library(place, keys_of(config))
    question = Question(number(config, caller), number(config, callee), call_id, trunk, action, begin)
    found = library.find(question, limit)
    asked = {"caller": caller, "callee": callee, "call_id": call_id, "trunk": trunk, "action": action}
    noted(place, "records find", {name: value or "" for name, value in asked.items()}, len(found), full)
    rows = [listed(sequence, decision, full) for sequence, decision in found]
    if json:
        output.as_json(rows)
    else:
        columns = ("record", "at", "trunk", "caller", "callee", "action", "reason", "status")
        output.table(columns, [[str(row[column]) for column in columns] for row in rows])
        complain_of_waiting(library)
    if not rows:
        raise typer.Exit(FAILED)


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
    if report.deleted or report.thinned:
        told = f"{report.deleted} segments deleted, {report.thinned} thinned, as retention.log says"
        rows.append(("retention", told))
    rows.append(("verdict", f"{len(report.troubles)} faults" if report.troubles else "whole"))
    output.facts(rows)
