"""A trace request as it is on record, and the states that it goes through.

Ours:   drafted → sent → accepted → answered → closed
Theirs:          received → accepted → answered → closed

Either may be refused by who was asked. A request that waits longer than its 24 hours is overdue: that is told by the
clock and not written anywhere, so that nothing has to run for it to be true.
"""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import orjson
import sqlalchemy as sa
from pydantic import TypeAdapter

from ringfence.registry import tables as t
from ringfence.registry.numbers import KeyRing
from ringfence.registry.upkeep import TRACE_BOXES
from ringfence.tracing.messages import Asked, Hop
from ringfence.tracing.proofs import Proof

Direction = Literal["out", "in"]
State = Literal["drafted", "sent", "received", "accepted", "overdue", "answered", "refused", "closed"]
STATES: tuple[State, ...] = (
    "drafted", "sent", "received", "accepted", "overdue", "answered", "refused", "closed",
)  # fmt: skip
WAITING: tuple[State, ...] = ("sent", "received", "accepted")
"""Who was asked owes an answer."""

(_, ASKED), (_, ANSWERED), (_, MESSAGE) = TRACE_BOXES
"""What an encrypted column is tied to, with its row's id."""

_hops: TypeAdapter[tuple[Hop, ...]] = TypeAdapter(tuple[Hop, ...])


class TraceRequest(NamedTuple):
    """direction: `out` where we ask. state: overdue where it is. Times in epoch seconds.

    node, record: our call; "" and 0 while it is not known. due_at: None while nobody has received it.
    part, hops: the newest answer, theirs or ours; 0 and none before one. signed: theirs as they signed it, "" of ours.
    proofs: whose signature stands behind each of their hops. why: it was refused.
    """

    id: int
    name: str
    direction: Direction
    peer: str
    state: State
    node: str
    record: int
    made_at: int
    due_at: int | None
    ended_at: int | None
    asked: Asked
    part: int
    hops: tuple[Hop, ...]
    signed: str
    why: str
    proofs: tuple[Proof, ...] = ()


def overdue(now: int) -> sa.ColumnElement[bool]:
    """Rows whose answer is owed since a while."""
    columns = t.trace_request.c
    return sa.and_(columns.state.in_(WAITING), columns.due_at < now)


def request_of(row: sa.Row[Any], ring: KeyRing, now: int) -> TraceRequest:
    """A row in plain. Raises RegistryError where it cannot be decrypted."""
    said: dict[str, Any] = {"part": 0, "hops": [], "signed": ""}
    if row.answered is not None:
        said |= orjson.loads(ring.open(row.answered, row.id, ANSWERED))
    late = row.state in WAITING and row.due_at is not None and row.due_at < now
    return TraceRequest(
        id=row.id,
        name=row.name,
        direction=row.direction,
        peer=row.peer,
        state="overdue" if late else row.state,
        node=row.node,
        record=row.record,
        made_at=row.made_at,
        due_at=row.due_at,
        ended_at=row.ended_at,
        asked=Asked.model_validate_json(ring.open(row.asked, row.id, ASKED)),
        part=said["part"],
        hops=_hops.validate_python(said["hops"]),
        signed=said["signed"],
        why=row.why,
    )


def sealed_answer(ring: KeyRing, owner: int, part: int, hops: tuple[Hop, ...], signed: str) -> bytes:
    """An answer as its column holds it. signed: a peer's as it came, "" of ours."""
    plain = {"part": part, "hops": [hop.model_dump(mode="json") for hop in hops], "signed": signed}
    return ring.seal(orjson.dumps(plain).decode(), owner, ANSWERED)
