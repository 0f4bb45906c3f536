"""`ringfence roaming`: which subscribers are abroad, in the store's set."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ringfence.cli import output
from ringfence.cli.options import DEFAULT_CONFIG, AsJson, ConfigFile

app = typer.Typer(
    help="Subscribers who are abroad (roaming.source: redis). Whoever is in the set may call home by an international "
    "trunk until he is removed.",
    no_args_is_help=True,
)

Numbers = Annotated[list[str] | None, typer.Argument(metavar="[NUMBER]...", help="Mobile numbers of subscribers.")]
File = Annotated[Path | None, typer.Option("--file", metavar="FILE", help="Read numbers from a file, one a line.")]


@app.command()
def add(numbers: Numbers = None, file: File = None, config: ConfigFile = DEFAULT_CONFIG) -> None:
    """Record subscribers as abroad."""
    from ringfence.cli.store import open_settings, open_store

    settings = open_settings(config)
    values = _read(numbers, file, config)
    with open_store(settings) as store:
        new = store.roaming_add(values)
    output.line(f"{len(values)} abroad, {new} of them new")


@app.command()
def remove(numbers: Numbers = None, file: File = None, config: ConfigFile = DEFAULT_CONFIG) -> None:
    """Record subscribers as back home."""
    from ringfence.cli.store import open_settings, open_store

    settings = open_settings(config)
    values = _read(numbers, file, config)
    with open_store(settings) as store:
        gone = store.roaming_remove(values)
    output.line(f"{gone} of {len(values)} were abroad and are no more")


@app.command()
def show(
    number: Annotated[str | None, typer.Argument(metavar="[NUMBER]", help="A subscriber; none: how many.")] = None,
    config: ConfigFile = DEFAULT_CONFIG,
    json: AsJson = False,
) -> None:
    """Print whether a subscriber is abroad; 1 when not. Without a number how many are."""
    from ringfence.cli.store import open_settings, open_store

    settings = open_settings(config)
    if number is None:
        with open_store(settings) as store:
            count = store.roaming_count()
        if json:
            output.as_json({"abroad": count})
        else:
            output.line(f"{count} subscribers are abroad")
        return
    (value,) = _read([number], None, config)
    with open_store(settings) as store:
        abroad = store.roaming_show(value)
    if json:
        output.as_json({"number": value, "roaming": abroad})
    else:
        output.line(f"{value} is {'abroad' if abroad else 'not abroad'}")
    if not abroad:
        raise typer.Exit(1)


def _read(numbers: list[str] | None, file: Path | None, config: Path) -> list[str]:
    """Numbers in their comparable form, each of a class that roams. Raises BadParameter with the line of a bad one."""
    from ringfence.cli.store import numbering_of

    numbering = numbering_of(config)
    written = [(text, "") for text in numbers or ()]
    if file is not None:
        try:
            lines = file.read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise typer.BadParameter(f"{file}: cannot be read: {error}") from None
        written += [(line, f"{file}:{at}: ") for at, line in enumerate(lines, 1) if line.strip()]
    if not written:
        raise typer.BadParameter("give numbers, or --file with a number a line")
    values = []
    for text, place in written:
        number = numbering.read(text)
        if not number.value or number.class_.from_abroad != "roaming":
            raise typer.BadParameter(f"{place}{text!r} is no number of a subscriber who could roam")
        values.append(number.value)
    return values
