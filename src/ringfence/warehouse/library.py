"""All records of a folder, found by caller, callee, Call-ID or sequence number; segments without an index too."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from ringfence.records.errors import RecordsError
from ringfence.records.framing import OPEN, VAULT, Header, read_header, segments
from ringfence.records.schema import DECISION, END, OUTCOME, decode, moment_of
from ringfence.records.vault import Keys, Vault, opened
from ringfence.records.vault_file import read_about, read_tag
from ringfence.records.verify import bodies_in
from ringfence.warehouse.numbers import Digests, is_number
from ringfence.warehouse.segment_index import ACTIONS, bodies_with, classes_in, connected, index_of

USUAL_SIZE = 600  # bytes of all records of a call, about
LONGEST_CALL = (
    13 * 3600 * 10**6
)  # microseconds after a decision in which its end is looked for: dialog_lifetime and more

Fields = dict[str, str]


@dataclass(frozen=True)
class Question:
    """What is looked for; None: anything.

    caller: normalised number, the shown or the asserted one. callee: likewise. begin, end: microseconds since 1970.
    """

    caller: str | None = None
    callee: str | None = None
    call_id: str | None = None
    trunk: str | None = None
    action: str | None = None
    begin: int = 0
    end: int = 2**62

    def fits(self, fields: Fields) -> bool:
        """Whether a decision is an answer."""
        return (
            fields["kind"] == DECISION
            and (self.caller is None or self.caller in (fields["caller"], fields["shown"]))
            and (self.callee is None or self.callee == fields["callee"])
            and (self.call_id is None or self.call_id == fields["call_id"])
            and (self.trunk is None or self.trunk == fields["trunk"])
            and (self.action is None or self.action == fields["action"])
            and self.begin <= int(fields["at"]) <= self.end
        )


class Story(NamedTuple):
    """A call: its decision, and how it went as far as is known."""

    sequence: int
    decision: Fields
    outcome: Fields | None
    end: Fields | None


class _Shelf(NamedTuple):
    """One segment. base: its index, None before that is made. began, ended: microseconds; of a vault alone."""

    first: int
    segment: Path
    base: Path | None
    began: int
    ended: int

    def touches(self, begin: int, end: int) -> bool:
        """Whether it may have records of that time."""
        return self.segment.suffix != VAULT or (self.ended >= begin and self.began <= end)


class Library:
    """Reads; a writer and an indexer may be at work meanwhile.

    keys: for vaults; without them only what is in the clear can be read. Raises RecordsError.
    """

    def __init__(self, folder: Path, keys: Keys | None = None) -> None:
        self.folder = folder
        self.keys = keys
        self._shelves = self._survey()

    def _survey(self) -> list[_Shelf]:
        try:
            indexes = {path.name for path in (self.folder / "index").glob("*")}
            files = segments(self.folder)
        except OSError as error:
            raise RecordsError(f"{self.folder}: cannot be read: {error.strerror}") from None
        shelves = []
        for path in files:
            if path.suffix != VAULT:
                shelves.append(_Shelf(int(path.stem), path, None, 0, 0))
                continue
            about = read_about(path)
            index = index_of(self.folder, path.stem, read_tag(path))
            base = index if index.name in indexes else None
            shelves.append(_Shelf(about.first, path, base, about.began, about.ended))
        return shelves

    @contextmanager
    def _opened(self, shelf: _Shelf) -> Iterator[tuple[Vault, sqlite3.Connection] | None]:
        """A vault with its index; None where one is missing, or retention took it away meanwhile."""
        if shelf.base is None:
            yield None
            return
        if self.keys is None:
            raise RecordsError(f"{shelf.segment.name}: it is encrypted, and no key was given")
        try:
            vault = Vault(shelf.segment, self.keys())
        except FileNotFoundError:
            yield None
            return
        try:
            index = index_of(self.folder, shelf.segment.stem, vault.tag)
            if not index.exists():
                yield None
                return
            with closing(connected(index)) as base:
                yield vault, base
        except (sqlite3.Error, OSError) as error:
            raise RecordsError(f"{shelf.segment.name}: cannot be read: {error}") from None
        finally:
            vault.close()

    @property
    def waiting(self) -> int:
        """Sealed segments without an index."""
        return sum(shelf.base is None and shelf.segment.suffix != OPEN for shelf in self._shelves)

    def find(self, question: Question, limit: int = 1000) -> list[tuple[int, Fields]]:
        """Decisions that fit, newest first, at most `limit`."""
        for number in (question.caller, question.callee):
            if number is not None and not is_number(number):
                raise RecordsError("a number to look for is E.164 with its plus, or a short code")
        found: list[tuple[int, Fields]] = []
        for shelf in reversed(self._shelves):
            if not shelf.touches(question.begin, question.end):
                continue
            found += sorted(self._answers(shelf, question, limit - len(found)), key=lambda answer: -answer[0])
            if len(found) >= limit:
                return found[:limit]
        return found

    def decisions(self, begin: int) -> Iterator[tuple[int, bytes]]:
        """(sequence, body) of every undamaged decision since `begin` (microseconds), oldest first."""
        for segment in self.since(begin):
            for _, sequence, body in self.bodies_of(segment):
                if body[:2] == b"D\n" and moment_of(body) >= begin:
                    yield sequence, body

    def since(self, begin: int) -> list[Path]:
        """Every segment that may have records since `begin` (microseconds), oldest first."""
        return [shelf.segment for shelf in self._shelves if shelf.touches(begin, 2**62)]

    def bodies_of(self, segment: Path) -> Iterator[tuple[str, int, bytes]]:
        """(node, sequence, body) of every undamaged record of a segment."""
        try:
            with opened(segment, self.keys) as data:
                header = read_header(data)
                if isinstance(header, Header):
                    for sequence, _, body in bodies_in(data):
                        yield header.node, sequence, body
        except FileNotFoundError:
            return  # retention took it away meanwhile
        except OSError as error:
            raise RecordsError(f"{segment.name}: cannot be read: {error.strerror}") from None

    def estimate(self, begin: int) -> int:
        """About how many decisions there are since `begin`: from the indexes, elsewhere by the segment's size."""
        count = 0
        for shelf in self._shelves:
            if shelf.base is None:
                count += shelf.segment.stat().st_size // USUAL_SIZE
            elif shelf.began >= begin:
                count += sum(classes_in(shelf.base).values())
            elif shelf.ended >= begin:
                base = connected(shelf.base)
                count += base.execute("SELECT count(*) FROM calls WHERE at >= ?", (begin,)).fetchone()[0]
                base.close()
        return count

    def story(self, sequence: int) -> Story | None:
        """The call of a decision's sequence number; None where there is none."""
        for at in range(len(self._shelves) - 1, -1, -1):
            shelf = self._shelves[at]
            if shelf.first <= sequence:
                fields = self._record(shelf, sequence)
                if fields is None or fields["kind"] != DECISION:
                    return None
                return self._told(sequence, fields, at)
        return None

    def told(self, sequence: int, decision: Fields) -> Story:
        """The rest of a call whose decision is in hand."""
        at = max((place for place, shelf in enumerate(self._shelves) if shelf.first <= sequence), default=0)
        return self._told(sequence, decision, at)

    def _told(self, sequence: int, decision: Fields, shelf_of: int) -> Story:
        outcome = end = None
        if decision["status"] != "0" or decision["action"] == "inside":
            return Story(sequence, decision, None, None)
        until = int(decision["at"]) + LONGEST_CALL
        for shelf in self._shelves[shelf_of:]:
            if shelf.began > until:
                break
            for fields in self._endings(shelf, sequence, decision["call_id"]):
                if fields["kind"] == OUTCOME and outcome is None:
                    outcome = fields
                elif fields["kind"] == END and end is None:
                    end = fields
            if end is not None or (outcome is not None and int(outcome["status"]) >= 300):
                break
        return Story(sequence, decision, outcome, end)

    def _answers(self, shelf: _Shelf, question: Question, limit: int) -> list[tuple[int, Fields]]:
        with self._opened(shelf) as at_hand:
            if at_hand is None:
                wanted = question.callee or question.caller or question.call_id or ""
                found = self._with(shelf, wanted.encode("utf-8", "surrogateescape") or b"D\n")
            else:
                vault, base = at_hand
                where, values = _clauses(question, Digests(vault.digest_key))
                # The clauses are ours, the values are bound.
                query = f"SELECT sequence, place, size FROM calls WHERE {where} ORDER BY sequence DESC LIMIT ?"  # noqa: S608
                found = _read(vault, base.execute(query, (*values, limit)))
            return [(sequence, fields) for sequence, fields in found if question.fits(fields)]

    def _with(self, shelf: _Shelf, needle: bytes) -> Iterator[tuple[int, Fields]]:
        """Every record with some bytes in it, of a segment without an index."""
        try:
            for sequence, body in bodies_with(shelf.segment, needle, self.keys):
                yield sequence, decode(body)
        except FileNotFoundError:
            return  # retention took it away meanwhile
        except OSError as error:
            raise RecordsError(f"{shelf.segment.name}: cannot be read: {error.strerror}") from None

    def _record(self, shelf: _Shelf, sequence: int) -> Fields | None:
        with self._opened(shelf) as at_hand:
            if at_hand is None:
                return next((fields for number, fields in self._with(shelf, b"D\n") if number == sequence), None)
            vault, base = at_hand
            rows = base.execute("SELECT sequence, place, size FROM calls WHERE sequence = ?", (sequence,))
            return next((fields for _, fields in _read(vault, rows)), None)

    def _endings(self, shelf: _Shelf, decision: int, call_id: str) -> list[Fields]:
        """Outcome and end of a decision in one segment; ends from behind a restart are known by the Call-ID."""
        with self._opened(shelf) as at_hand:
            if at_hand is None:
                found = [fields for _, fields in self._with(shelf, call_id.encode("utf-8", "surrogateescape"))]
            else:
                vault, base = at_hand
                select = "SELECT sequence, place, size FROM endings WHERE decision = "
                rows = base.execute(f"{select}?", (decision,)).fetchall()
                if not rows:
                    rows = base.execute(f"{select}0 AND call = ?", (Digests(vault.digest_key).of(call_id),)).fetchall()
                found = [fields for _, fields in _read(vault, rows)]
        return [
            fields
            for fields in found
            if fields["kind"] in (OUTCOME, END)
            and fields["call_id"] == call_id
            and fields["decision"] in ("0", str(decision))
        ]


def _clauses(question: Question, digests: Digests) -> tuple[str, list[int | str | None]]:
    """A question's WHERE, and the values that it binds."""
    clauses = ["at BETWEEN ? AND ?"]
    values: list[int | str | None] = [question.begin, question.end]
    if question.caller is not None:
        clauses.append("(caller = ? OR shown = ?)")
        values += [digests.of(question.caller)] * 2
    if question.callee is not None:
        clauses.append("callee = ?")
        values.append(digests.of(question.callee))
    if question.call_id is not None:
        clauses.append("call = ?")
        values.append(digests.of(question.call_id))
    if question.trunk is not None:
        clauses.append("trunk = (SELECT id FROM names WHERE name = ?)")
        values.append(question.trunk)
    if question.action is not None:
        clauses.append("action = ?")
        values.append(ACTIONS.index(question.action))
    return " AND ".join(clauses), values


def _read(vault: Vault, rows: Iterable[tuple[int, int, int]]) -> Iterator[tuple[int, Fields]]:
    """The records of some rows, cut out of their segment."""
    for sequence, place, size in rows:
        yield sequence, decode(vault[place : place + size])
