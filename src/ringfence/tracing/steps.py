"""What our own people do with a trace request: each step a transaction, written before anything is sent."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from ringfence.registry import tables as t
from ringfence.registry.actors import Actor, must_be
from ringfence.tracing.book import LONGEST_PAGE, TraceBook
from ringfence.tracing.errors import Conflict
from ringfence.tracing.messages import Accepted, Answer, Asked, Hop, Refusal, Request
from ringfence.tracing.peers import Peer
from ringfence.tracing.pen import Pen
from ringfence.tracing.requests import WAITING, State, request_of, sealed_answer

OPEN: tuple[State, ...] = ("drafted", *WAITING)


async def draft(book: TraceBook, actor: Actor, peer: Peer, asked: Asked, node: str, record: int) -> int:
    """Write a request to a peer about a call of ours; its id. Raises Conflict where one is open already."""
    _may_act(actor)
    columns = t.trace_request.c
    async with book.writing(actor) as pen:
        same = sa.select(columns.id).where(
            columns.direction == "out", columns.peer == peer.name, columns.node == node,
            columns.record == record, columns.state.in_(OPEN),
        )  # fmt: skip
        known = (await pen.connection.execute(same)).scalar()
        if known is not None:
            raise Conflict(f"request {known} asks {peer.name} about this record already")
        name = uuid.uuid4().hex
        place = await pen.add(name, "out", peer.name, "drafted", asked, node=node, record=record)
        await pen.say(place, name, peer.name, Request(asked=asked), f"{name}.request", None)
    return place


async def close(book: TraceBook, actor: Actor, place: int) -> None:
    """Put a request away: ours at any time, a peer's once it has its answer. Raises Conflict, NoRequest."""
    _may_act(actor)
    async with book.writing(actor) as pen:
        row = await pen.row(place)
        if row.state == "closed" or (row.direction == "in" and row.state not in ("answered", "refused")):
            raise Conflict(f"request {place} is {row.state}: it cannot be closed")
        pen.entry("trace_closed", {"request": place})
        await pen.change(place, state="closed", ended_at=pen.now)
        if row.direction == "out":
            columns = t.trace_message.c
            unsent = sa.update(t.trace_message).where(columns.request == place, columns.delivered_at.is_(None))
            await pen.connection.execute(unsent.values(send_at=None))


async def accept(book: TraceBook, actor: Actor, place: int) -> None:
    """Tell the peer that its request is looked into. Raises Conflict, NoRequest, TraceError."""
    async with _asked(book, actor, place, "received") as (pen, row, peer):
        pen.entry("trace_accepted", {"request": place})
        said = Accepted(received_at=_moment(row.made_at), due_at=_moment(row.due_at))
        await pen.say(place, row.name, peer.name, said, f"{row.name}.accepted", _send_at(peer, pen))
        await pen.change(place, state="accepted")


async def answer(
    book: TraceBook, actor: Actor, place: int, node: str, record: int, hops: tuple[Hop, ...], signed: str = ""
) -> None:
    """Tell the peer our hop and those behind it; a later answer takes the place of an earlier one.

    signed: the answer that those behind it come from, as its carrier signed it.

    Whoever calls this has made sure that the record is the call that was asked about (`disclosure.fits`).
    """
    async with _asked(book, actor, place, "received", "accepted", "answered") as (pen, row, peer):
        part = request_of(row, pen.ring, pen.now).part + 1
        pen.entry("trace_answered", {"request": place, "node": node, "record": record, "part": part})
        said = Answer(part=part, hops=hops, signed=signed)
        await pen.say(place, row.name, peer.name, said, f"{row.name}.answer.{part}", _send_at(peer, pen))
        box = sealed_answer(pen.ring, place, part, hops, "")
        await pen.change(place, state="answered", node=node, record=record, answered=box, ended_at=pen.now)


async def refuse(book: TraceBook, actor: Actor, place: int, why: str) -> None:
    """Tell the peer that and why it gets no answer. Raises Conflict, NoRequest, TraceError."""
    async with _asked(book, actor, place, "received", "accepted") as (pen, row, peer):
        pen.entry("trace_refused", {"request": place})
        await pen.say(place, row.name, peer.name, Refusal(why=why), f"{row.name}.refusal", _send_at(peer, pen))
        await pen.change(place, state="refused", why=why, ended_at=pen.now)


async def retain(book: TraceBook, actor: Actor, dry: bool = False) -> int:
    """Delete requests that ended `trace.kept` ago, or were due or drafted then; how many. dry: only say it."""
    must_be(actor, "operator")
    columns = t.trace_request.c
    border = book.now - round(book.settings.kept)
    over = sa.func.coalesce(columns.ended_at, columns.due_at, columns.made_at) < border
    count = 0
    while True:
        async with book.writing(actor) as pen:
            question = sa.select(columns.id).where(over).order_by(columns.id)
            ids = list((await pen.connection.execute(question if dry else question.limit(LONGEST_PAGE))).scalars())
            count += len(ids)
            if dry or not ids:
                return count
            await pen.connection.execute(sa.delete(t.trace_message).where(t.trace_message.c.request.in_(ids)))
            await pen.connection.execute(sa.delete(t.trace_request).where(columns.id.in_(ids)))
            pen.entry("trace_removed", {"requests": ids})


@asynccontextmanager
async def _asked(
    book: TraceBook, actor: Actor, place: int, *states: State
) -> AsyncIterator[tuple[Pen, sa.Row[Any], Peer]]:
    """A peer's request that is in one of these states; an overdue one counts as what it was."""
    _may_act(actor)
    async with book.writing(actor) as pen:
        row = await pen.row(place)
        if row.direction != "in":
            raise Conflict(f"request {place} is ours: {row.peer} answers it")
        if row.state not in states:
            raise Conflict(f"request {place} is {row.state} already")
        yield pen, row, book.peers.named(row.peer)


def _may_act(actor: Actor) -> None:
    must_be(actor, "officer", "operator")


def _send_at(peer: Peer, pen: Pen) -> int | None:
    return None if peer.settings.url is None else pen.now


def _moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
