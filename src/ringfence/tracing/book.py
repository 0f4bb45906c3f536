"""The book of trace requests: looked into here, written by `steps` (our people) and `post` (peers)."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

import sqlalchemy as sa

from ringfence.registry import tables as t
from ringfence.registry.actors import Actor, must_be
from ringfence.registry.register import Registry
from ringfence.registry.writing import writing
from ringfence.tracing.errors import NoRequest
from ringfence.tracing.messages import Hop
from ringfence.tracing.peers import Peers
from ringfence.tracing.pen import Pen
from ringfence.tracing.proofs import proofs
from ringfence.tracing.requests import WAITING, Direction, State, TraceRequest, overdue, request_of
from ringfence.tracing.settings import TraceSettings

LONGEST_PAGE = 1000  # rows of a listing


class Said(NamedTuple):
    """One message about a request. at, delivered_at, send_at: epoch seconds. trouble: why its last try failed."""

    direction: Direction
    kind: str
    at: int
    delivered_at: int | None
    send_at: int | None
    tries: int
    trouble: str


class TraceBook:
    """The requests of one registry. Every method raises RegistryError; those with an actor Forbidden too.

    clock: epoch seconds.
    """

    def __init__(
        self, registry: Registry, peers: Peers, settings: TraceSettings, clock: Callable[[], float] = time.time
    ) -> None:
        self.registry = registry
        self.peers = peers
        self.settings = settings
        self._clock = clock

    @property
    def now(self) -> int:
        """Epoch seconds."""
        return int(self._clock())

    @asynccontextmanager
    async def writing(self, actor: Actor) -> AsyncIterator[Pen]:
        """One transaction with its entries in the audit trail."""
        async with writing(self.registry.database, actor) as current:
            yield Pen(current, self.registry.ring, self.peers.name, self.now)

    async def get(self, actor: Actor, place: int) -> TraceRequest:
        """One request. Raises NoRequest."""
        _may_look(actor)
        found = await self._requests(sa.select(t.trace_request).where(t.trace_request.c.id == place))
        if not found:
            raise NoRequest(f"there is no trace request {place}")
        return found[0]

    async def said(self, actor: Actor, place: int) -> list[Said]:
        """All messages about a request, in their order."""
        _may_look(actor)
        columns = t.trace_message.c
        question = sa.select(*(columns[name] for name in Said._fields)).where(columns.request == place)
        async with self.registry.database.reading() as connection:
            return [Said(*row) for row in await connection.execute(question.order_by(columns.id))]

    async def listing(
        self,
        actor: Actor,
        state: State | None = None,
        direction: Direction | None = None,
        after: int = 0,
        limit: int = 100,
    ) -> list[TraceRequest]:
        """Requests behind an id in the order in which they were made. An overdue one is in that state alone."""
        _may_look(actor)
        columns = t.trace_request.c
        question = sa.select(t.trace_request).where(columns.id > after)
        if direction is not None:
            question = question.where(columns.direction == direction)
        if state == "overdue":
            question = question.where(overdue(self.now))
        elif state is not None:
            question = question.where(columns.state == state)
            if state in WAITING:
                question = question.where(columns.due_at >= self.now)
        return await self._requests(question.order_by(columns.id).limit(min(limit, LONGEST_PAGE)))

    async def of_record(self, actor: Actor, node: str, record: int) -> list[TraceRequest]:
        """What was asked, by us and of us, about a call of ours."""
        _may_look(actor)
        columns = t.trace_request.c
        question = sa.select(t.trace_request).where(columns.record == record, columns.node == node)
        return await self._requests(question.order_by(columns.id).limit(LONGEST_PAGE))

    async def upstream(self, actor: Actor, node: str, record: int) -> tuple[tuple[Hop, ...], str]:
        """What our own requests found behind our hop, nearest first; and the answer that it is from, as signed."""
        asked = await self.of_record(actor, node, record)
        return next(
            ((one.hops, one.signed) for one in reversed(asked) if one.direction == "out" and one.hops), ((), "")
        )

    async def counts(self) -> dict[tuple[Direction, State], int]:
        """How many requests there are by direction and state, closed ones left out."""
        columns = t.trace_request.c
        late = sa.case((overdue(self.now), "overdue"), else_=columns.state).label("now")
        inner = sa.select(columns.direction, late).where(columns.state != "closed").subquery()
        question = sa.select(inner.c.direction, inner.c.now, sa.func.count())
        async with self.registry.database.reading() as connection:
            rows = await connection.execute(question.group_by(inner.c.direction, inner.c.now))
            return {(direction, state): count for direction, state, count in rows}

    async def note_look(self, actor: Actor, detail: dict[str, Any]) -> None:
        """Put a look at full numbers into the audit trail, before they are shown."""
        _may_look(actor)
        async with self.writing(actor) as pen:
            pen.entry("trace_looked", detail)

    async def _requests(self, question: sa.Select[Any]) -> list[TraceRequest]:
        now, ring = self.now, self.registry.ring
        async with self.registry.database.reading() as connection:
            found = [request_of(row, ring, now) for row in await connection.execute(question)]
        return [
            one._replace(proofs=proofs(self.peers, one.hops, one.signed)) if one.direction == "out" else one
            for one in found
        ]


def _may_look(actor: Actor) -> None:
    must_be(actor, "officer", "operator", "auditor")
