"""`ringfence trace request|answer|…`: calls traced across carriers, by HTTPS or by file."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ringfence.cli import FAILED, output, trace_views
from ringfence.cli.options import DEFAULT_CONFIG, ConfigFile
from ringfence.cli.record_keys import keys_of
from ringfence.cli.trace_views import Id, at_requests
from ringfence.cli.tracing import trace

if TYPE_CHECKING:
    from ringfence.config import Settings
    from ringfence.tracing.book import TraceBook
    from ringfence.tracing.courier import Delivery
    from ringfence.tracing.disclosure import Call

app = typer.Typer(help="Calls traced back, and across carriers.", invoke_without_command=True)
app.callback()(trace)
app.command("list")(trace_views.list_)
app.command("show")(trace_views.show)

MOST_SEARCHED = 1000  # calls to one callee within a request's time that are looked through


@app.command()
def request(
    record: Annotated[int, typer.Argument(help="The call: sequence number of its decision.")],
    peer: Annotated[str | None, typer.Option(help="Of trace.peers; default: whose trunk the call came from.")] = None,
    why: Annotated[str, typer.Option(help="What the call is held to be; the peer reads it.")] = "",
    reference: Annotated[str, typer.Option(help="Our case number; the peer reads it.")] = "",
    contact: Annotated[str, typer.Option(help="Whom to call; the peer reads it.")] = "",
    send_now: Annotated[bool, typer.Option("--send", help="Send it at once, to a peer with a url.")] = False,
    config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """Draft a request to the carrier that brought a call, and print its id."""
    from ringfence.cli.desk import actor, at_book
    from ringfence.cli.recording import told_record
    from ringfence.cli.store import open_settings
    from ringfence.tracing.tracer import ask_peer

    settings = open_settings(config)
    call = told_record(record, "trace request", True, None, config)
    more = {"why": why, "reference": reference, "contact": contact}

    async def work(book: TraceBook) -> tuple[int, str]:
        return await ask_peer(book, actor(), call, settings.node, peer, **more)

    place, name = at_book(settings, work)
    output.line(f"request {place} to {name} is drafted")
    if send_now:
        _send(settings, place)


@app.command()
def send(place: Id, config: ConfigFile = DEFAULT_CONFIG) -> None:
    """Send what is unsent about a request; 1 when the peer has not taken it. The daemon tries again until it has."""
    from ringfence.cli.store import open_settings

    _send(open_settings(config), place)


@app.command("export")
def export_(
    place: Id,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Written whole or not at all.")],
    config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """Write our newest message about a request, signed now, to a file for the peer; it counts as delivered."""
    from ringfence.cli.desk import actor
    from ringfence.tracing import post
    from ringfence.tracing.errors import TraceError

    async def work(book: TraceBook, _: Settings) -> post.Letter:
        return await post.export(book, actor(), place)

    draft = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise TraceError(f"{file} cannot be written: {error.strerror}") from None
    try:
        letter = at_requests(config, work)
        with os.fdopen(descriptor, "w", encoding="ascii") as target:
            target.write(letter.text + "\n")
        draft.replace(file)
    finally:
        draft.unlink(missing_ok=True)
    output.line(f"{letter.kind} to {letter.peer.name}: take {file} to it within {_hours(config)} h")


@app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A peer's message.")], config: ConfigFile = DEFAULT_CONFIG
) -> None:
    """Take a peer's message from a file; the same one again changes nothing."""
    from ringfence.cli.desk import actor
    from ringfence.tracing import jws, post
    from ringfence.tracing.errors import TraceError

    try:
        with file.open("rb") as source:
            data = source.read(jws.LONGEST + 2)
    except OSError as error:
        raise TraceError(f"{file}: cannot be read: {error.strerror}") from None

    async def work(book: TraceBook, _: Settings) -> post.Taken:
        message = post.opened(book, data.decode(errors="replace"))
        return await post.take(book, message, f"file by {actor().name}"[:128])

    try:
        taken = at_requests(config, work)
    except TraceError as error:
        raise TraceError(f"{file}: {error}") from None
    again = "" if taken.new else ", which was on record already"
    output.line(f"{taken.kind} of {taken.peer} about request {taken.request}{again}")


@app.command()
def accept(place: Id, config: ConfigFile = DEFAULT_CONFIG) -> None:
    """Tell a peer that its request is looked into."""
    from ringfence.cli.desk import actor
    from ringfence.tracing import steps

    async def work(book: TraceBook, _: Settings) -> None:
        await steps.accept(book, actor(), place)

    at_requests(config, work)
    _told(config, place)


@app.command()
def answer(
    place: Id,
    record: Annotated[int | None, typer.Option(help="Which record, where several calls fit.")] = None,
    config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """Answer a peer: our hop of the call that it asks about, and what our own requests found behind it."""
    from ringfence.cli.desk import actor
    from ringfence.cli.tracing import noted, records_folder
    from ringfence.tracing.tracer import answer_peer
    from ringfence.warehouse.library import Library, Question
    from ringfence.warehouse.telling import told

    folder = records_folder(config)

    async def find(question: dict[str, Any]) -> list[Call]:
        library = Library(folder, keys_of(config))
        found = library.find(Question(**question), MOST_SEARCHED)
        asked = {name: value for name, value in question.items() if isinstance(value, str)}
        noted(folder, "trace answer", asked, len(found), True)
        return [told(library.told(sequence, decision), True) for sequence, decision in found]

    async def work(book: TraceBook, settings: Settings) -> int:
        return await answer_peer(book, actor(), place, settings.node, find, record)

    output.line(f"request {place} is answered from record {at_requests(config, work)}")
    _told(config, place)


@app.command()
def refuse(
    place: Id,
    why: Annotated[str, typer.Option(help="The peer reads it.")],
    config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """Tell a peer that and why it gets no answer."""
    from ringfence.cli.desk import actor
    from ringfence.tracing import steps

    if not 0 < len(why) <= 256 or not why.isprintable():
        raise typer.BadParameter("--why is a sentence of 256 characters at most")

    async def work(book: TraceBook, _: Settings) -> None:
        await steps.refuse(book, actor(), place, why)

    at_requests(config, work)
    _told(config, place)


@app.command()
def close(place: Id, config: ConfigFile = DEFAULT_CONFIG) -> None:
    """Put a request away: ours at any time, a peer's once it is answered or refused."""
    from ringfence.cli.desk import actor
    from ringfence.tracing import steps

    async def work(book: TraceBook, _: Settings) -> None:
        await steps.close(book, actor(), place)

    at_requests(config, work)
    output.line(f"request {place} is closed")


@app.command()
def key(config: ConfigFile = DEFAULT_CONFIG) -> None:
    """Print our public key for peers, and on standard error its fingerprint, to be told by another way."""

    async def work(book: TraceBook, _: Settings) -> tuple[str, str, str]:
        signer = book.peers.signer
        return book.peers.name, signer.public.decode(), signer.fingerprint

    name, public, fingerprint = at_requests(config, work)
    output.line(public.rstrip())
    output.complain(f"{name}: SHA-256 {fingerprint}")


@app.command()
def schema() -> None:
    """Print the JSON Schema of the messages between carriers."""
    from ringfence.tracing.messages import schema as made

    output.as_json(made())


def _send(settings: Settings, place: int) -> None:
    from ringfence.cli.desk import actor, at_book
    from ringfence.tracing import courier, post

    async def work(book: TraceBook) -> tuple[Delivery, list[str]]:
        await post.send(book, actor(), place)
        done = await courier.carry(book, actor(), place)
        return done, [one.trouble for one in await book.said(actor(), place) if one.trouble]

    done, troubles = at_book(settings, work)
    for trouble in troubles:
        output.complain(trouble)
    if done.waiting or done.refused:
        again = "it is not tried again" if done.refused else "the daemon tries again"
        output.line(f"request {place}: the peer has not taken it; {again}")
        raise typer.Exit(FAILED)
    output.line(f"request {place}: the peer has everything")


def _told(config: Path, place: int) -> None:
    """How the peer gets to know: at once where it has a url, else by file. Nothing is lost where that does not work."""
    from ringfence.cli.store import open_settings

    settings = open_settings(config)

    async def work(book: TraceBook, _: Settings) -> bool:
        from ringfence.cli.desk import actor

        request = await book.get(actor(), place)
        return book.peers.named(request.peer).settings.url is not None

    if at_requests(config, work):
        _send(settings, place)
    else:
        output.line(f"the peer has no url: `ringfence trace export {place} FILE` writes what to take to it")


def _hours(config: Path) -> str:
    from ringfence.cli.store import open_settings

    return f"{open_settings(config).trace.freshness / 3600:g}"
