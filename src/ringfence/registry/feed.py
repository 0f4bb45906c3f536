"""What the index in Redis is built from: the present state of every callee, and what changed behind a number.

A reader takes `head` first, then all of `rows`, then follows `changes` from that head: so nothing is missed, and what
is seen twice is the same. Imports nothing of SQLAlchemy.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from ringfence.registry.register import Registry

ROWS_BATCH = 10_000
CHANGES_BATCH = 10_000

RowKind = Literal["consent", "refusal", "wish"]


class IndexRow(NamedTuple):
    """One thing that counts now about a callee, after the written rule (`rule.py`). One row a callee, scope and kind.

    callee: E.164, or a code. scope: `*`, `sector:NAME` or `holder:NAME`; a consent always names a holder.
    since: epoch seconds from which it counts; of a consent: **it beats refusals and wishes older than this**, and a
    consent without evidence has 0, which beats none. until: epoch seconds at which a consent ends, None: no end;
    None for refusals and wishes; **0: this entry is removed** (in `changes` only).
    sequence: of the change that made it so.

    How a call of holder H in sector S is judged from a callee's rows: refused by `*`, `sector:S` and `holder:H` of
    kinds refusal and wish, unless the consent of `holder:H` has a later `since`. (A consent that a refusal of its own
    sector, of its holder or of all holders beats is not among the rows.)
    """

    callee: str
    scope: str
    kind: RowKind
    since: int
    until: int | None
    sequence: int


async def head(registry: Registry) -> int:
    """The number of the last change."""
    return await registry.last_change()


async def rows(registry: Registry, after: int = 0, batch: int = ROWS_BATCH) -> AsyncIterator[list[IndexRow]]:
    """The present state, all rows of a callee together, about `batch` rows at a time; ended consents are left out.

    after: only rows that a change behind this number made. Raises RegistryError.
    """
    async for some in registry.standing_rows(after, batch):
        yield some


async def changes(registry: Registry, after: int, limit: int = CHANGES_BATCH) -> list[IndexRow]:
    """Up to `limit` changes behind `after`, in their order; empty when there is nothing new.

    Raises Gone where changes behind `after` are kept no more: build anew from `rows`. Raises RegistryError.
    """
    return await registry.changes(after, limit)
