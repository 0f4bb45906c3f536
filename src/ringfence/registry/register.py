"""The register: what callees said is recorded, ended, looked up, and handed to the index."""

from __future__ import annotations

import hashlib
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterable, Sequence
from typing import Any, NamedTuple

import orjson
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from ringfence.registry import tables as t
from ringfence.registry.actors import Actor, may_see, may_write, must_be
from ringfence.registry.chain import Entry
from ringfence.registry.database import Database
from ringfence.registry.errors import BadStatement, Gone, RegistryError
from ringfence.registry.feed import IndexRow
from ringfence.registry.numbers import KeyRing, masked
from ringfence.registry.statements import Kind, Statement, check_scope, check_text
from ringfence.registry.writing import Writing, parts, statement_of, writing

MOST_AT_ONCE = 10_000  # statements in one transaction
MOST_OF_ONE_SCOPE = 200  # statements a callee and scope: the rule weighs all of a callee's at each write
AHEAD = 300  # seconds that another machine's clock may be ahead of ours
LONGEST_PAGE = 1000  # rows of a listing


class Recorded(NamedTuple):
    """id: the statement's, which is the sequence of its audit entry. new: False when the very same was on record."""

    id: int
    new: bool


Also = Callable[[AsyncConnection, list["Recorded | BadStatement"]], Awaitable[None]]


class Said(NamedTuple):
    """A statement as it stands in the register. ended_at: when it was withdrawn or lifted, epoch seconds."""

    id: int
    statement: Statement
    recorded_at: int
    recorded_by: str
    ended_at: int | None


class Registry:
    """The register over one database. Every method raises RegistryError."""

    def __init__(self, database: Database, ring: KeyRing) -> None:
        self.database = database
        self.ring = ring

    async def __aenter__(self) -> Registry:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the database."""
        await self.database.close()

    # -- writing ----------------------------------------------------------------------------------------------

    async def record(self, statement: Statement, actor: Actor) -> Recorded:
        """Record one statement; durable when this returns. Raises BadStatement, Forbidden."""
        (done,) = await self.record_all([statement], actor)
        if isinstance(done, BadStatement):
            raise done
        return done

    async def record_all(
        self, said: Sequence[Statement], actor: Actor, also: Also | None = None
    ) -> list[Recorded | BadStatement]:
        """Record many in one transaction, each one or its fault in the result, in their order.

        The very same statement is recorded once, however often it comes. also: gets the results and does its own part
        of the same transaction. Raises Forbidden for all when the role does not allow one.
        """
        if len(said) > MOST_AT_ONCE:
            raise RegistryError(f"more than {MOST_AT_ONCE} statements at once")
        for one in said:
            may_write(actor, one.scope)
        async with writing(self.database, actor) as current:
            faults = await _faults(current, said, actor)
            sound = [one for one in said if id(one) not in faults]
            subjects = await self._subjects(current, dict.fromkeys(one.callee for one in sound))
            ids = await _insert(current, sound, subjects)
            fresh = [
                one.callee for one, done in zip(sound, ids, strict=True) if isinstance(done, Recorded) and done.new
            ]
            await current.settle({subjects[callee] for callee in fresh})
            done_of = {id(one): done for one, done in zip(sound, ids, strict=True)}
            results = [faults.get(id(one)) or done_of[id(one)] for one in said]
            if also is not None:
                await also(current.connection, results)
        return results

    async def end(
        self, callee: str, actor: Actor, kinds: Collection[Kind], scope: str | None = None, why: str = ""
    ) -> int:
        """Withdraw consents, lift refusals and wishes; how many there were. scope: None for every scope.

        A holder withdraws consents given to itself; only an operator lifts what a callee refused, for a reason: it is
        the way to mend a mistake, not to get past a refusal.
        """
        check_text("why", why)
        if scope is None or set(kinds) - {"consent"}:
            must_be(actor, "operator")
        else:
            may_write(actor, scope)
        async with writing(self.database, actor) as current:
            subject = await self._find(current.connection, callee)
            if subject is None:
                return 0
            columns = t.statement.c
            question = sa.select(columns.id).where(
                columns.subject == subject, columns.ended_at.is_(None), columns.kind.in_(kinds)
            )
            if scope is not None:
                question = question.where(columns.scope == scope)
            ids = list((await current.connection.execute(question)).scalars())
            if ids:
                entry = current.entry("ended", subject, {"statements": ids, "why": why})
                for some in parts(ids):
                    await current.connection.execute(
                        sa.update(t.statement)
                        .where(columns.id.in_(some))
                        .values(ended_at=current.at, ended_entry=entry)
                    )
                await current.settle([subject])
        return len(ids)

    # -- looking ----------------------------------------------------------------------------------------------

    async def said(self, callee: str, actor: Actor, holder: str | None = None) -> list[Said]:
        """All that is on record about a callee, ended statements too, in the order in which it was recorded.

        holder: only consents to and refusals of this holder, beside refusals and wishes about everybody or a sector.
        A holder sees, of these, those about itself: what a callee said of others is none of its business.
        """
        may_see(actor, holder)
        async with self.database.reading() as connection:
            subject = await self._find(connection, callee)
            if subject is None:
                return []
            question = sa.select(t.statement).where(t.statement.c.subject == subject).order_by(t.statement.c.id)
            found = [said_of(row, callee) for row in await connection.execute(question)]
        return [one for one in found if _about(one.statement, holder, actor)]

    async def standing(self, callee: str, actor: Actor, holder: str | None = None) -> list[IndexRow]:
        """What counts of it now; as in `said`, a holder sees what concerns itself, refusals of all among it."""
        may_see(actor, holder)
        async with self.database.reading() as connection:
            subject = await self._find(connection, callee)
            rows = await connection.execute(
                sa.select(t.standing).where(t.standing.c.subject == subject).order_by("scope", "kind")
            )
            found = [IndexRow(callee, row.scope, row.kind, row.since, row.until, row.change) for row in rows]
        return [
            row for row in found if holder is None or not row.scope.startswith("holder:") or row.scope[7:] == holder
        ]

    async def listing(
        self, actor: Actor, scope: str | None = None, after: int = 0, limit: int = 100, full: bool = False
    ) -> list[Said]:
        """Statements behind an id, of a scope or of all; numbers are masked unless `full`, which is audited."""
        may_see(actor, scope[7:] if scope is not None and scope.startswith("holder:") else None)
        if scope is not None:
            check_scope(scope)
        if full:
            must_be(actor, "operator", "auditor")
        columns = t.statement.c
        question = (
            sa.select(t.statement, t.subject.c.number.label("box"))
            .join(t.subject, t.subject.c.id == columns.subject)
            .where(columns.id > after)
            .order_by(columns.id)
            .limit(min(limit, LONGEST_PAGE))
        )
        if scope is not None:
            question = question.where(columns.scope == scope)
        async with self.database.reading() as connection:
            rows = (await connection.execute(question)).all()
        if full and rows:
            async with writing(self.database, actor) as current:
                # Before the numbers are shown: a look that cannot be recorded does not happen.
                current.entry("looked", None, {"subjects": sorted({row.subject for row in rows})})
        result = []
        for row in rows:
            number = "" if row.box is None else self.ring.open(row.box, row.subject)
            result.append(said_of(row, number if full else masked(number)))
        return result

    async def look(self, actor: Actor, action: str, callee: str, detail: dict[str, Any]) -> None:
        """Put a look at a callee's records under its full number into the audit trail."""
        async with writing(self.database, actor) as current:
            current.entry(action, await self._find(current.connection, callee), detail)

    async def note(self, actor: Actor, action: str, detail: dict[str, Any]) -> None:
        """Put what an operator did into the audit trail, where it is about no callee."""
        must_be(actor, "operator")
        async with writing(self.database, actor) as current:
            current.entry(action, None, detail)

    async def trail(self, actor: Actor, after: int = 0, limit: int = 100) -> list[tuple[Entry, str]]:
        """Audit entries behind a sequence, each with its hash."""
        must_be(actor, "operator", "auditor")
        question = sa.select(t.audit).where(t.audit.c.sequence > after).order_by(t.audit.c.sequence)
        async with self.database.reading() as connection:
            rows = (await connection.execute(question.limit(min(limit, LONGEST_PAGE)))).all()
        return [(Entry(*row[:7]), row.hash) for row in rows]

    # -- the index --------------------------------------------------------------------------------------------

    async def last_change(self) -> int:
        """The sequence of the last change."""
        async with self.database.reading() as connection:
            return int((await connection.execute(sa.select(t.head.c.change))).scalar_one())

    async def count_standing(self) -> int:
        """How many rows `feed.rows` would give, ended consents counted too."""
        async with self.database.reading() as connection:
            return int((await connection.execute(sa.select(sa.func.count()).select_from(t.standing))).scalar_one())

    async def standing_rows(self, after: int, batch: int) -> AsyncIterator[list[IndexRow]]:
        """See `feed.rows`."""
        columns = t.standing.c
        place = 0
        while True:
            async with self.database.reading() as connection:
                subjects = sa.select(columns.subject).where(columns.subject > place).order_by(columns.subject)
                if after:
                    subjects = subjects.where(columns.change > after)
                last = (await connection.execute(subjects.offset(max(1, batch) - 1).limit(1))).scalar()
                question = (
                    sa.select(t.standing, t.subject.c.number)
                    .join(t.subject, t.subject.c.id == columns.subject)
                    .where(columns.subject > place, columns.change > after)
                    .order_by(columns.subject, columns.scope, columns.kind)
                )
                if last is not None:
                    question = question.where(columns.subject <= last)
                found = (await connection.execute(question)).all()
            now = int(time.time())
            opened = -1
            callee = ""
            rows = []
            for subject, scope, kind, since, until, change, box in found:
                if until is not None and until <= now:
                    continue
                if subject != opened:
                    callee, opened = self.ring.open(box, subject), subject
                rows.append(IndexRow(callee, scope, kind, since, until, change))
            if rows:
                yield rows
            if last is None:
                return
            place = last

    async def changes(self, after: int, limit: int) -> list[IndexRow]:
        """See `feed.changes`."""
        columns = t.change.c
        question = (
            sa.select(t.change, t.subject.c.number)
            .join(t.subject, t.subject.c.id == columns.subject)
            .where(columns.sequence > after)
            .order_by(columns.sequence)
            .limit(limit)
        )
        async with self.database.reading() as connection:
            floor = (await connection.execute(sa.select(t.head.c.floor))).scalar_one()
            found = (await connection.execute(question)).all()
        if after < floor:
            raise Gone(f"changes up to {floor} are kept no more: build the index anew")
        return [
            IndexRow(self.ring.open(row.number, row.subject), row.scope, row.kind, row.since, row.until, row.sequence)
            for row in found
        ]

    # -- callees ----------------------------------------------------------------------------------------------

    async def _find(self, connection: AsyncConnection, callee: str) -> int | None:
        question = sa.select(t.subject.c.id).where(t.subject.c.digest.in_(self.ring.digests(callee)))
        found: int | None = (await connection.execute(question)).scalar()
        return found

    async def _subjects(self, current: Writing, callees: Iterable[str]) -> dict[str, int]:
        """The ids of callees, those not known yet included."""
        callees = list(callees)
        by_digest = {digest: callee for callee in callees for digest in self.ring.digests(callee)}
        result: dict[str, int] = {}
        columns = t.subject.c
        for some in parts(list(by_digest)):
            question = sa.select(columns.id, columns.digest).where(columns.digest.in_(some))
            for row in await current.connection.execute(question):
                result[by_digest[bytes(row.digest)]] = row.id
        fresh = []
        for callee in callees:
            if callee not in result:
                place = result[callee] = current.new_subject()
                fresh.append({"id": place, "digest": self.ring.digest(callee), "number": self.ring.seal(callee, place)})
        if fresh:
            await current.connection.execute(sa.insert(t.subject), fresh)
        return result


def content_of(one: Statement, subject: int) -> bytes:
    """SHA-256 of what a statement says: two with the same are one, and a changed row no longer matches its own."""
    return hashlib.sha256(
        orjson.dumps([
            subject, one.kind, one.scope, one.since, one.until, one.sectors, one.level,
            one.purpose, one.channel, one.evidence, one.reference,
        ])
    ).digest()  # fmt: skip


def said_of(row: sa.Row[Any], callee: str) -> Said:
    """A row of the table `statement`."""
    return Said(row.id, statement_of(row, callee), row.recorded_at, row.recorded_by, row.ended_at)


def _about(one: Statement, holder: str | None, actor: Actor) -> bool:
    if holder is None or one.holder == holder:
        return True
    return not one.holder and actor.role != "holder"


async def _faults(current: Writing, said: Sequence[Statement], actor: Actor) -> dict[int, BadStatement]:
    """What only the register knows to be wrong, by the statements' identity."""
    result = {id(one): BadStatement("since", "is in the future") for one in said if one.since > current.at + AHEAD}
    cited = {one.evidence for one in said if one.evidence}
    stored: set[str] = set()
    for some in parts(sorted(cited)):
        question = sa.select(t.evidence.c.sha256).where(
            t.evidence.c.sha256.in_(some), t.evidence.c.removed_at.is_(None)
        )
        if actor.role == "holder":
            owned = sa.select(t.evidence_owner.c.sha256).where(t.evidence_owner.c.actor == actor.owner)
            question = question.where(t.evidence.c.sha256.in_(owned))
        stored |= set((await current.connection.execute(question)).scalars())
    for one in said:
        if one.evidence and one.evidence not in stored:
            result[id(one)] = BadStatement("evidence", "no file with this sha256 is stored")
    return result


async def _insert(
    current: Writing, said: Sequence[Statement], subjects: dict[str, int]
) -> list[Recorded | BadStatement]:
    """Rows and audit entries of those that are not on record yet."""
    contents = [content_of(one, subjects[one.callee]) for one in said]
    known: dict[bytes, int] = {}
    columns = t.statement.c
    for some in parts(contents):
        for row in await current.connection.execute(
            sa.select(columns.id, columns.content).where(columns.content.in_(some))
        ):
            known[bytes(row.content)] = row.id
    counts = await _counts(current, set(subjects.values()))
    result: list[Recorded | BadStatement] = []
    rows = []
    for one, content in zip(said, contents, strict=True):
        place = known.get(content)
        subject = subjects[one.callee]
        if place is None and counts[subject, one.scope] >= MOST_OF_ONE_SCOPE:
            result.append(
                BadStatement("callee", f"has {MOST_OF_ONE_SCOPE} statements of this scope: more are not kept")
            )
        elif place is None:
            counts[subject, one.scope] += 1
            place = known[content] = current.entry("recorded", subject, {"content": content.hex(), "kind": one.kind})
            rows.append(_row(place, one, subject, content, current))
            result.append(Recorded(place, True))
        else:
            result.append(Recorded(place, False))
    if rows:
        await current.connection.execute(sa.insert(t.statement), rows)
    return result


async def _counts(current: Writing, subjects: Collection[int]) -> dict[tuple[int, str], int]:
    """How many statements there are by callee and scope."""
    result: dict[tuple[int, str], int] = defaultdict(int)
    columns = t.statement.c
    for some in parts(sorted(subjects)):
        question = sa.select(columns.subject, columns.scope, sa.func.count()).where(columns.subject.in_(some))
        for subject, scope, count in await current.connection.execute(
            question.group_by(columns.subject, columns.scope)
        ):
            result[subject, scope] = count
    return result


def _row(place: int, one: Statement, subject: int, content: bytes, current: Writing) -> dict[str, Any]:
    return {
        "id": place,
        "subject": subject,
        "kind": one.kind,
        "scope": one.scope,
        "since": one.since,
        "until": one.until,
        "sectors": ",".join(one.sectors),
        "level": one.level,
        "purpose": one.purpose,
        "channel": one.channel,
        "evidence": one.evidence,
        "reference": one.reference,
        "recorded_at": current.at,
        "recorded_by": current.actor.name,
        "content": content,
    }
