"""`ringfence score`: harassment scores of callers, in the store."""

from __future__ import annotations

from typing import Annotated

import typer

from ringfence.cli import output
from ringfence.cli.options import DEFAULT_CONFIG, AsJson, ConfigFile, duration

app = typer.Typer(help="Harassment scores of callers.", no_args_is_help=True)

Number = Annotated[str, typer.Argument(metavar="NUMBER", help="The caller's number, as anybody would write it.")]


@app.command("set")
def set_(
    number: Number,
    points: Annotated[float, typer.Argument(min=0, max=100, help="0 harmless, 100 certain.")],
    lasting: Annotated[str, typer.Option("--for", metavar="TIME", help="How long it counts.")] = "30d",
    config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """Give a caller a score."""
    from ringfence.cli.store import comparable, open_settings, open_store

    seconds = round(duration(lasting))
    if seconds < 1:
        raise typer.BadParameter("a score lasts a second at least")
    settings = open_settings(config)
    caller = comparable(settings, number)
    with open_store(settings) as store:
        store.score_set(caller, points, seconds)
    output.line(f"{caller} has the score {points:g} for {lasting}")


@app.command()
def show(number: Number, config: ConfigFile = DEFAULT_CONFIG, json: AsJson = False) -> None:
    """Print a caller's score; 1 when it has none."""
    from ringfence.cli.store import comparable, open_settings, open_store

    settings = open_settings(config)
    caller = comparable(settings, number)
    with open_store(settings) as store:
        found = store.score_show(caller)
    points, left = found or (None, None)
    if json:
        output.as_json({"caller": caller, "score": points, "expires_in": left})
    else:
        output.line(f"{caller}: no score" if found is None else f"{caller}: {points:g}, for {left} s more")
    if found is None:
        raise typer.Exit(1)
