"""One writing transaction: the lock that orders all writers, audit entries, and the outbox that follows the rule."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import AsyncIterator, Collection, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from ringfence.registry import tables as t
from ringfence.registry.actors import Actor
from ringfence.registry.chain import Entry, hash_of, text_of
from ringfence.registry.database import Database
from ringfence.registry.rule import Standing, standing
from ringfence.registry.statements import Statement

IN_ONE_QUESTION = 500  # values in one IN (…): a bound statement of a moderate size in both databases

_STATEMENT_LIKE = [
    t.statement.c[name]
    for name in (
        "subject", "kind", "scope", "since", "until", "sectors", "level", "purpose", "channel", "evidence", "reference",
    )
]  # fmt: skip


class Writing:
    """What one transaction writes. at: epoch seconds, the same for all of it."""

    def __init__(self, connection: AsyncConnection, head: sa.Row[Any], actor: Actor) -> None:
        self.connection = connection
        self.actor = actor
        self._at_ms = time.time_ns() // 1_000_000
        self.at = self._at_ms // 1000
        self._audit: int = head.audit
        self._hash: str = head.hash
        self._change: int = head.change
        self._subject: int = head.subject
        self._floor: int = head.floor
        self._entries: list[dict[str, Any]] = []

    @property
    def last_change(self) -> int:
        """The sequence of the last change so far."""
        return self._change

    def entry(self, action: str, subject: int | None, detail: dict[str, Any]) -> int:
        """Put an entry into the audit trail; its sequence."""
        entry = Entry(
            self._audit + 1, self._at_ms, self.actor.name, self.actor.origin, action, subject, text_of(detail)
        )
        self._audit = entry.sequence
        self._hash = hash_of(self._hash, entry)
        self._entries.append({**entry._asdict(), "hash": self._hash})
        return entry.sequence

    def new_subject(self) -> int:
        """An id for a callee that was not known."""
        self._subject += 1
        return self._subject

    def forget_changes(self, up_to: int) -> None:
        """Say that changes up to this one are kept no more."""
        self._floor = max(self._floor, up_to)

    async def settle(self, subjects: Collection[int]) -> None:
        """Work out what counts for these callees now, and tell the outbox what is different."""
        for some in parts(sorted(subjects)):
            await self._settle(some)

    async def _settle(self, subjects: Sequence[int]) -> None:
        said = await statements_of(self.connection, subjects)
        had: dict[int, set[Standing]] = defaultdict(set)
        columns = t.standing.c
        for row in await self.connection.execute(sa.select(t.standing).where(columns.subject.in_(subjects))):
            had[row.subject].add(Standing(row.scope, row.kind, row.since, row.until))
        gone: list[tuple[int, Standing]] = []
        come: list[tuple[int, Standing]] = []
        for subject in subjects:
            now = set(standing(said[subject]))
            gone += [(subject, one) for one in sorted(had[subject] - now, key=_order)]
            come += [(subject, one) for one in sorted(now - had[subject], key=_order)]
        await self._tell(gone, come)

    async def _tell(self, gone: list[tuple[int, Standing]], come: list[tuple[int, Standing]]) -> None:
        replaced = {(subject, one.scope, one.kind) for subject, one in come}
        removed = [(subject, one) for subject, one in gone if (subject, one.scope, one.kind) not in replaced]
        changes = []
        for subject, one in [*((subject, one._replace(until=0)) for subject, one in removed), *come]:
            self._change += 1
            changes.append({"sequence": self._change, "at": self.at, "subject": subject, **one._asdict()})
        if gone:
            columns = t.standing.c
            await self.connection.execute(
                sa.delete(t.standing).where(
                    columns.subject == sa.bindparam("s"),
                    columns.scope == sa.bindparam("o"),
                    columns.kind == sa.bindparam("k"),
                ),
                [{"s": subject, "o": one.scope, "k": one.kind} for subject, one in gone],
            )
        if come:
            first = self._change - len(come) + 1
            await self.connection.execute(
                sa.insert(t.standing),
                [{"subject": s, "change": first + place, **one._asdict()} for place, (s, one) in enumerate(come)],
            )
        if changes:
            await self.connection.execute(sa.insert(t.change), changes)

    async def finish(self) -> None:
        """Write the entries and the new head."""
        if self._entries:
            await self.connection.execute(sa.insert(t.audit), self._entries)
        await self.connection.execute(
            sa.update(t.head).values(
                audit=self._audit, hash=self._hash, change=self._change, floor=self._floor, subject=self._subject
            )
        )


@asynccontextmanager
async def writing(database: Database, actor: Actor) -> AsyncIterator[Writing]:
    """A transaction with the head locked; durable when this returns. Raises RegistryError, nothing is written then."""
    async with database.writing() as connection:
        head = (await connection.execute(sa.select(t.head).with_for_update())).one()
        current = Writing(connection, head, actor)
        yield current
        await current.finish()


async def statements_of(connection: AsyncConnection, subjects: Sequence[int]) -> dict[int, list[Statement]]:
    """What callees said that was neither withdrawn nor lifted, without their numbers."""
    result: dict[int, list[Statement]] = defaultdict(list)
    columns = t.statement.c
    for row in await connection.execute(
        sa.select(*_STATEMENT_LIKE).where(columns.subject.in_(subjects), columns.ended_at.is_(None))
    ):
        result[row.subject].append(statement_of(row))
    return result


def statement_of(row: sa.Row[Any], callee: str = "") -> Statement:
    """A statement as it was recorded."""
    return Statement(
        callee=callee,
        kind=row.kind,
        scope=row.scope,
        since=row.since,
        until=row.until,
        sectors=tuple(row.sectors.split(",")) if row.sectors else (),
        level=row.level,
        purpose=row.purpose,
        channel=row.channel,
        evidence=row.evidence,
        reference=row.reference,
    )


def parts(values: Sequence[Any], size: int = IN_ONE_QUESTION) -> Iterable[Sequence[Any]]:
    """Pieces of a sequence."""
    for start in range(0, len(values), size):
        yield values[start : start + size]


def _order(one: Standing) -> tuple[str, str]:
    return one.scope, one.kind
