"""`ringfence consent`: what callees allowed and refused, in the store."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from ringfence.cli import output
from ringfence.cli.options import DEFAULT_CONFIG, AsJson, ConfigFile

if TYPE_CHECKING:
    from ringfence.config import Settings

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
    """Record that a callee consents to a holder's calls; without evidence it beats no refusal."""
    from ringfence.cli.store import comparable, open_settings, open_store

    if holder == EVERY_HOLDER:
        raise typer.BadParameter("a consent is given to somebody: name the holder")
    end = None if until is None else end_of(until)
    settings = open_settings(config)
    number = comparable(settings, callee)
    _warn_of_stranger(settings, holder)
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
        _warn_of_stranger(settings, holder)
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
        rows = [
            {"scope": one.scope, "says": one.kind, "since": one.since or None, "until": one.until} for one in entries
        ]
        output.as_json({"callee": number, "entries": rows})
    elif entries:
        table = [
            [one.scope, one.kind, _until(one.until) if one.kind == "consent" else _since(one.since)] for one in entries
        ]
        output.table(("scope", "says", "when"), table)
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


def _since(begin: int) -> str:
    return f"since {_local(begin)}"


def _local(moment: int) -> str:
    return datetime.fromtimestamp(moment).astimezone().isoformat(sep=" ", timespec="minutes")


def _whom(holder: str) -> str:
    return "everybody" if holder == EVERY_HOLDER else holder


def _warn_of_stranger(settings: Settings, holder: str) -> None:
    """A misspelt holder would be recorded and never asked for."""
    holders = sorted({trunk.holder for trunk in settings.trunks})
    if holder not in holders:
        output.complain(f"warning: no trunk has the holder {holder!r}; there are: {', '.join(holders) or 'none'}")
