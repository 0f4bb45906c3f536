"""What a transaction about trace requests writes: their rows, what is said about them, and the audit entries."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from ringfence.registry import tables as t
from ringfence.registry.numbers import KeyRing
from ringfence.registry.writing import Writing
from ringfence.tracing.errors import NoRequest
from ringfence.tracing.messages import Asked, Body, Envelope
from ringfence.tracing.requests import ASKED, MESSAGE, Direction, State


class Pen:
    """us: our own name among carriers. now: epoch seconds, the same for the whole transaction."""

    def __init__(self, current: Writing, ring: KeyRing, us: str, now: int) -> None:
        self.ring = ring
        self.now = now
        self._current = current
        self._us = us

    @property
    def connection(self) -> AsyncConnection:
        """The transaction's."""
        return self._current.connection

    def entry(self, action: str, detail: dict[str, Any]) -> int:
        """Put an entry into the audit trail, without numbers; its sequence."""
        return self._current.entry(action, None, detail)

    async def row(self, place: int) -> sa.Row[Any]:
        """A request. Raises NoRequest."""
        question = sa.select(t.trace_request).where(t.trace_request.c.id == place)
        row = (await self.connection.execute(question)).first()
        if row is None:
            raise NoRequest(f"there is no trace request {place}")
        return row

    async def add(
        self,
        name: str,
        direction: Direction,
        peer: str,
        state: State,
        asked: Asked,
        *,
        node: str = "",
        record: int = 0,
        due_at: int | None = None,
    ) -> int:
        """Write a new request; its id."""
        detail = {"name": name, "peer": peer, "node": node, "record": record}
        place = self.entry("trace_drafted" if direction == "out" else "trace_received", detail)
        row = {
            "id": place, "name": name, "direction": direction, "peer": peer, "state": state, "node": node,
            "record": record, "made_at": self.now, "due_at": due_at, "ended_at": None, "answered": None, "why": "",
            "asked": self.ring.seal(asked.model_dump_json(), place, ASKED),
        }  # fmt: skip
        await self.connection.execute(sa.insert(t.trace_request), [row])
        return place

    async def change(self, place: int, **values: Any) -> None:
        """Change a request."""
        await self.connection.execute(sa.update(t.trace_request).where(t.trace_request.c.id == place).values(values))

    async def say(self, place: int, name: str, peer: str, body: Body, jti: str, send_at: int | None) -> None:
        """Write a message of ours about a request. send_at: when it is sent; None: when somebody says so."""
        envelope = Envelope(iss=self._us, aud=peer, iat=self.now, jti=jti, request=name, body=body)
        await self.keep(place, "out", peer, envelope, envelope.model_dump_json(), send_at)

    async def keep(
        self, place: int, direction: Direction, peer: str, envelope: Envelope, text: str, send_at: int | None = None
    ) -> None:
        """Write a message: of ours the claims, of theirs the JWS as it came, which proves that they said it."""
        kind = envelope.body.kind
        detail = {"request": place, "peer": peer, "kind": kind, "digest": envelope.digest.hex()}
        entry = self.entry("trace_said" if direction == "out" else "trace_heard", detail)
        row = {
            "id": entry, "request": place, "direction": direction, "peer": peer, "name": envelope.jti, "kind": kind,
            "digest": envelope.digest, "box": self.ring.seal(text, entry, MESSAGE), "at": self.now,
            "send_at": send_at, "tries": 0, "delivered_at": None, "trouble": "",
        }  # fmt: skip
        await self.connection.execute(sa.insert(t.trace_message), [row])
