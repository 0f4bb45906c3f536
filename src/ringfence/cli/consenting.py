"""`ringfence consent`: what callees allowed and refused, in the store."""

from __future__ import annotations

import difflib
from datetime import datetime, time, timedelta
from pathlib import Path
from typing import Annotated

import typer

from ringfence.cli import output
from ringfence.cli.options import DEFAULT_CONFIG, AsJson, ConfigFile

EVERY_HOLDER = "*"

app = typer.Typer(help="Consents and refusals of callees.", no_args_is_help=True)

Callee = Annotated[str, typer.Argument(metavar="CALLEE", help="The called number, as anybody would write it.")]


@app.command()
def add(
    callee: Callee,
    holder: Annotated[str, typer.Option(help="Who may call: the trunk's holder.")],
    until: Annotated[
        str | None, typer.Option(metavar="DATE", help="Last day, or a time; local unless it says its zone.")
    ] = None,
    config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """Record that a callee consents to a holder's calls; takes the place of a refusal of this holder."""
    from ringfence.cli.store import comparable, open_settings, open_store

    if holder == EVERY_HOLDER:
        raise typer.BadParameter("a consent is given to somebody: name the holder")
    end = None if until is None else end_of(until)
    settings = open_settings(config)
    number = comparable(settings, callee)
    _warn_of_stranger(config, holder)
    with open_store(settings) as store:
        store.consent_add(number, holder, end)
    output.line(f"{number} consents to calls of {holder}, {_until(end)}")


@app.command()
def refuse(
    callee: Callee,
    holder: Annotated[str, typer.Option(help="Whose calls are refused.", show_default="everybody's")] = EVERY_HOLDER,
    config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """Record that a callee refuses marketing calls; it beats every consent at once."""
    from ringfence.cli.store import comparable, open_settings, open_store

    settings = open_settings(config)
    number = comparable(settings, callee)
    if holder != EVERY_HOLDER:
        _warn_of_stranger(config, holder)
    with open_store(settings) as store:
        store.refuse(number, holder)
    output.line(f"{number} refuses calls of {_whom(holder)}")


@app.command()
def remove(
    callee: Callee,
    holder: Annotated[str | None, typer.Option(help="Only what was said about this holder; `*`: about all.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="All that the callee said.")] = False,
    config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """Forget what a callee said; 1 when there was nothing."""
    from ringfence.cli.store import comparable, open_settings, open_store

    if (holder is None) != everything:
        raise typer.BadParameter("give either --holder or --all")
    settings = open_settings(config)
    number = comparable(settings, callee)
    with open_store(settings) as store:
        count = store.consent_remove(number, holder)
    output.line(f"{count} removed")
    if not count:
        raise typer.Exit(1)


@app.command()
def show(callee: Callee, config: ConfigFile = DEFAULT_CONFIG, json: AsJson = False) -> None:
    """Print what a callee said; 1 when there is nothing."""
    from ringfence.cli.store import comparable, open_settings, open_store

    settings = open_settings(config)
    number = comparable(settings, callee)
    with open_store(settings) as store:
        entries = store.consent_show(number)
    if json:
        rows = [{"holder": one.holder, "granted": one.granted, "at": one.at} for one in entries]
        output.as_json({"callee": number, "entries": rows})
    elif entries:
        table = [
            [_whom(one.holder), *(("consent", _until(one.at)) if one.granted else ("refusal", _since(one.at)))]
            for one in entries
        ]
        output.table(("holder", "says", "when"), table)
    else:
        output.line(f"{number}: no consent, no refusal")
    if not entries:
        raise typer.Exit(1)


def end_of(text: str) -> int:
    """The end of a day (`2027-06-30`) or a time (`2027-06-30T12:00+08:00`), epoch seconds. Raises BadParameter.

    Without a zone it is this machine's.
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter("a date is written 2027-06-30, a time 2027-06-30T12:00") from None
    if moment.time() == time() and "T" not in text and " " not in text:
        moment += timedelta(days=1)  # the whole last day counts
    end = int(moment.timestamp())
    if end <= datetime.now().timestamp():
        raise typer.BadParameter(f"{text} is over")
    return end


def _until(end: int | None) -> str:
    return "without an end" if end is None else f"until {_local(end)}"


def _since(begin: int | None) -> str:
    return "" if begin is None else f"since {_local(begin)}"


def _local(moment: int) -> str:
    return datetime.fromtimestamp(moment).astimezone().isoformat(sep=" ", timespec="minutes")


def _whom(holder: str) -> str:
    return "everybody" if holder == EVERY_HOLDER else holder


def _warn_of_stranger(config: Path, holder: str) -> None:
    """A misspelt holder would be recorded and never asked for."""
    from ringfence.cli.rules import MAX_NAMED
    from ringfence.config import load_bundle

    holders = [each["name"] for each in load_bundle(config).ledger.holders()]
    if holder in holders:
        return
    if len(holders) > MAX_NAMED:
        holders = difflib.get_close_matches(holder, holders, n=3)
        known = f"the nearest: {', '.join(holders)}" if holders else "none is like it"
    else:
        known = f"there are: {', '.join(holders) or 'none'}"
    output.complain(f"warning: no trunk has the holder {holder!r}; {known}")
