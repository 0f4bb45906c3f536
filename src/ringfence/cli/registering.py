"""`ringfence registry`: the register as a whole: files in and out, verification, keys, retention, tokens."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ringfence.cli import output
from ringfence.cli.options import DEFAULT_CONFIG, AsJson, ConfigFile

if TYPE_CHECKING:
    from ringfence.config import Settings
    from ringfence.registry.columns import Reader
    from ringfence.registry.importing import Progress
    from ringfence.registry.register import Registry, Said
    from ringfence.registry.tokens import Token
    from ringfence.registry.upkeep import Retained
    from ringfence.registry.verify import Anchor, Report
    from ringfence.tracing.book import TraceBook

app = typer.Typer(help="The register of consents and refusals as a whole.", no_args_is_help=True)
token = typer.Typer(help="Who may use the registry over HTTP.", no_args_is_help=True)
app.add_typer(token, name="token")


@app.command()
def verify(
    expect: Annotated[
        str, typer.Option(metavar="SEQUENCE:HASH", help="An entry that an earlier verification printed.")
    ] = "",
    files: Annotated[bool, typer.Option(help="Read the evidence files too.")] = True,
    config: ConfigFile = DEFAULT_CONFIG,
    json: AsJson = False,
) -> None:
    """Check the audit trail's hash chain, every statement, what counts, and the evidence; 1 when anything is wrong.

    Write the last entry that is printed down where the database's administrator cannot change it: with it the next
    verification finds a trail that was cut short.
    """
    from ringfence.cli.desk import at_desk
    from ringfence.cli.store import open_settings
    from ringfence.registry.opening import open_evidence
    from ringfence.registry.verify import verify as walk

    settings = open_settings(config)
    anchor = _anchor(expect) if expect else None
    folder = open_evidence(settings.registry, settings.data_directory) if files else None

    async def work(registry: Registry) -> Report:
        return await walk(registry, folder, anchor, _step)

    report = at_desk(settings, work)
    last = f"{report.head.sequence}:{report.head.hash}"
    if json:
        output.as_json({**report._asdict(), "head": last})
    else:
        for fault in report.faults:
            output.line(fault)
        output.line(
            f"{report.entries} audit entries, {report.statements} statements, {report.callees} callees, "
            f"{report.files} files: {'sound' if not report.faults else 'NOT SOUND'}"
        )
        output.line(f"last entry: {last}")
    if report.faults:
        raise typer.Exit(1)


@app.command("import")
def import_(
    kind: Annotated[str, typer.Argument(metavar="KIND", help="consents, refusals or wishes.")],
    file: Annotated[Path, typer.Argument(metavar="FILE", help="CSV in UTF-8 with a header.")],
    report: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Where bad lines are told.", show_default="FILE.report.csv")
    ] = None,
    evidence: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Where files are that the column evidence names.")
    ] = None,
    value: Annotated[
        list[str] | None,
        typer.Option(metavar="COLUMN=VALUE", help="For all lines that say nothing in this column; may be repeated."),
    ] = None,
    config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """Record the lines of a file; started again it goes on where it stopped. 1 when lines were bad."""
    from ringfence.cli.desk import actor, at_desk
    from ringfence.cli.store import open_settings
    from ringfence.registry.columns import FILE_KINDS
    from ringfence.registry.importing import Import

    chosen = next((one for one in FILE_KINDS if one == kind), None)
    if chosen is None:
        raise typer.BadParameter(f"KIND is one of {', '.join(FILE_KINDS)}")
    common = dict(one.split("=", 1) for one in value or () if "=" in one)
    if len(common) != len(value or ()):
        raise typer.BadParameter("--value is a column with its value, each column once: holder=Example")
    settings = open_settings(config)
    told = report or file.with_name(f"{file.name}.report.csv")

    async def work(registry: Registry) -> Progress:
        reader = await _reader(settings, registry, evidence)
        return await Import(registry, chosen, actor(), reader, told, _share, common).run(file)

    done = at_desk(settings, work)
    output.line(f"{done.recorded} recorded, {done.known} known before, {done.bad} bad")
    if done.bad:
        output.complain(f"{told} says what is wrong with the bad lines")
        raise typer.Exit(1)


@app.command("export")
def export_(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Written whole or not at all.")],
    config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """Write the standing wishes that count to a CSV file, numbers in full; the audit trail says so."""
    from ringfence.cli.desk import actor, at_desk, zone_of
    from ringfence.cli.store import open_settings
    from ringfence.registry.importing import export_wishes

    settings = open_settings(config)
    draft = file.with_name(f".{file.name}.{os.getpid()}")

    async def work(registry: Registry) -> int:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as target:
            return await export_wishes(registry, actor(), target, zone_of(settings))

    try:
        count = at_desk(settings, work)
        draft.replace(file)
    finally:
        draft.unlink(missing_ok=True)
    output.line(f"{count} wishes")


@app.command("list")
def list_(
    holder: Annotated[str, typer.Option(help="Only consents to and refusals of this holder.")] = "",
    after: Annotated[int, typer.Option(help="Behind this id.")] = 0,
    limit: Annotated[int, typer.Option(min=1, max=1000)] = 100,
    full: Annotated[bool, typer.Option("--full", help="Numbers in full; the audit trail says so.")] = False,
    config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """List statements in the order in which they were recorded, numbers masked."""
    from ringfence.cli.desk import actor, at_desk, zone_of
    from ringfence.cli.store import open_settings
    from ringfence.registry.moments import text_of

    settings = open_settings(config)

    async def work(registry: Registry) -> list[Said]:
        return await registry.listing(actor(), f"holder:{holder}" if holder else None, after, limit, full)

    zone = zone_of(settings)
    rows = []
    for one in at_desk(settings, work):
        said = one.statement
        ended = "" if one.ended_at is None else text_of(one.ended_at, zone)
        rows.append(
            [str(one.id), said.callee, said.kind, said.scope, text_of(said.since, zone), one.recorded_by, ended]
        )
    output.table(("id", "callee", "says", "about", "since", "recorded by", "ended"), rows)


@app.command()
def retain(
    dry: Annotated[bool, typer.Option("--dry-run", help="Only say what would go.")] = False,
    config: ConfigFile = DEFAULT_CONFIG,
    json: AsJson = False,
) -> None:
    """Take away what is kept no longer: old consents with their files, numbers of nobody on record, trace requests."""
    from ringfence.cli.desk import actor, at_book, at_desk
    from ringfence.cli.store import open_settings
    from ringfence.registry.opening import open_evidence
    from ringfence.registry.upkeep import retain as work_through
    from ringfence.tracing.steps import retain as retain_traces

    settings = open_settings(config)
    folder = open_evidence(settings.registry, settings.data_directory)

    async def work(registry: Registry) -> Retained:
        return await work_through(registry, folder, settings.registry, actor(), dry)

    async def traces(book: TraceBook) -> int:
        return await retain_traces(book, actor(), dry)

    done = {**at_desk(settings, work)._asdict(), "trace_requests": at_book(settings, traces)}
    if json:
        output.as_json(done)
    else:
        output.facts([(name, str(count)) for name, count in done.items()])


@app.command()
def erase(
    callee: Annotated[str, typer.Argument(metavar="CALLEE", help="The number of the person who asks for it.")],
    early: Annotated[str, typer.Option(metavar="REASON", help="Even if evidence must still be kept, and why.")] = "",
    config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """Delete what is on record about a callee; 1 when there was nothing."""
    from ringfence.cli.desk import actor, at_desk, tell_index
    from ringfence.cli.store import comparable, open_settings
    from ringfence.registry.upkeep import erase as delete

    settings = open_settings(config)
    number = comparable(settings, callee)

    async def work(registry: Registry) -> int:
        return await delete(registry, number, settings.registry, actor(), early)

    count = at_desk(settings, work)
    if count:
        tell_index(settings)
    output.line(f"{count} statements deleted")
    if not count:
        raise typer.Exit(1)


@app.command()
def rotate(config: ConfigFile = DEFAULT_CONFIG) -> None:
    """Encrypt every number and evidence file under the first key of registry.number_key_file, plain files too.

    Older keys can be taken out of the file afterwards. The daemon may run: it reads the file when that changes.
    """
    from ringfence.cli.desk import actor, at_desk
    from ringfence.cli.store import open_settings
    from ringfence.registry.opening import open_evidence
    from ringfence.registry.upkeep import Rotated
    from ringfence.registry.upkeep import rotate as renew

    settings = open_settings(config)
    folder = open_evidence(settings.registry, settings.data_directory)

    async def work(registry: Registry) -> Rotated:
        return await renew(registry, folder, actor())

    done = at_desk(settings, work)
    output.line(f"{done.numbers} numbers and {done.files} files encrypted anew")


@app.command(hidden=True)
def hear(
    config: ConfigFile = DEFAULT_CONFIG,
    parent: Annotated[int | None, typer.Option(hidden=True, help="Process to end with.")] = None,
) -> None:
    """Record what subscribers refuse by dialling; `ringfence serve` runs this where voice.lines has any."""
    import asyncio

    from ringfence.cli.hearing import listen
    from ringfence.cli.store import begin_child

    asyncio.run(listen(begin_child(config, parent)))


@token.command("add")
def token_add(
    name: Annotated[str, typer.Argument(help="What the audit trail calls it.")],
    role: Annotated[str, typer.Option(help="holder, operator, auditor or officer.")],
    holder: Annotated[str, typer.Option(help="Of the role holder: whose.")] = "",
    config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """Make a token and print it, this once."""
    from ringfence.cli.desk import actor, at_desk
    from ringfence.cli.store import open_settings
    from ringfence.registry import tokens
    from ringfence.registry.actors import ROLES

    chosen = next((one for one in ROLES if one == role), None)
    if chosen is None:
        raise typer.BadParameter(f"a role is one of {', '.join(ROLES)}")

    async def work(registry: Registry) -> str:
        return await tokens.add(registry, actor(), name, chosen, holder)

    output.line(at_desk(open_settings(config), work))


@token.command("list")
def token_list(config: ConfigFile = DEFAULT_CONFIG) -> None:
    """List tokens, without their texts."""
    from ringfence.cli.desk import at_desk, zone_of
    from ringfence.cli.store import open_settings
    from ringfence.registry import tokens
    from ringfence.registry.moments import text_of

    settings = open_settings(config)
    zone = zone_of(settings)

    async def work(registry: Registry) -> list[Token]:
        return await tokens.every(registry)

    rows = []
    for one in at_desk(settings, work):
        revoked = "" if one.revoked_at is None else text_of(one.revoked_at, zone)
        rows.append([one.name, one.role, one.holder, text_of(one.created_at, zone), revoked])
    output.table(("name", "role", "holder", "made", "revoked"), rows)


@token.command("revoke")
def token_revoke(name: str, config: ConfigFile = DEFAULT_CONFIG) -> None:
    """Let a token count no more; 1 when there is none."""
    from ringfence.cli.desk import actor, at_desk
    from ringfence.cli.store import open_settings
    from ringfence.registry import tokens

    async def work(registry: Registry) -> bool:
        return await tokens.revoke(registry, actor(), name)

    done = at_desk(open_settings(config), work)
    output.line(f"{name} is revoked" if done else f"there is no token {name} that counts")
    if not done:
        raise typer.Exit(1)


async def _reader(settings: Settings, registry: Registry, folder: Path | None) -> Reader:
    from ringfence.cli.desk import actor, zone_of
    from ringfence.config.plan_file import numbering_by
    from ringfence.numbering import Kind
    from ringfence.registry.columns import Reader
    from ringfence.registry.errors import BadStatement
    from ringfence.registry.evidence import BadFile, store
    from ringfence.registry.opening import open_evidence

    numbering = numbering_by(settings.numbering)
    kept = open_evidence(settings.registry, settings.data_directory)
    known: dict[str, str] = {}

    def number(text: str) -> str:
        read = numbering.read(text)
        if read.kind not in (Kind.E164, Kind.SHORT):
            raise BadStatement("callee", f"is no number that the plan reads ({read.kind})")
        return read.value

    async def cited(name: str) -> str:
        if folder is None or len(name) == 64:
            return name
        if name not in known:
            path = (folder / name).resolve()
            if not path.is_relative_to(folder.resolve()) or not path.is_file():
                raise BadStatement("evidence", f"{name}: no such file in {folder}")
            try:
                with path.open("rb") as source:
                    known[name] = (await store(registry, kept, iter(lambda: source.read(65_536), b""), actor())).sha256
            except (BadFile, OSError) as error:
                raise BadStatement("evidence", f"{name}: {error}") from None
        return known[name]

    return Reader(number, cited, zone_of(settings))


def _anchor(text: str) -> Anchor:
    from ringfence.registry.verify import Anchor

    sequence, _, digest = text.partition(":")
    if not sequence.isdigit() or len(digest) != 64:
        raise typer.BadParameter("--expect is a sequence and a hash as `registry verify` prints them")
    return Anchor(int(sequence), digest)


def _step(what: str, done: int) -> None:
    if sys.stderr.isatty():
        sys.stderr.write(f"\r{done} {what} \x1b[K")


def _share(done: Progress, size: int) -> None:
    if sys.stderr.isatty():
        sys.stderr.write(f"\r{100 * done.position // max(1, size)} %, {done.line} lines, {done.bad} bad \x1b[K")
