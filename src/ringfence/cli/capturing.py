"""`ringfence capture`: messages of a trunk, or of calls from or to a number, into a pcapng file for a while."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ringfence.cli import output
from ringfence.cli.options import DEFAULT_CONFIG, AsJson, ConfigFile, duration

if TYPE_CHECKING:
    from ringfence.config import Settings

app = typer.Typer(help="Messages of a trunk or a number, into a file.", no_args_is_help=True)
TIMEOUT = 15.0  # seconds for the daemon to start its copying process


@app.callback()
def group() -> None:
    """Messages of a trunk or a number, into a file."""


@app.command()
def start(
    trunk: Annotated[
        str | None, typer.Option(help="Every message of this trunk, and its calls' on the other side.")
    ] = None,
    number: Annotated[str | None, typer.Option(help="Every message of calls from or to this number.")] = None,
    seconds: Annotated[
        float, typer.Option("--for", parser=duration, metavar="DURATION", help="When it ends by itself.")
    ] = 600.0,
    reason: Annotated[str, typer.Option(help="Why; for the audit trail and the list.")] = "",
    config: ConfigFile = DEFAULT_CONFIG,
    json: AsJson = False,
) -> None:
    """Have the running daemon write messages to a pcapng file; who, why and what go into the audit trail first."""
    from ringfence.cli.desk import actor
    from ringfence.cli.store import comparable, open_settings
    from ringfence.control.errors import ControlError

    if (trunk is None) == (number is None):
        raise typer.BadParameter("give either --trunk or --number")
    settings = open_settings(config)
    who = actor()
    what = {"trunk": trunk or "", "number": "" if number is None else comparable(settings, number)}
    _noted(settings, "capture_asked", what["number"], {"trunk": what["trunk"], "seconds": seconds, "why": reason})
    try:
        capture = _asked(settings, "capture_start", {**what, "seconds": seconds, "who": who.name, "why": reason})
    except ControlError as error:
        _noted(settings, "capture_refused", "", {"why": str(error)})
        raise
    _noted(settings, "capture_started", "", {"capture": capture["capture"], "file": capture["file"]})
    if json:
        output.as_json(_shown(capture))
    else:
        output.facts([("capture", capture["capture"]), ("until", _clock(capture["until"])), ("file", capture["file"])])


@app.command("list")
def list_captures(config: ConfigFile = DEFAULT_CONFIG, json: AsJson = False) -> None:
    """List the captures that the running daemon remembers, oldest first."""
    from ringfence.cli.store import open_settings

    rows = [_shown(capture) for capture in _asked(open_settings(config), "capture_list", {})]
    if json:
        output.as_json(rows)
        return
    columns = ("capture", "state", "trunk", "number", "until", "messages", "bytes", "who", "why", "file")
    table = [[_clock(row[name]) if name == "until" else str(row[name]) for name in columns] for row in rows]
    output.table(columns, table)


@app.command()
def stop(
    capture: Annotated[str, typer.Argument(help="Its name, from `capture list`.")],
    config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """End a capture before its time."""
    from ringfence.cli.store import open_settings

    settings = open_settings(config)
    stopped = _asked(settings, "capture_stop", {"capture": capture})
    _noted(settings, "capture_stopped", "", {"capture": capture})
    output.line(stopped["file"])


def _asked(settings: Settings, command: str, arguments: dict[str, Any]) -> Any:
    """The running daemon's answer. Raises ControlError."""
    from ringfence.control.channel import CHANNEL, ask

    return asyncio.run(ask(settings.data_directory / CHANNEL, command, arguments, timeout=TIMEOUT))


def _noted(settings: Settings, action: str, number: str, detail: dict[str, Any]) -> None:
    """Into the audit trail. Raises RegistryError.

    number: whom it is about: masked, with the digest by which an auditor who has the number knows it again.
    """
    from ringfence.cli.desk import actor, at_desk
    from ringfence.registry.numbers import masked
    from ringfence.registry.register import Registry

    async def work(registry: Registry) -> None:
        if number:
            await registry.look(
                actor(),
                action,
                number,
                {**detail, "number": masked(number), "digest": registry.ring.digest(number).hex()},
            )
        else:
            await registry.note(actor(), action, detail)

    at_desk(settings, work)


def _shown(capture: dict[str, Any]) -> dict[str, Any]:
    """A capture with its number masked."""
    from ringfence.registry.numbers import masked

    return {**capture, "number": masked(capture["number"]), "file": str(Path(capture["file"]))}


def _clock(moment: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.localtime(moment))
