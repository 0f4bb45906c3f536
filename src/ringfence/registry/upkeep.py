"""What keeps the registry small and lawful: deletion on request, retention, new keys."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

import sqlalchemy as sa

from ringfence.registry import tables as t
from ringfence.registry.actors import Actor, must_be
from ringfence.registry.errors import RegistryError
from ringfence.registry.evidence import EvidenceFolder
from ringfence.registry.numbers import KeyRing
from ringfence.registry.register import Registry
from ringfence.registry.settings import DAY, RegistrySettings
from ringfence.registry.writing import Writing, parts, writing

UNCITED = int(DAY)  # seconds that a file may wait to be cited: it is stored before the consent that names it
_BATCH = 1000
TRACE_BOXES = (
    (t.trace_request.c.asked, "trace request"),
    (t.trace_request.c.answered, "trace answer"),
    (t.trace_message.c.box, "trace message"),
)
"""Encrypted columns beside the callees' numbers, and what their boxes are tied to."""
_FILES = 8  # encrypted anew in one transaction, which all other writers wait for


class Retained(NamedTuple):
    """What a retention run took away."""

    statements: int
    files: int
    numbers: int
    changes: int


async def retain(
    registry: Registry, folder: EvidenceFolder, settings: RegistrySettings, actor: Actor, dry: bool = False
) -> Retained:
    """Take away what is kept no longer; dry: only say what that would be.

    Consents whose end (or withdrawal) is `evidence.retention` ago, and as long after their end lifted refusals and
    wishes that a newer one replaced; files that nothing cites; numbers of callees about whom nothing is on record;
    changes older than `changes_kept`. A refusal that stands is kept for good.
    """
    must_be(actor, "operator")
    try:
        async with writing(registry.database, actor) as current:
            statements = await _old_statements(current, round(settings.evidence.retention))
            changes = await _old_changes(current, round(settings.changes_kept))
            report = Retained(
                statements, await _uncited(current, folder, dry), await _unneeded_numbers(current), changes
            )
            if dry:
                raise _Dry
            if any(report):
                current.entry("retention", None, report._asdict())
    except _Dry:
        pass
    return report


async def erase(registry: Registry, callee: str, settings: RegistrySettings, actor: Actor, early: str = "") -> int:
    """Delete what is on record about a callee who asks for it; how many statements went.

    Raises RegistryError while a consent's evidence must be kept, unless `early` gives the reason to do it all the same.
    With nothing on record no marketing call is allowed to the number, so deletion lets nobody call. The number itself
    goes with the retention run that follows `changes_kept` after this, when every index has heard of it.
    """
    must_be(actor, "operator")
    async with writing(registry.database, actor) as current:
        columns = t.statement.c
        question = sa.select(t.subject.c.id).where(t.subject.c.digest.in_(registry.ring.digests(callee)))
        subject = (await current.connection.execute(question)).scalar()
        if subject is None:
            return 0
        rows = (await current.connection.execute(sa.select(t.statement).where(columns.subject == subject))).all()
        if not early:
            ends = [min(row.ended_at or _NEVER, row.until or _NEVER) for row in rows if row.kind == "consent"]
            until = max(ends, default=0) + round(settings.evidence.retention)
            if ends and until > current.at:
                when = "after the consent ended" if max(ends) == _NEVER else _day(until)
                raise RegistryError(f"a consent's evidence must be kept until {when}: give a reason to delete it early")
        await _remove(current, [row.id for row in rows], subject, f"erased: {early}" if early else "erased")
        await current.settle([subject])
        await current.connection.execute(
            sa.update(t.subject).where(t.subject.c.id == subject).values(erased_at=current.at, digest=os.urandom(32))
        )
    return len(rows)


class Rotated(NamedTuple):
    """What was under another key than the present one, or under none."""

    numbers: int
    files: int


async def rotate(registry: Registry, folder: EvidenceFolder, actor: Actor) -> Rotated:
    """Have every number, trace request and evidence file stand under the present key, numbers found by its digest.

    What cannot be read raises RegistryError; what was done before stays done.
    """
    must_be(actor, "operator")
    done = Rotated(await _numbers_anew(registry, actor), await _files_anew(registry, folder, actor))
    if any(done):
        async with writing(registry.database, actor) as current:
            current.entry("rotated", None, done._asdict())
    return done


async def _numbers_anew(registry: Registry, actor: Actor) -> int:
    ring = registry.ring
    columns = t.subject.c
    last = count = 0
    while True:
        async with writing(registry.database, actor) as current:
            question = (
                sa.select(t.subject)
                .where(columns.id > last, columns.number.is_not(None))
                .order_by(columns.id)
                .limit(_BATCH)
            )
            rows = (await current.connection.execute(question)).all()
            renewed = []
            for row in rows:
                if not ring.current(row.number):
                    number = ring.open(row.number, row.id)
                    digest = ring.digest(number) if row.erased_at is None else bytes(row.digest)
                    renewed.append({"i": row.id, "n": ring.seal(number, row.id), "d": digest})
            if renewed:
                update = sa.update(t.subject).where(columns.id == sa.bindparam("i"))
                await current.connection.execute(
                    update.values(number=sa.bindparam("n"), digest=sa.bindparam("d")), renewed
                )
            count += len(renewed)
            if len(rows) < _BATCH:
                for column, kind in TRACE_BOXES:
                    count += await _renew(current, ring, column, kind)
                return count
        last = rows[-1].id


async def _files_anew(registry: Registry, folder: EvidenceFolder, actor: Actor) -> int:
    """A few at a time under the writers' lock: what retention takes away meanwhile must not come back."""
    columns = t.evidence.c
    last = ""
    count = 0
    while True:
        async with writing(registry.database, actor) as current:
            question = (
                sa.select(columns.sha256)
                .where(columns.sha256 > last, columns.removed_at.is_(None))
                .order_by(columns.sha256)
                .limit(_FILES)
            )
            names = list((await current.connection.execute(question)).scalars())
            for name in names:
                count += await asyncio.to_thread(folder.seal, name)
        if len(names) < _FILES:
            return count
        last = names[-1]


_NEVER = 1 << 40


async def _renew(current: Writing, ring: KeyRing, column: sa.Column[Any], kind: str) -> int:
    """Encrypt a column of trace requests anew; how many were under another key. There are thousands, not millions."""
    key = column.table.c.id
    question = sa.select(key, column).where(column.is_not(None))
    rows = [(place, box) for place, box in await current.connection.execute(question) if not ring.current(box)]
    for place, box in rows:
        sealed = ring.seal(ring.open(box, place, kind), place, kind)
        await current.connection.execute(sa.update(column.table).where(key == place).values({column.name: sealed}))
    return len(rows)


class _Dry(Exception):
    """Rolls a run back that was only to be told of."""


async def _remove(current: Writing, ids: Sequence[int], subject: int | None, why: str) -> None:
    for some in parts(ids):
        current.entry("removed", subject, {"statements": list(some), "why": why})
        await current.connection.execute(sa.delete(t.statement).where(t.statement.c.id.in_(some)))


async def _old_statements(current: Writing, retention: int) -> int:
    columns = t.statement.c
    border = current.at - retention
    newer = t.statement.alias()
    replaced = sa.exists().where(
        newer.c.subject == columns.subject,
        newer.c.kind == "wish",
        newer.c.ended_at.is_(None),
        newer.c.since > columns.since,
        newer.c.recorded_at < border,
    )
    over = sa.or_(
        columns.ended_at < border,
        sa.and_(columns.kind == "consent", columns.until < border),
        sa.and_(columns.kind == "wish", replaced),
    )
    rows = (await current.connection.execute(sa.select(columns.id, columns.subject).where(over))).all()
    await _remove(current, [row.id for row in rows], None, "retention")
    await current.settle({row.subject for row in rows})
    return len(rows)


async def _uncited(current: Writing, folder: EvidenceFolder, dry: bool) -> int:
    columns = t.evidence.c
    cited = sa.exists().where(t.statement.c.evidence == columns.sha256)
    question = sa.select(columns.sha256).where(
        columns.removed_at.is_(None), columns.stored_at < current.at - UNCITED, ~cited
    )
    names = list((await current.connection.execute(question)).scalars())
    for some in parts(names):
        await current.connection.execute(
            sa.update(t.evidence).where(columns.sha256.in_(some)).values(removed_at=current.at)
        )
        current.entry("evidence_removed", None, {"files": list(some)})
        if not dry:
            for sha256 in some:
                folder.remove(sha256)
    return len(names)


async def _unneeded_numbers(current: Writing) -> int:
    """Of callees about whom nothing is on record, once their last change is forgotten: no index needs it any more."""
    columns = t.subject.c
    said = sa.exists().where(t.statement.c.subject == columns.id)
    told = sa.exists().where(t.change.c.subject == columns.id)
    question = sa.select(columns.id).where(columns.number.is_not(None), ~said, ~told)
    ids = list((await current.connection.execute(question)).scalars())
    for some in parts(ids):
        await current.connection.execute(
            sa.update(t.subject)
            .where(columns.id == sa.bindparam("i"))
            .values(number=None, erased_at=current.at, digest=sa.bindparam("d")),
            [{"i": place, "d": os.urandom(32)} for place in some],
        )
    return len(ids)


async def _old_changes(current: Writing, kept: int) -> int:
    """Forgotten in their order, so that a follower knows by one number whether it missed any."""
    columns = t.change.c
    question = sa.select(sa.func.max(columns.sequence)).where(columns.at < current.at - kept)
    last = (await current.connection.execute(question)).scalar()
    if last is None:
        return 0
    done = await current.connection.execute(sa.delete(t.change).where(columns.sequence <= last))
    current.forget_changes(last)
    return int(done.rowcount)


def _day(moment: int) -> str:
    return datetime.fromtimestamp(moment, UTC).date().isoformat()
