"""`ringfence consent`: what callees allowed and refused, in the registry."""

from __future__ import annotations

import difflib
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from zoneinfo import ZoneInfo

import typer

from ringfence.cli import output
from ringfence.cli.options import DEFAULT_CONFIG, AsJson, ConfigFile

if TYPE_CHECKING:
    from ringfence.config import Settings
    from ringfence.registry.feed import IndexRow
    from ringfence.registry.register import Registry, Said
    from ringfence.registry.statements import Statement

EVERY_HOLDER = "*"

app = typer.Typer(help="Consents, refusals and wishes of callees.", no_args_is_help=True)

Callee = Annotated[str, typer.Argument(metavar="CALLEE", help="The called number, as anybody would write it.")]
Channel = Annotated[
    str, typer.Option(help="How it was said: web, app, sms, voice, paper, in_person, import or operator.")
]
Since = Annotated[
    str | None, typer.Option("--since", metavar="TIME", help="When it was said, a date or a time.", show_default="now")
]


@app.command()
def add(
    callee: Callee,
    holder: Annotated[str, typer.Option(help="Who may call: the trunk's holder.")],
    until: Annotated[
        str | None, typer.Option(metavar="DATE", help="Last day, or a time; of registry.zone unless it says its own.")
    ] = None,
    since: Since = None,
    sector: Annotated[str, typer.Option(help="The sector that it is for.", show_default="any")] = "",
    purpose: Annotated[str, typer.Option(help="Brand or purpose.")] = "",
    channel: Channel = "operator",
    evidence: Annotated[
        str, typer.Option(metavar="FILE", help="The file that proves it, or the SHA-256 of one that is stored.")
    ] = "",
    reference: Annotated[str, typer.Option(help="Where else the proof is, such as a recording's number.")] = "",
    config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """Record that a callee consents to a holder's calls. It beats an older refusal only with evidence or reference."""
    from ringfence.cli.desk import zone_of
    from ringfence.cli.store import comparable, open_settings
    from ringfence.registry.statements import consent

    if holder == EVERY_HOLDER:
        raise typer.BadParameter("a consent is given to somebody: name the holder")
    settings = open_settings(config)
    zone = zone_of(settings)
    end = None if until is None else end_of(until, zone)
    number = comparable(settings, callee)
    _warn_of_stranger(config, holder)
    one = consent(
        number, holder, _begin_of(since, zone), until=end, sectors=(sector,) if sector else (), purpose=purpose,
        channel=channel, reference=reference,
    )  # fmt: skip
    rows = _record(settings, one, evidence)
    output.line(f"{number} consents to calls of {holder}, {_until(end, zone)}")
    if not any(row.kind == "consent" and row.scope == f"holder:{holder}" for row in rows):
        output.complain(
            "warning: it does not count: a refusal or wish stands against it, which only a consent with --evidence or "
            "--reference beats that was given later"
        )


@app.command()
def refuse(
    callee: Callee,
    holder: Annotated[str, typer.Option(help="Whose calls are refused.", show_default="everybody's")] = EVERY_HOLDER,
    sector: Annotated[str, typer.Option(help="Only calls of this sector.", show_default="every")] = "",
    since: Since = None,
    channel: Channel = "operator",
    config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """Record that a callee refuses marketing calls; it beats every older consent at once."""
    from ringfence.cli.desk import zone_of
    from ringfence.cli.store import comparable, open_settings
    from ringfence.registry.statements import refusal

    if sector and holder != EVERY_HOLDER:
        raise typer.BadParameter("give either --holder or --sector")
    settings = open_settings(config)
    number = comparable(settings, callee)
    scope = f"sector:{sector}" if sector else _scope(holder)
    if holder != EVERY_HOLDER:
        _warn_of_stranger(config, holder)
    _record(settings, refusal(number, scope, _begin_of(since, zone_of(settings)), channel=channel))
    output.line(f"{number} refuses calls of {_whom(scope)}")


@app.command()
def remove(
    callee: Callee,
    holder: Annotated[
        str | None, typer.Option(help="Only what was said about this holder; `*`: the refusals of all.")
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="All that the callee said.")] = False,
    why: Annotated[str, typer.Option(help="The reason, for the audit trail.")] = "",
    config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """Withdraw consents and lift refusals; they stay on record, and count no more. 1 when there was nothing."""
    from ringfence.cli.desk import actor, at_desk, tell_index
    from ringfence.cli.store import comparable, open_settings

    if (holder is None) != everything:
        raise typer.BadParameter("give either --holder or --all")
    settings = open_settings(config)
    number = comparable(settings, callee)
    who = actor()

    async def end(registry: Registry) -> int:
        scope = None if holder is None else _scope(holder)
        return await registry.end(number, who, ("consent", "refusal", "wish"), scope, why)

    count = at_desk(settings, end)
    if count:
        tell_index(settings)
    output.line(f"{count} removed")
    if not count:
        raise typer.Exit(1)


@app.command()
def show(callee: Callee, config: ConfigFile = DEFAULT_CONFIG, json: AsJson = False) -> None:
    """Print what a callee said and what counts of it; 1 when there is nothing."""
    from ringfence.cli.desk import actor, at_desk, zone_of
    from ringfence.cli.store import comparable, open_settings

    settings = open_settings(config)
    number = comparable(settings, callee)
    who = actor()

    async def look(registry: Registry) -> tuple[list[Said], list[IndexRow]]:
        said, rows = await registry.said(number, who), await registry.standing(number, who)
        if said:
            await registry.look(who, "queried", number, {"holder": None})  # before it is shown
        return said, rows

    said, rows = at_desk(settings, look)
    zone = zone_of(settings)
    if json:
        output.as_json({"callee": number, "said": [_plain(one) for one in said], "counts": _counting(rows)})
    elif said:
        output.table(("id", "says", "about", "since", "until", "evidence", "ended"), [_row(one, zone) for one in said])
        counts = [
            (_whom(row.scope), row.kind, "" if row.kind != "consent" else _until(row.until, zone)) for row in rows
        ]
        output.line()
        output.table(("counts now", "", ""), counts or [("nothing", "", "")])
    else:
        output.line(f"{number}: no consent, no refusal")
    if not said:
        raise typer.Exit(1)


@app.command()
def proof(
    callee: Callee,
    holder: Annotated[str, typer.Argument(metavar="HOLDER", help="Whose consent is proven.")],
    to: Annotated[Path, typer.Option(metavar="FOLDER", help="Where the three files are written.")] = Path("proof"),
    config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """Write all that is on record about a callee and a holder, signed: `proof.tar`, `proof.tar.sig`, `signer.pem`."""
    from ringfence.cli.desk import actor, at_desk
    from ringfence.cli.store import comparable, open_settings
    from ringfence.registry.opening import open_evidence, open_signer
    from ringfence.registry.proof import COMMAND, Proof, prove

    settings = open_settings(config)
    number = comparable(settings, callee)
    evidence = open_evidence(settings.registry, settings.data_directory)
    signer = open_signer(settings.registry, settings.data_directory)

    async def write(registry: Registry) -> Proof:
        return await prove(registry, evidence, signer, number, holder, actor(), to)

    done = at_desk(settings, write)
    output.line(f"{done.statements} statements and {done.files} files in {done.folder}; to verify them there:")
    output.line(COMMAND)
    output.line(f"fingerprint of the key: {done.fingerprint}")
    for name in done.missing:
        output.complain(f"warning: evidence {name} is missing or was changed")
    if done.missing:
        raise typer.Exit(1)


def end_of(text: str, zone: ZoneInfo) -> int:
    """The end of a day (`2027-06-30`) or a time (`2027-06-30T12:00+08:00`), epoch seconds. Raises BadParameter."""
    from ringfence.registry.moments import moment_of

    try:
        end = moment_of(text, zone, last=True)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    if end <= time.time():
        raise typer.BadParameter(f"{text} is over")
    return end


def _begin_of(text: str | None, zone: ZoneInfo) -> int:
    from ringfence.registry.moments import moment_of

    if text is None:
        return int(time.time())
    try:
        return moment_of(text, zone)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


def _record(settings: Settings, one: Statement, evidence: str = "") -> list[IndexRow]:
    """Record a statement, its evidence first, and tell the index; what counts about the callee then."""
    from dataclasses import replace

    from ringfence.cli.desk import actor, at_desk, tell_index
    from ringfence.registry.evidence import store
    from ringfence.registry.opening import open_evidence

    who = actor()
    if evidence and len(evidence) != 64 and not Path(evidence).is_file():
        raise typer.BadParameter(f"{evidence}: no such file, and no SHA-256 either")

    async def write(registry: Registry) -> list[IndexRow]:
        cited = evidence
        if Path(evidence).is_file():
            folder = open_evidence(settings.registry, settings.data_directory)
            with Path(evidence).open("rb") as source:
                cited = (await store(registry, folder, iter(lambda: source.read(65_536), b""), who)).sha256
        await registry.record(replace(one, evidence=cited), who)
        return await registry.standing(one.callee, who)

    rows = at_desk(settings, write)
    tell_index(settings)
    return rows


def _plain(one: Said) -> dict[str, object]:
    said = one.statement
    return {
        "id": one.id, "kind": said.kind, "scope": said.scope, "since": said.since, "until": said.until,
        "sectors": said.sectors, "level": said.level, "purpose": said.purpose, "channel": said.channel,
        "evidence": said.evidence, "reference": said.reference, "recorded_at": one.recorded_at,
        "recorded_by": one.recorded_by, "ended_at": one.ended_at,
    }  # fmt: skip


def _counting(rows: list[IndexRow]) -> list[dict[str, object]]:
    return [{"scope": row.scope, "kind": row.kind, "since": row.since, "until": row.until} for row in rows]


def _row(one: Said, zone: ZoneInfo) -> list[str]:
    said = one.statement
    about = ", ".join(said.sectors) if said.level == "industries" else _whom(said.scope)
    proof = said.evidence[:12] or said.reference
    until = _local(said.until, zone)
    return [str(one.id), said.kind, about, _local(said.since, zone), until, proof, _local(one.ended_at, zone)]


def _until(end: int | None, zone: ZoneInfo) -> str:
    return "without an end" if end is None else f"until {_local(end, zone)}"


def _local(moment: int | None, zone: ZoneInfo) -> str:
    from datetime import datetime

    return "" if moment is None else datetime.fromtimestamp(moment, zone).isoformat(sep=" ", timespec="minutes")


def _scope(holder: str) -> str:
    return EVERY_HOLDER if holder == EVERY_HOLDER else f"holder:{holder}"


def _whom(scope: str) -> str:
    return "everybody" if scope == EVERY_HOLDER else scope.removeprefix("holder:").replace("sector:", "sector ")


def _warn_of_stranger(config: Path, holder: str) -> None:
    """A misspelt holder would be recorded and never asked for."""
    from ringfence.config import load_bundle
    from ringfence.explaining.rules import MAX_NAMED

    holders = [each["name"] for each in load_bundle(config).ledger.holders()]
    if holder in holders:
        return
    if len(holders) > MAX_NAMED:
        holders = difflib.get_close_matches(holder, holders, n=3)
        known = f"the nearest: {', '.join(holders)}" if holders else "none is like it"
    else:
        known = f"there are: {', '.join(holders) or 'none'}"
    output.complain(f"warning: no trunk has the holder {holder!r}; {known}")
