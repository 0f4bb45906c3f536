"""`ringfence check` and `ringfence schema`: settings looked at, nothing written, nothing started."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ringfence.cli import output
from ringfence.cli.options import AsJson

if TYPE_CHECKING:
    from ringfence.config.load import Bundle
    from ringfence.config.settings import Settings
    from ringfence.ledger import Trunk

MAX_SHOWN = 50


def check(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The settings file.")],
    json: AsJson = False,
) -> None:
    """Look for every fault in a settings file and its ledger; 78 when there is one.

    A certificate that has expired is a fault here; a daemon starts all the same and refuses the calls that need it.
    What the calendars do not know of this year, and from November of the next, is a warning.
    """
    from ringfence.cli import CONFIG
    from ringfence.config import ConfigError, load_bundle
    from ringfence.config.ledger_store import Here

    try:
        bundle = load_bundle(file, make_ledger=Here())
        if bundle.late:
            raise ConfigError(bundle.late)
    except ConfigError as error:
        output.faults(error.faults, json)
        raise typer.Exit(CONFIG) from None
    running = asyncio.run(running_generation(bundle.settings))
    _warn_of_store(bundle.settings)
    gaps = [str(gap) for gap in bundle.calendar_gaps(datetime.now(UTC).date())]
    if json:
        output.as_json({"valid": True, **_summary(bundle), "warnings": gaps, "running": running})
        return
    for gap in gaps:
        output.complain(f"warning: {gap}")
    _print(file, bundle, running)


def schema() -> None:
    """Print the settings' JSON Schema, for editors."""
    from ringfence.config.schema import json_schema

    output.as_json(json_schema())


async def running_generation(settings: Settings) -> dict[str, Any] | None:
    """What a daemon with this data directory says of itself: its generation and readiness; None when none runs."""
    from ringfence.control.channel import CHANNEL, ask
    from ringfence.control.errors import ControlError

    try:
        answer: dict[str, Any] = await ask(settings.data_directory / CHANNEL, "ready", timeout=1.0)
    except ControlError:
        return None
    return answer


def _warn_of_store(settings: Settings) -> None:
    """Look at an operator's own store, as far as it answers: its settings may make the consent index dear."""
    if settings.redis.url is None:
        return
    from ringfence.cli.store import open_index
    from ringfence.errors import RingfenceError

    try:
        store = open_index(settings)
        try:
            warning = store.dear()
        finally:
            store.close()
    except RingfenceError as error:
        output.complain(f"warning: {error}")
        return
    if warning:
        output.complain(f"warning: {warning}")


def _summary(bundle: Bundle) -> dict[str, Any]:
    settings = bundle.settings
    return {
        "node": settings.node,
        "listeners": [f"{one.transport} {one.bind}" for one in settings.listeners],
        "gateways": {name: [str(target.uri) for target in group.targets] for name, group in settings.gateways.items()},
        "ranges": bundle.ledger.ranges,
        "trunks": {trunk.name: trunk.numbers for trunk in _first(bundle)},
        "more_trunks": max(0, len(bundle.ledger.trunks) - MAX_SHOWN),
        "rules": {name: str(mode) for name, mode in _modes(bundle).items()},
    }


def _first(bundle: Bundle) -> list[Trunk]:
    """The trunks that are shown: of a hundred thousand nobody reads all."""
    return [bundle.ledger.trunk(place) for place in range(min(MAX_SHOWN, len(bundle.ledger.trunks)))]


def _modes(bundle: Bundle) -> dict[str, str]:
    """Each rule's mode, and the trunks that have another."""
    from ringfence.explaining import mode_of
    from ringfence.screening.discovery import RULES

    modes: dict[str, str] = {}
    for name in RULES:
        common = getattr(getattr(bundle.settings.screening.rules, name), "mode", "enforce")
        others = [
            f"{trunk.name}: {mode}" for trunk in _first(bundle) if (mode := mode_of(bundle, trunk, name)[0]) != common
        ]
        modes[name] = ", ".join([common, *others])
    return modes


def _print(file: Path, bundle: Bundle, running: dict[str, Any] | None) -> None:
    summary = _summary(bundle)
    rows = [("node", summary["node"])]
    rows += [("listener", value) for value in summary["listeners"]]
    rows += [(f"gateways {name}", ", ".join(uris)) for name, uris in summary["gateways"].items()]
    rows += [(f"trunk {name}", f"{count} number ranges") for name, count in summary["trunks"].items()]
    if summary["more_trunks"]:
        rows.append(("more trunks", f"{summary['more_trunks']}: `ringfence ledger show TRUNK`"))
    rows += [(f"rule {name}", mode) for name, mode in summary["rules"].items()]
    rows.append(("daemon", _daemon(running)))
    output.line(f"{file}: no faults")
    output.facts(rows)


def _daemon(running: dict[str, Any] | None) -> str:
    if running is None:
        return "none answers on this data directory"
    state = "ready" if running.get("ready") else "not ready: " + "; ".join(running.get("reasons", []))
    warnings = "".join(f"; warning: {each}" for each in running.get("warnings", []))
    return f"generation {running.get('generation')}, {state}{warnings}"
