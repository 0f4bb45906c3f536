"""What comes from peers and goes to them: taken once however often it comes, sent until it is acknowledged.

By HTTPS and by file alike: the same text, the same checks, the same rows.
"""

from __future__ import annotations

from typing import NamedTuple

import sqlalchemy as sa

from ringfence.registry import tables as t
from ringfence.registry.actors import Actor, must_be
from ringfence.tracing import jws
from ringfence.tracing.book import TraceBook
from ringfence.tracing.errors import BadMessage, Conflict, NoRequest, Stale, TraceError, Unauthorised
from ringfence.tracing.messages import Accepted, Answer, Envelope, Kind, Refusal, Request, read
from ringfence.tracing.peers import Peer
from ringfence.tracing.pen import Pen
from ringfence.tracing.requests import MESSAGE, WAITING, request_of, sealed_answer

AHEAD = 300  # seconds that a peer's clock may be ahead of ours
FIRST_PAUSE, LONGEST_PAUSE = 5, 900  # seconds between two tries to send a message; doubles from the first on
_BATCH = 50  # messages that one look into the outbox takes


class Taken(NamedTuple):
    """A message of a peer's that is on record. request: our id. new: False when it was before."""

    request: int
    peer: str
    kind: Kind
    new: bool


class Letter(NamedTuple):
    """A message of ours, signed just now. id: of its row."""

    id: int
    request: int
    peer: Peer
    kind: Kind
    text: str


class Opened(NamedTuple):
    """A message of a peer's, checked in every way that needs no database."""

    peer: Peer
    envelope: Envelope
    text: str


def opened(book: TraceBook, text: str) -> Opened:
    """Whose message it is, and what it says. Raises BadMessage, Unauthorised, Stale."""
    token = jws.parse(text)
    peer = book.peers.signing(token.key)
    jws.check(token, peer.key)
    envelope = read(token.claims)
    if envelope.iss != peer.name:
        raise Unauthorised("iss is not the carrier whose key signed it")
    if envelope.aud != book.peers.name:
        raise Unauthorised("aud is another carrier")
    age = book.now - envelope.iat
    if age > book.settings.freshness:
        raise Stale("signed too long ago: it must be signed anew")
    if age < -AHEAD:
        raise Stale("signed in the future: one of the clocks is wrong")
    return Opened(peer, envelope, text.strip())


async def take(book: TraceBook, message: Opened, origin: str) -> Taken:
    """Write what a peer said; what it said before is taken again and changes nothing.

    origin: from where it came, for the audit trail. Raises Conflict, NoRequest, TraceError, RegistryError.
    """
    peer, envelope = message.peer, message.envelope
    columns = t.trace_message.c
    async with book.writing(Actor(f"peer:{peer.name}", "officer", origin)) as pen:
        question = sa.select(columns.request, columns.digest).where(
            columns.direction == "in", columns.peer == peer.name, columns.name == envelope.jti
        )
        known = (await pen.connection.execute(question)).first()
        if known is not None:
            if bytes(known.digest) != envelope.digest:
                raise Conflict("another message of this jti is on record")
            return Taken(known.request, peer.name, envelope.body.kind, False)
        if isinstance(envelope.body, Request):
            place = await _request(book, pen, message, envelope.body)
        else:
            place = await _reply(book, pen, message, envelope.body)
        await pen.keep(place, "in", peer.name, envelope, message.text)
    return Taken(place, peer.name, envelope.body.kind, True)


async def _request(book: TraceBook, pen: Pen, message: Opened, body: Request) -> int:
    columns = t.trace_request.c
    peer, name = message.peer.name, message.envelope.request
    theirs = sa.and_(columns.direction == "in", columns.peer == peer)
    if (await pen.connection.execute(sa.select(columns.id).where(theirs, columns.name == name))).first():
        raise Conflict("another message began this request")
    waiting = sa.select(sa.func.count()).where(theirs, columns.state.in_(WAITING))
    if (await pen.connection.execute(waiting)).scalar_one() >= book.settings.most_open:
        raise TraceError(f"{book.settings.most_open} requests of {peer} are open: more are not taken")
    due = pen.now + round(book.settings.answer_within)
    return await pen.add(name, "in", peer, "received", body.asked, due_at=due)


async def _reply(book: TraceBook, pen: Pen, message: Opened, body: Accepted | Answer | Refusal) -> int:
    """What a peer says to a request of ours. Messages may overtake each other: nothing goes back a step."""
    columns = t.trace_request.c
    question = sa.select(t.trace_request).where(
        columns.direction == "out", columns.peer == message.peer.name, columns.name == message.envelope.request
    )
    row = (await pen.connection.execute(question)).first()
    if row is None:
        raise NoRequest("there is no such request of ours to this peer")
    place: int = row.id
    open_still = row.state in ("drafted", *WAITING)
    if isinstance(body, Accepted) and open_still:
        latest = pen.now + round(book.settings.answer_within)  # it has come by now: nobody gives itself more time
        await pen.change(place, state="accepted", due_at=min(int(body.due_at.timestamp()), latest))
    elif isinstance(body, Refusal) and open_still:
        await pen.change(place, state="refused", why=body.why, ended_at=pen.now)
    elif isinstance(body, Answer):
        if body.hops[0].carrier != message.peer.name:
            raise BadMessage("the first hop is that of who answers", "body.hops")
        if body.part > request_of(row, pen.ring, pen.now).part:
            box = sealed_answer(pen.ring, place, body.part, body.hops, message.text)
            await pen.change(place, answered=box, state="closed" if row.state == "closed" else "answered")
    return place


# -- what goes out --------------------------------------------------------------------------------------------


async def send(book: TraceBook, actor: Actor, place: int) -> int:
    """Have what is unsent about a request sent; how many messages. Raises NoRequest, TraceError."""
    must_be(actor, "officer", "operator")
    columns = t.trace_message.c
    async with book.writing(actor) as pen:
        row = await pen.row(place)
        if book.peers.named(row.peer).settings.url is None:
            raise TraceError(f"{row.peer} has no url in trace.peers: export the message to a file")
        if row.state == "closed":
            raise Conflict(f"request {place} is closed")
        unsent = sa.update(t.trace_message).where(
            columns.request == place, columns.direction == "out", columns.delivered_at.is_(None)
        )
        return int((await pen.connection.execute(unsent.values(send_at=pen.now))).rowcount)


async def outbox(book: TraceBook, place: int | None = None) -> list[Letter]:
    """Messages whose time has come, oldest first, signed now. place: of this request alone."""
    columns = t.trace_message.c
    question = sa.select(t.trace_message).where(columns.send_at <= book.now, columns.peer.in_(book.peers.by_https))
    if place is not None:
        question = question.where(columns.request == place)
    async with book.registry.database.reading() as connection:
        rows = (await connection.execute(question.order_by(columns.send_at, columns.id).limit(_BATCH))).all()
    return [_letter(book, row) for row in rows]


async def export(book: TraceBook, actor: Actor, place: int) -> Letter:
    """Our newest message about a request, to be handed over by file; it counts as delivered."""
    must_be(actor, "officer", "operator")
    columns = t.trace_message.c
    question = sa.select(t.trace_message).where(columns.request == place, columns.direction == "out")
    async with book.registry.database.reading() as connection:
        row = (await connection.execute(question.order_by(columns.id.desc()).limit(1))).first()
    if row is None:
        raise NoRequest(f"there is nothing of ours to send about a request {place}")
    letter = _letter(book, row)
    await delivered(book, actor, letter, "file")
    return letter


async def delivered(book: TraceBook, actor: Actor, letter: Letter, way: str) -> None:
    """A peer has a message of ours. way: https or file. The clock of a request of ours runs from its first time."""
    async with book.writing(actor) as pen:
        pen.entry("trace_sent", {"request": letter.request, "message": letter.id, "way": way})
        done = sa.update(t.trace_message).where(t.trace_message.c.id == letter.id)
        await pen.connection.execute(done.values(delivered_at=pen.now, send_at=None, trouble=""))
        row = await pen.row(letter.request)
        if letter.kind == "request" and row.state == "drafted":
            await pen.change(letter.request, state="sent", due_at=pen.now + round(book.settings.answer_within))


async def failed(book: TraceBook, letter: Letter, why: str, final: bool) -> None:
    """A try to send went wrong. final: another one would too, so that somebody has to look (`trace show`)."""
    columns = t.trace_message.c
    async with book.registry.database.writing() as connection:
        mine = columns.id == letter.id
        tries = (await connection.execute(sa.select(columns.tries).where(mine))).scalar() or 0
        pause = min(FIRST_PAUSE << min(tries, 16), LONGEST_PAUSE)
        again = None if final else book.now + pause
        change = sa.update(t.trace_message).where(mine, columns.send_at.is_not(None))
        await connection.execute(change.values(tries=tries + 1, send_at=again, trouble=why[:200]))


def _letter(book: TraceBook, row: sa.Row[object]) -> Letter:
    envelope = Envelope.model_validate_json(book.registry.ring.open(row.box, row.id, MESSAGE))
    # Signed anew each time, so that a message that waited for its peer is fresh when it comes.
    fresh = envelope.model_copy(update={"iat": book.now})
    text = jws.sign(fresh.model_dump(mode="json"), book.peers.signer)
    return Letter(row.id, row.request, book.peers.named(row.peer), row.kind, text)
