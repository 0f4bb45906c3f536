"""`ringfence records retain|rotate|accesses`: what keeps records, and who looked at them."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ringfence.cli import FAILED, output
from ringfence.cli.options import DEFAULT_CONFIG, AsJson, ConfigFile
from ringfence.cli.record_keys import keys_of
from ringfence.cli.tracing import Folder, records_folder

if TYPE_CHECKING:
    from ringfence.records.settings import RetentionSettings
    from ringfence.warehouse.retention import Report

DAY = 86_400


def retain(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Tell what is over its time and delete nothing.")] = False,
    folder: Folder = None,
    config: ConfigFile = DEFAULT_CONFIG,
    json: AsJson = False,
) -> None:
    """Delete records over their time now, class by class; the daemon does so by itself every ten minutes."""
    from ringfence.config import load
    from ringfence.warehouse.keeping import alone
    from ringfence.warehouse.retention import Report, keep_to

    retention = load(config).records.retention
    ring = None if dry_run else keys_of(config)()
    report = Report()
    for spool in _spools(folder or records_folder(config)):
        with alone(spool):
            report.add(keep_to(retention, spool, time.time(), ring))
    if json:
        output.as_json(
            {
                "dry_run": dry_run,
                "segments": report.segments,
                "thinned": report.thinned,
                "unindexed": report.unindexed,
                "classes": {
                    name: {"days": days, "over": over, "left": left}
                    for name, days, over, left in _rows(retention, report)
                },
            }
        )
        return
    columns = ("class", "days", "over" if dry_run else "deleted", "left")
    output.table(
        columns, [[name, f"{days:g}", str(over), str(left)] for name, days, over, left in _rows(retention, report)]
    )
    said = "would be" if dry_run else "were"
    output.line(f"{report.segments} files {said} deleted, {report.thinned} {said} thinned")
    if report.unindexed:
        output.complain(f"{report.unindexed} files are being written or not indexed yet: they stay")


def _rows(retention: RetentionSettings, report: Report) -> list[tuple[str, float, int, int]]:
    from ringfence.warehouse.classes import CLASSES

    return [(name, getattr(retention, name) / DAY, report.deleted[name], report.left[name]) for name in CLASSES]


def rotate(folder: Folder = None, config: ConfigFile = DEFAULT_CONFIG) -> None:
    """Put every file under the first key of records.key_file; after that older keys may be taken out of it."""
    from ringfence.warehouse.keeping import alone
    from ringfence.warehouse.keeping import rotate as put_under_present

    ring = keys_of(config)()
    changed = every = 0
    for spool in _spools(folder or records_folder(config)):
        with alone(spool):
            rewrapped, vaults = put_under_present(spool, ring)
        changed, every = changed + rewrapped, every + vaults
    output.line(f"{changed} of {every} files were put under the present key")


def accesses(folder: Folder = None, config: ConfigFile = DEFAULT_CONFIG, json: AsJson = False) -> None:
    """List who looked at records, and check that nothing was changed or taken out; 1 when something was."""
    from ringfence.records import journal
    from ringfence.warehouse.audit import FILE

    place = folder or records_folder(config)
    lines = list(journal.read(place / FILE))
    fault = next((f"{FILE}:{line.number}: {line.fault}" for line in lines if line.fault), "")
    good = [line.entry for line in lines if not line.fault]
    head = next((line.hash for line in reversed(lines)), journal.START)
    if json:
        output.as_json({"entries": good, "head": head, "fault": fault})
    else:
        columns = ("at", "user", "command", "asked for", "found", "numbers")
        output.table(columns, [_access(entry) for entry in good])
        output.line(f"head  {head}")
        if fault:
            output.line(fault)
    if fault:
        raise typer.Exit(FAILED)


def _spools(folder: Path) -> list[Path]:
    """Raises RecordsError."""
    from ringfence.records.errors import RecordsError
    from ringfence.records.place import spools

    try:
        return spools(folder)
    except OSError as error:
        raise RecordsError(f"{folder}: cannot be read: {error.strerror}") from None


def _access(entry: dict[str, object]) -> list[str]:
    at, asked = entry["at"], entry["question"]
    assert isinstance(at, int | float)
    assert isinstance(asked, dict)
    when = datetime.fromtimestamp(at, UTC).astimezone().isoformat(timespec="seconds")
    said = " ".join(f"{name}={value}" for name, value in asked.items())
    return [
        when,
        str(entry["user"]),
        str(entry["command"]),
        said,
        str(entry["found"]),
        "full" if entry["full"] else "masked",
    ]
