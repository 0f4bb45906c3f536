"""`ringfence ledger`: who holds which numbers and may show them where, looked at, compared and changed as a whole."""

from __future__ import annotations

import csv
import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from ringfence.cli import output
from ringfence.cli.options import DEFAULT_CONFIG, AsJson, ConfigFile, duration
from ringfence.cli.replaying import replay
from ringfence.cli.tracing import Folder
from ringfence.errors import RingfenceError

if TYPE_CHECKING:
    from ringfence.ledger.diff import Difference
    from ringfence.screening.replay import PastCall

MAX_LINES = 50  # of a table; who needs more takes --json

app = typer.Typer(help="The trunk ledger: holders, numbers, trunks, grants.", no_args_is_help=True)

TableName = Literal["holders", "trunks", "sources", "resources", "numbers", "grants"]


class LedgerCommandError(RingfenceError):
    """What was asked cannot be done: no such trunk or number, no ledger, a file that cannot be read."""


@app.command()
def show(
    what: Annotated[str, typer.Argument(metavar="NUMBER|TRUNK", help="A number in any form, or a trunk's name.")],
    config: ConfigFile = DEFAULT_CONFIG,
    json: AsJson = False,
) -> None:
    """Print what the ledger says of a number, or of a trunk; 1 when it knows nothing."""
    from ringfence.cli.ledger_views import number_view, trunk_view, zone_of
    from ringfence.cli.progress import stages
    from ringfence.config import load_bundle
    from ringfence.config.ledger_store import Stored

    with stages() as progress:
        bundle = load_bundle(config, make_ledger=Stored(config, progress=progress))
    trunk = bundle.ledger.trunks.get(what)
    zone = zone_of(bundle.settings.ledger.utc_offset)
    view = trunk_view(trunk, zone) if trunk is not None else number_view(bundle, what)
    if json:
        output.as_json(view.plain)
    else:
        view.print(MAX_LINES)
    if not view.known:
        raise typer.Exit(1)


@app.command()
def diff(
    old: Annotated[Path, typer.Argument(metavar="OLD", help="A ledger's folder.")],
    new: Annotated[Path, typer.Argument(metavar="NEW", help="Another one.")],
    config: ConfigFile = DEFAULT_CONFIG,
    json: AsJson = False,
) -> None:
    """Compare two ledgers by what they say, however their files are cut; 1 when they differ."""
    from ringfence.cli.progress import stages
    from ringfence.config.ledger_edit import load_with
    from ringfence.ledger.diff import difference

    with stages() as progress:
        one, other = (load_with(config, folder, progress=progress).ledger for folder in (old, new))
        found = difference(one, other)
    _print_difference(found, json)
    if found:
        raise typer.Exit(1)


def _print_difference(found: Difference, json: bool) -> None:
    moved = [("lost", said, what) for said, what in found.lost.items()]
    moved += [("gained", said, what) for said, what in found.gained.items()]
    if json:
        output.as_json(
            {
                "holders": [{"name": name, "change": change} for name, change in found.holders],
                "trunks": [{"name": name, "change": change} for name, change in found.trunks],
                "numbers": [
                    {"change": change, "kind": said[0], "name": said[1], "terms": said[2], "count": what.count,
                     "ranges": what.ranges, "examples": what.examples}
                    for change, said, what in moved
                ],
            }
        )  # fmt: skip
        return
    if not found:
        output.line("no difference")
    for title, rows in (("holders", found.holders), ("trunks", found.trunks)):
        if rows:
            output.table((title[:-1], "change"), [list(row) for row in rows[:MAX_LINES]])
            _more(len(rows))
    if moved:
        rows_of_numbers = [
            [said[0], said[1], change, str(what.count), ", ".join(what.examples) + (" …" if what.ranges > 3 else "")]
            for change, said, what in moved[:MAX_LINES]
        ]
        output.table(("kind", "of", "change", "numbers", "which"), rows_of_numbers)
        _more(len(moved))


def _more(count: int) -> None:
    if count > MAX_LINES:
        output.line(f"and {count - MAX_LINES} more: --json has all")


@app.command("import")
def import_(
    source: Annotated[Path, typer.Argument(metavar="FILE|FOLDER", help="A CSV table, or a whole ledger's folder.")],
    table: Annotated[TableName | None, typer.Option(help="Which table FILE is; default: as its name says.")] = None,
    column: Annotated[
        list[str] | None, typer.Option(metavar="OURS=THEIRS", help="Their column for ours; =THEIRS leaves it out.")
    ] = None,
    encoding: Annotated[str, typer.Option(help="Of FILE: utf-8, gb18030, …")] = "utf-8",
    separator: Annotated[str, typer.Option(help="Between FILE's fields.")] = ",",
    dry: Annotated[bool, typer.Option("--dry-run", help="Look at it, show what would change, and leave it.")] = False,
    config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """Take a table, or a whole ledger, into the folder of the settings: all of it, or nothing and every fault."""
    from ringfence.config import load

    target = load(config).ledger.folder
    if target is None:
        raise LedgerCommandError(f"{config} names no ledger.folder")
    if source.is_dir():
        _import_folder(source, target, config, dry)
    else:
        _import_file(source, target, table, column or [], encoding, separator, config, dry)


def _import_folder(source: Path, target: Path, config: Path, dry: bool) -> None:
    from ringfence.cli.progress import stages
    from ringfence.config.ledger_edit import install_folder, load_with
    from ringfence.ledger.diff import difference

    with stages() as progress:
        after = load_with(config, source, progress=progress).ledger
        before = load_with(config, None, progress=progress).ledger if dry else None
    if before is not None:
        _print_difference(difference(before, after), json=False)
        return
    kept = install_folder(source, target)
    output.line(f"{target}: {len(after.trunks)} trunks, {after.ranges} ranges" + (f"; before: {kept}" if kept else ""))


def _import_file(
    source: Path, target: Path, table: TableName | None, column: list[str], encoding: str, separator: str,
    config: Path, dry: bool,
) -> None:  # fmt: skip
    from ringfence.cli.progress import stages
    from ringfence.config import ConfigError
    from ringfence.config.ledger_edit import Candidate, install_file, load_with
    from ringfence.config.load import plain_fault
    from ringfence.ledger import LedgerError
    from ringfence.ledger.diff import difference
    from ringfence.ledger.foreign import converted
    from ringfence.ledger.tables import table_of

    name = source.name if table is None or table_of(source.name) == table else f"{table}.{source.stem}.csv"
    known = table or table_of(source.name)
    if known is None:
        raise typer.BadParameter(f"{source.name} does not say which table it is: give --table")
    if len(separator) != 1:
        raise typer.BadParameter("a separator is one character")
    try:
        data = source.read_bytes()
        content = converted(data, str(source), known, _columns(column), encoding, separator)
    except OSError as error:
        raise LedgerCommandError(f"{source}: cannot be read: {error.strerror}") from None
    except LedgerError as error:
        raise ConfigError(plain_fault(fault) for fault in error.faults) from None
    path = target / name
    try:
        with stages() as progress:
            before = load_with(config, None, progress=progress).ledger if dry else None
            after = load_with(config, None, Candidate(path, content), progress).ledger
    except ConfigError as error:
        # Its lines are those of the file that the operator has.
        for fault in error.faults:
            fault.file = str(source) if fault.file == str(path) else fault.file
        raise ConfigError(error.faults) from None
    if before is not None:
        _print_difference(difference(before, after), json=False)
        return
    install_file(path, content)
    output.line(f"{path}: taken; {len(after.trunks)} trunks, {after.ranges} ranges")


def _columns(options: list[str]) -> dict[str, str]:
    columns = {}
    for option in options:
        ours, equals, theirs = option.partition("=")
        if not equals or not theirs:
            raise typer.BadParameter(f"--column {option}: written OURS=THEIRS")
        columns[theirs.strip()] = ours.strip()
    return columns


@app.command()
def export(
    target: Annotated[Path, typer.Argument(metavar="FOLDER", help="Where to write it; must be new or empty.")],
    config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """Write the ledger in one form: six CSV tables, and YAML for what tables cannot say. `import` reads it back."""
    from ringfence.config import ConfigError, load
    from ringfence.config.ledger_edit import export_folder
    from ringfence.config.load import plain_fault
    from ringfence.ledger import LedgerError

    settings = load(config)
    if settings.ledger.folder is None:
        raise LedgerCommandError(f"{config} names no ledger.folder")
    if target.exists() and any(target.iterdir()):
        raise LedgerCommandError(f"{target}: is not empty")
    try:
        lines = export_folder(settings, config.absolute().parent, target)
    except LedgerError as error:
        raise ConfigError(plain_fault(fault) for fault in error.faults) from None
    output.line(f"{target}: {lines} lines")


@app.command("dry-run")
def dry_run(
    new: Annotated[Path, typer.Argument(metavar="NEW", help="The folder of the ledger to try.")],
    calls: Annotated[
        Path | None, typer.Option(metavar="FILE", help="CSV: trunk, caller, callee; asserted, private, at.")
    ] = None,
    recorded: Annotated[
        float | None, typer.Option(parser=duration, metavar="DURATION", help="Recorded calls, so far back.")
    ] = None,
    folder: Folder = None,
    config: ConfigFile = DEFAULT_CONFIG,
    json: AsJson = False,
) -> None:
    """Say how many calls would be judged differently by another ledger, with examples by holder, rule and reason.

    Of calls from a file, what only look-ups know (consent, score, rate) is assumed to be nothing against a call, and
    the command ends with 1 when any differs. Recorded calls are judged with the facts of then.
    """
    if (calls is None) == (recorded is None):
        raise typer.BadParameter("give either --calls or --recorded")
    if calls is None:
        # Every process that judges reads the settings by itself: the variable is how all of them see the other ledger.
        os.environ["RINGFENCE_LEDGER__FOLDER"] = str(new.absolute())
        replay(policy=config, since=recorded or 0.0, folder=folder, config=config, json=json)
        return
    from ringfence.cli.progress import stages
    from ringfence.config import load_bundle
    from ringfence.config.ledger_edit import load_with
    from ringfence.config.ledger_store import Stored
    from ringfence.screening.replay import Judge, compared

    with stages() as progress:
        bundles = (
            load_bundle(config, make_ledger=Stored(config, progress=progress)),
            load_with(config, new, progress=progress),
        )
    one, other = (Judge(bundle.ledger, bundle.pipeline, bundle.numbering) for bundle in bundles)
    total = 0
    groups: Counter[tuple[str, str, str]] = Counter()
    examples: dict[tuple[str, str, str], dict[str, str]] = {}
    for past, was, becomes in compared(_past_calls(calls), one, other):
        total += 1
        if was[:2] == becomes[:2]:
            continue
        key = (becomes.holder or was.holder, _said(was.action, was.reason), _said(becomes.action, becomes.reason))
        groups[key] += 1
        examples.setdefault(
            key, {"place": past.place, "trunk": past.trunk, "caller": past.caller, "callee": past.callee}
        )
    changed = sum(groups.values())
    if json:
        rows: list[dict[str, Any]] = [
            {"holder": key[0], "was": key[1], "becomes": key[2], "calls": count, "example": examples[key]}
            for key, count in groups.most_common()
        ]
        output.as_json({"calls": total, "different": changed, "groups": rows})
    else:
        output.line(f"{changed} of {total} calls would be judged differently")
        if groups:
            output.table(
                ("holder", "was", "becomes", "calls", "for example"),
                [[*key, str(count), _example(examples[key])] for key, count in groups.most_common(MAX_LINES)],
            )
            _more(len(groups))
    if changed:
        raise typer.Exit(1)


def _said(action: str, reason: str) -> str:
    return f"{action}: {reason}" if reason else action


def _example(call: dict[str, str]) -> str:
    return f"{call['place']}: {call['caller']} to {call['callee']} on {call['trunk']}"


def _past_calls(path: Path) -> Iterator[PastCall]:
    """The calls of a CSV file. Raises LedgerCommandError for a file or line that is none, with its place."""
    from ringfence.screening.replay import PastCall

    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, strict=True)
            missing = {"trunk", "caller", "callee"} - set(reader.fieldnames or ())
            if missing:
                raise LedgerCommandError(f"{path}:1: no column {', '.join(sorted(missing))}")
            for row in reader:
                place = f"{path}:{reader.line_num}"
                if None in row or None in row.values():
                    raise LedgerCommandError(f"{place}: not as many fields as the header names")
                yield PastCall(
                    row["trunk"], row["caller"], row["callee"], row.get("asserted", ""),
                    row.get("private", "").lower() in ("1", "true", "yes"), _moment(row.get("at", ""), place), place,
                )  # fmt: skip
    except OSError as error:
        raise LedgerCommandError(f"{path}: cannot be read: {error.strerror}") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise LedgerCommandError(f"{path}: no CSV in UTF-8: {error}") from None


def _moment(text: str, place: str) -> float:
    """Epoch seconds, or a time with or without its zone; none: now."""
    import time
    from datetime import datetime

    if not text:
        return time.time()
    try:
        return float(text)
    except ValueError:
        pass
    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError:
        raise LedgerCommandError(f"{place}: {text!r} is no time: epoch seconds or 2026-11-25T12:00+08:00") from None
