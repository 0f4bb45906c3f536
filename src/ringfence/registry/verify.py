"""`ringfence registry verify`: nothing was changed, left out or put in behind the registry's back."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import Any, NamedTuple

import orjson
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from ringfence.registry import tables as t
from ringfence.registry.chain import START, Entry, hash_of
from ringfence.registry.errors import RegistryError
from ringfence.registry.evidence import EvidenceFolder
from ringfence.registry.register import Registry, content_of
from ringfence.registry.rule import Standing, standing
from ringfence.registry.writing import statement_of, statements_of

_PAGE = 5000
MOST_FAULTS = 100  # told one by one; more say the same


class Anchor(NamedTuple):
    """An entry's sequence and hash that somebody wrote down elsewhere: who cuts the trail short cannot know it."""

    sequence: int
    hash: str


class Report(NamedTuple):
    """What was looked at, and what is wrong; head: the trail's last entry, to be written down elsewhere."""

    entries: int
    statements: int
    callees: int
    files: int
    head: Anchor
    faults: list[str]


async def verify(
    registry: Registry,
    folder: EvidenceFolder | None,
    anchor: Anchor | None = None,
    progress: Callable[[str, int], None] = lambda what, done: None,
) -> Report:
    """Walk the audit trail, the statements, what counts of them, trace messages, and the evidence (None: no files).

    progress: told what is looked at and how many are done. Raises RegistryError when the database cannot be read.
    """
    async with registry.database.reading() as connection:
        walk = _Walk(registry, connection, progress)
        head = await walk.trail(anchor)
        statements = await walk.statements()
        callees = await walk.standing()
        files = await walk.files(folder) if folder is not None else 0
        await walk.messages()
    return Report(walk.entries, statements, callees, files, head, walk.faults)


class _Walk:
    def __init__(self, registry: Registry, connection: AsyncConnection, progress: Callable[[str, int], None]) -> None:
        self._registry = registry
        self._connection = connection
        self._progress = progress
        self._ended: dict[int, int] = {}  # statement to the entry that ended it
        self._removed: set[int] = set()  # statements that a deletion or retention took away
        self._messages: dict[int, tuple[int, str]] = {}  # trace message to its request and digest
        self.entries = 0
        self.faults: list[str] = []

    def _fault(self, text: str) -> None:
        if len(self.faults) < MOST_FAULTS:
            self.faults.append(text)

    async def trail(self, anchor: Anchor | None) -> Anchor:
        """Every entry's hash, from the first to the head."""
        head = (await self._connection.execute(sa.select(t.head))).one()
        last = Anchor(0, START)
        anchored = anchor is None or (anchor.sequence == 0 and anchor.hash == START)
        while rows := (await self._page(t.audit, t.audit.c.sequence, last.sequence)):
            for row in rows:
                entry = Entry(*row[:7])
                if entry.sequence != last.sequence + 1:
                    self._fault(f"audit: entries {last.sequence + 1} to {entry.sequence - 1} are missing")
                if hash_of(last.hash, entry) != row.hash:
                    self._fault(f"audit: entry {entry.sequence} was changed, or one before it")
                # On from what is written, so that one fault is told once.
                last = Anchor(entry.sequence, row.hash)
                anchored = anchored or last == anchor
                self.entries += 1
                self._note(entry)
            self._progress("audit entries", self.entries)
        if last != Anchor(head.audit, head.hash):
            self._fault(f"audit: ends at entry {last.sequence}, and {head.audit} were written")
        if not anchored:
            assert anchor is not None
            self._fault(f"audit: entry {anchor.sequence} is missing or not the one that was written down")
        return last

    def _note(self, entry: Entry) -> None:
        if entry.action in ("ended", "removed"):
            ids = orjson.loads(entry.detail).get("statements", [])
            if entry.action == "ended":
                self._ended.update(dict.fromkeys(ids, entry.sequence))
            else:
                self._removed.update(ids)
        elif entry.action in ("trace_said", "trace_heard"):
            detail = orjson.loads(entry.detail)
            self._messages[entry.sequence] = (detail["request"], detail["digest"])
        elif entry.action == "trace_removed":
            gone = set(orjson.loads(entry.detail)["requests"])
            self._messages = {place: said for place, said in self._messages.items() if said[0] not in gone}

    async def statements(self) -> int:
        """Every statement against the entry that recorded it, and the other way round."""
        last = count = 0
        joined = sa.select(t.statement, t.audit.c.action, t.audit.c.detail, t.audit.c.at, t.audit.c.actor).join(
            t.audit, t.audit.c.sequence == t.statement.c.id, isouter=True
        )
        while rows := (
            await self._connection.execute(
                joined.where(t.statement.c.id > last).order_by(t.statement.c.id).limit(_PAGE)
            )
        ).all():
            for row in rows:
                self._statement(row)
            last = rows[-1].id
            count += len(rows)
            self._progress("statements", count)
        columns = t.audit.c
        missing = (
            sa.select(columns.sequence)
            .join(t.statement, t.statement.c.id == columns.sequence, isouter=True)
            .where(columns.action == "recorded", t.statement.c.id.is_(None))
        )
        for sequence in (await self._connection.execute(missing)).scalars():
            if sequence not in self._removed:
                self._fault(f"statement {sequence} is missing")
        return count

    def _statement(self, row: sa.Row[Any]) -> None:
        content = content_of(statement_of(row), row.subject)
        recorded = row.action == "recorded" and orjson.loads(row.detail).get("content") == content.hex()
        if not recorded or bytes(row.content) != content:
            self._fault(f"statement {row.id} is not what was recorded")
        elif (row.recorded_at, row.recorded_by) != (row.at // 1000, row.actor):
            self._fault(f"statement {row.id}: who recorded it and when is not what the audit trail says")
        if row.ended_entry != self._ended.get(row.id) or (row.ended_at is None) != (row.ended_entry is None):
            self._fault(f"statement {row.id}: its end is not what the audit trail says")

    async def standing(self) -> int:
        """What counts, worked out anew; and each number against its digest."""
        last = count = 0
        columns = t.subject.c
        while rows := await self._page(t.subject, columns.id, last):
            ids = [row.id for row in rows]
            said = await statements_of(self._connection, ids)
            has: dict[int, set[Standing]] = defaultdict(set)
            for row in await self._connection.execute(sa.select(t.standing).where(t.standing.c.subject.in_(ids))):
                has[row.subject].add(Standing(row.scope, row.kind, row.since, row.until))
            for row in rows:
                if set(standing(said[row.id])) != has[row.id]:
                    self._fault(f"callee {row.id}: what is held to count is not what the rule says")
                self._number(row)
            last = ids[-1]
            count += len(ids)
            self._progress("callees", count)
        return count

    def _number(self, row: sa.Row[Any]) -> None:
        if row.number is None or row.erased_at is not None:
            return
        try:
            number = self._registry.ring.open(row.number, row.id)
        except RegistryError as error:
            self._fault(str(error))
            return
        if bytes(row.digest) not in self._registry.ring.digests(number):
            self._fault(f"callee {row.id}: is found by another number than its own")

    async def files(self, folder: EvidenceFolder) -> int:
        """Every evidence file against its SHA-256."""
        question = sa.select(t.evidence.c.sha256).where(t.evidence.c.removed_at.is_(None))
        count = 0
        for sha256 in (await self._connection.execute(question)).scalars():
            try:
                folder.read(sha256)
            except RegistryError as error:
                self._fault(str(error))
            count += 1
            self._progress("evidence files", count)
        return count

    async def messages(self) -> None:
        """Every trace message against the entry that tells of it, and the other way round."""
        last = count = 0
        while rows := await self._page(t.trace_message, t.trace_message.c.id, last):
            for row in rows:
                if self._messages.pop(row.id, None) != (row.request, bytes(row.digest).hex()):
                    self._fault(f"trace message {row.id} is not what was said")
                try:
                    self._registry.ring.open(row.box, row.id, "trace message")
                except RegistryError as error:
                    self._fault(str(error))
            last = rows[-1].id
            count += len(rows)
            self._progress("trace messages", count)
        for place in self._messages:
            self._fault(f"trace message {place} is missing")

    async def _page(self, table: sa.Table, key: sa.Column[Any], last: int) -> Any:
        return (await self._connection.execute(sa.select(table).where(key > last).order_by(key).limit(_PAGE))).all()
