"""`ringfence check` and `ringfence schema`: settings looked at, nothing written, nothing started."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ringfence.cli import output
from ringfence.cli.options import AsJson

if TYPE_CHECKING:
    from ringfence.config.load import Bundle
    from ringfence.config.settings import Settings


def check(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The settings file.")],
    json: AsJson = False,
) -> None:
    """Look for every fault in a settings file; 78 when there is one."""
    from ringfence.cli import CONFIG
    from ringfence.config import ConfigError, load_bundle

    try:
        bundle = load_bundle(file)
    except ConfigError as error:
        output.faults(error.faults, json)
        raise typer.Exit(CONFIG) from None
    running = asyncio.run(running_generation(bundle.settings))
    _warn_of_store(bundle.settings)
    if json:
        output.as_json({"valid": True, **_summary(bundle), "running": running})
        return
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
        "trunks": {trunk.name: len(trunk.numbers) for trunk in bundle.ledger.trunks.values()},
        "rules": {name: str(mode) for name, mode in _modes(bundle).items()},
    }


def _modes(bundle: Bundle) -> dict[str, str]:
    """Each rule's mode, and the trunks that have another."""
    from ringfence.explaining import mode_of
    from ringfence.screening.discovery import RULES

    modes: dict[str, str] = {}
    for name in RULES:
        common = getattr(getattr(bundle.settings.screening.rules, name), "mode", "enforce")
        others = [
            f"{trunk.name}: {mode}"
            for trunk in bundle.ledger.trunks.values()
            if (mode := mode_of(bundle, trunk, name)[0]) != common
        ]
        modes[name] = ", ".join([common, *others])
    return modes


def _print(file: Path, bundle: Bundle, running: dict[str, Any] | None) -> None:
    summary = _summary(bundle)
    rows = [("node", summary["node"])]
    rows += [("listener", value) for value in summary["listeners"]]
    rows += [(f"gateways {name}", ", ".join(uris)) for name, uris in summary["gateways"].items()]
    rows += [(f"trunk {name}", f"{count} number ranges") for name, count in summary["trunks"].items()]
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
