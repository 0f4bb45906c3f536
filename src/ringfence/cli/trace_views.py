"""`ringfence trace list|show`: trace requests as people read them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ringfence.cli import output
from ringfence.cli.options import DEFAULT_CONFIG, AsJson, ConfigFile
from ringfence.cli.tracing import InFull, hop_line

if TYPE_CHECKING:
    from ringfence.config import Settings
    from ringfence.tracing.book import TraceBook

Id = Annotated[int, typer.Argument(metavar="ID", help="Of the trace request.")]


def list_(
    state: Annotated[str | None, typer.Option(help="drafted, sent, received, accepted, overdue, answered, …")] = None,
    late: Annotated[bool, typer.Option("--overdue", help="Only those that wait for longer than they may.")] = False,
    after: Annotated[int, typer.Option(help="Behind this id.")] = 0,
    limit: Annotated[int, typer.Option(min=1, max=1000)] = 100,
    config: ConfigFile = DEFAULT_CONFIG,
    json: AsJson = False,
) -> None:
    """List trace requests, ours (out) and those of peers (in), numbers masked."""
    from ringfence.cli.desk import actor
    from ringfence.tracing.requests import STATES
    from ringfence.tracing.showing import plain

    chosen = next((one for one in STATES if one == ("overdue" if late else state)), None)
    if chosen is None and (state is not None or late):
        raise typer.BadParameter(f"a state is one of {', '.join(STATES)}")

    async def work(book: TraceBook, _: Settings) -> list[dict[str, Any]]:
        return [plain(one, False) for one in await book.listing(actor(), chosen, None, after, limit)]

    rows = at_requests(config, work)
    if json:
        output.as_json(rows)
        return
    columns = ("id", "direction", "peer", "state", "record", "made_at", "due_at")
    table = [[str(row[column] or "") for column in columns] for row in rows]
    output.table(
        (*columns, "callee"), [[*cells, row["asked"]["callee"]] for cells, row in zip(table, rows, strict=True)]
    )


def show(place: Id, full: InFull = False, config: ConfigFile = DEFAULT_CONFIG, json: AsJson = False) -> None:
    """Print one request, what was answered, and every message about it."""
    from ringfence.cli.desk import actor, zone_of
    from ringfence.registry.moments import text_of
    from ringfence.tracing.showing import plain

    async def work(book: TraceBook, settings: Settings) -> tuple[dict[str, Any], list[str]]:
        found = await book.get(actor(), place)
        if full:
            await book.note_look(actor(), {"command": "trace show", "request": place})
        said = await book.said(actor(), place)
        values = {**plain(found, full), "said": [one._asdict() for one in said]}
        contact = next((peer.contact for peer in settings.trace.peers if peer.name == found.peer), "")
        zone = zone_of(settings)
        lines = [f"contact  {contact}"] if contact else []
        for one in said:
            way = "from" if one.direction == "in" else "to"
            fate = _fate(one.direction, one.delivered_at, one.tries, one.trouble)
            lines.append(f"{text_of(one.at, zone)}  {one.kind} {way} {found.peer}{fate}")
        return values, lines

    values, lines = at_requests(config, work)
    if json:
        output.as_json(values)
        return
    asked = values["asked"]
    rows = [(name, str(values[name])) for name in ("id", "direction", "peer", "state", "name", "record", "made_at")]
    rows += [("due_at", values["due_at"] or "nobody has received it")]
    rows += [(name, str(asked[name])) for name in ("caller", "callee", "at", "within", "call_id", "handed_over")]
    rows += [(name, asked[name]) for name in ("why", "reference", "contact") if asked[name]]
    rows += [("refused", values["why"])] if values["why"] else []
    rows += [("hop", hop_line(hop)) for hop in values["hops"]]
    output.facts(rows)
    for line in lines:
        output.line(line)


def _fate(direction: str, delivered_at: int | None, tries: int, trouble: str) -> str:
    if direction == "in":
        return ""
    if delivered_at is not None:
        return ", delivered"
    return f", not delivered after {tries} tries: {trouble}" if tries else ", not sent yet"


def at_requests(config: Path, work: Callable[[TraceBook, Settings], Awaitable[Any]]) -> Any:
    """Work in the book of trace requests of a configuration. Raises ConfigError, RegistryError, TraceError."""
    from ringfence.cli.desk import at_book
    from ringfence.cli.store import open_settings

    settings = open_settings(config)
    return at_book(settings, lambda book: work(book, settings))
