"""All records of a folder, found by caller, callee, Call-ID or sequence number; segments without an index too."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from heapq import merge
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from ringfence.records.errors import RecordsError
from ringfence.records.framing import SEALED, segments
from ringfence.records.place import spools
from ringfence.records.schema import DECISION, END, OUTCOME, decode
from ringfence.warehouse.numbers import key_of
from ringfence.warehouse.segment_index import ACTIONS, SUFFIX, VERSION, bodies, bodies_with, call_key

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
    """One segment with its index. base: None before that is made. began, ended: microseconds; 0 where not yet known."""

    first: int
    segment: Path
    base: Path | None
    began: int
    ended: int


class Library:
    """Reads; writers and an indexer may be at work meanwhile. Raises RecordsError.

    folder: of a daemon's records, with the spools of its workers in it. A record's number tells the spool too.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        try:
            self._spools = [shelves for path in spools(folder) if (shelves := _survey(path))]
        except OSError as error:
            raise RecordsError(f"{folder}: cannot be read: {error.strerror}") from None

    @property
    def waiting(self) -> int:
        """Sealed segments without an index."""
        return sum(
            shelf.base is None and shelf.segment.suffix == SEALED for shelves in self._spools for shelf in shelves
        )

    def find(self, question: Question, limit: int = 1000) -> list[tuple[int, Fields]]:
        """Decisions that fit, newest first, at most `limit`."""
        answers = [_find(shelves, question, limit) for shelves in self._spools]
        return list(islice(merge(*answers, key=lambda answer: -int(answer[1]["at"])), limit))

    def decisions(self, begin: int) -> Iterator[tuple[int, bytes]]:
        """(sequence, body) of every undamaged decision since `begin` (microseconds), oldest first."""
        return merge(*(_decisions(shelves, begin) for shelves in self._spools), key=lambda record: _moment(record[1]))

    def estimate(self, begin: int) -> int:
        """About how many decisions there are since `begin`: from the indexes, elsewhere by the segment's size."""
        return sum(_count(shelf, begin) for shelves in self._spools for shelf in shelves)

    def story(self, sequence: int) -> Story | None:
        """The call of a decision's sequence number; None where there is none."""
        shelves = self._of(sequence)
        if not shelves:
            return None
        fields = _record(shelves[0], sequence)
        if fields is None or fields["kind"] != DECISION:
            return None
        return self._told(sequence, fields, shelves)

    def told(self, sequence: int, decision: Fields) -> Story:
        """The rest of a call whose decision is in hand."""
        return self._told(sequence, decision, self._of(sequence))

    def _of(self, sequence: int) -> list[_Shelf]:
        """The segment that holds a record, and those of its spool that follow; empty where no segment can."""
        for shelves in sorted(self._spools, key=lambda shelves: -shelves[0].first):
            for at in range(len(shelves) - 1, -1, -1):
                if shelves[at].first <= sequence:
                    return shelves[at:]
        return []

    def _told(self, sequence: int, decision: Fields, shelves: list[_Shelf]) -> Story:
        if decision["status"] != "0" or decision["action"] == "inside":
            return Story(sequence, decision, None, None)
        outcome, end = _course(shelves, sequence, decision)
        if end is None and (outcome is None or int(outcome["status"]) < 300):
            # It may have ended after a restart with another number of workers.
            began = int(decision["at"])
            for others in self._spools:
                if not shelves or others[-1] is not shelves[-1]:
                    later = [shelf for shelf in others if shelf.base is None or shelf.ended >= began]
                    other_outcome, end = _course(later, 0, decision)
                    outcome = outcome or other_outcome
                    if end is not None:
                        break
        return Story(sequence, decision, outcome, end)


def _survey(folder: Path) -> list[_Shelf]:
    """The segments of one spool, oldest first."""
    indexes = {path.stem: path for path in (folder / "index").glob(f"*{SUFFIX}")}
    files = {path.stem: path for path in segments(folder)}
    shelves = []
    for stem in sorted(indexes.keys() | files.keys()):
        segment = files.get(stem, folder / f"{stem}{SEALED}")
        index = indexes.get(stem)
        about = None if index is None else _about(index)
        if about is None:
            shelves.append(_Shelf(int(stem), segment, None, 0, 0))
        else:
            shelves.append(_Shelf(int(stem), segment, index, *about))
    return shelves


def _find(shelves: list[_Shelf], question: Question, limit: int) -> list[tuple[int, Fields]]:
    found: list[tuple[int, Fields]] = []
    for shelf in reversed(shelves):
        if shelf.base is not None and not (shelf.ended >= question.begin and shelf.began <= question.end):
            continue
        answers = _indexed(shelf, question, limit - len(found)) if shelf.base else _plain(shelf, question)
        found += sorted(answers, key=lambda answer: -answer[0])
        if len(found) >= limit:
            return found[:limit]
    return found


def _moment(body: bytes) -> int:
    """When a decision was written, microseconds."""
    return int(body[2 : body.index(b"\n", 2)])


def _decisions(shelves: list[_Shelf], begin: int) -> Iterator[tuple[int, bytes]]:
    for shelf in shelves:
        if shelf.base is not None and shelf.ended < begin:
            continue
        try:
            for sequence, body in _all_of(shelf):
                if body[:2] == b"D\n" and _moment(body) >= begin:
                    yield sequence, body
        except OSError as error:
            raise RecordsError(f"{shelf.segment.name}: cannot be read: {error.strerror}") from None


def _count(shelf: _Shelf, begin: int) -> int:
    if shelf.base is None:
        return shelf.segment.stat().st_size // USUAL_SIZE
    if shelf.ended < begin:
        return 0
    base = _opened(shelf.base)
    count: int = base.execute("SELECT count(*) FROM calls WHERE at >= ?", (begin,)).fetchone()[0]
    base.close()
    return count


def _course(shelves: list[_Shelf], sequence: int, decision: Fields) -> tuple[Fields | None, Fields | None]:
    """Outcome and end of a call, as far as they stand in these segments."""
    outcome = end = None
    until = int(decision["at"]) + LONGEST_CALL
    for shelf in shelves:
        if shelf.base is not None and shelf.began > until:
            break
        for fields in _endings(shelf, sequence, decision["call_id"]):
            if fields["kind"] == OUTCOME and outcome is None:
                outcome = fields
            elif fields["kind"] == END and end is None:
                end = fields
        if end is not None or (outcome is not None and int(outcome["status"]) >= 300):
            break
    return outcome, end


def _all_of(shelf: _Shelf) -> Iterator[tuple[int, bytes]]:
    """Every record of a segment; of a thinned one, the decisions that stayed."""
    if shelf.base is None or shelf.segment.exists():
        for sequence, _, body in bodies(shelf.segment):
            yield sequence, body
        return
    base = _opened(shelf.base)
    try:
        yield from base.execute("SELECT sequence, body FROM calls WHERE body IS NOT NULL ORDER BY sequence")
    finally:
        base.close()


def _about(index: Path) -> tuple[int, int] | None:
    """When an index's records began and ended; None for one of another version."""
    with _opened(index) as base:
        version, began, ended = base.execute("SELECT version, began, ended FROM about").fetchone()
    base.close()
    return (began, ended) if version == VERSION else None


def _opened(index: Path) -> sqlite3.Connection:
    """Sealed: nobody writes it, so nothing has to be locked or watched."""
    try:
        return sqlite3.connect(f"file:{index}?mode=ro&immutable=1", uri=True)
    except sqlite3.Error as error:
        raise RecordsError(f"{index.name}: cannot be opened: {error}") from None


def _indexed(shelf: _Shelf, question: Question, limit: int) -> list[tuple[int, Fields]]:
    clauses: list[str] = ["at BETWEEN ? AND ?"]
    values: list[int | str] = [question.begin, question.end]
    if question.caller is not None:
        clauses.append("(caller = ? OR shown = ?)")
        values += [_key(question.caller)] * 2
    if question.callee is not None:
        clauses.append("callee = ?")
        values.append(_key(question.callee))
    if question.call_id is not None:
        clauses.append("call = ?")
        values.append(call_key(question.call_id))
    if question.trunk is not None:
        clauses.append("trunk = (SELECT id FROM names WHERE name = ?)")
        values.append(question.trunk)
    if question.action is not None:
        clauses.append("action = ?")
        values.append(ACTIONS.index(question.action))
    where = " AND ".join(clauses)  # clauses are ours, values are bound
    query = f"SELECT sequence, place, size, body FROM calls WHERE {where} ORDER BY sequence DESC LIMIT ?"  # noqa: S608
    assert shelf.base is not None
    base = _opened(shelf.base)
    try:
        rows = base.execute(query, (*values, limit)).fetchall()
    except sqlite3.Error as error:
        raise RecordsError(f"{shelf.base.name}: cannot be read: {error}") from None
    finally:
        base.close()
    return [(sequence, fields) for sequence, fields in _read(shelf.segment, rows) if question.fits(fields)]


def _key(number: str) -> int:
    key = key_of(number)
    if key is None:
        raise RecordsError("a number to look for is E.164 with its plus, or a short code")
    return key


def _read(segment: Path, rows: list[tuple[int, int, int, bytes | None]]) -> Iterator[tuple[int, Fields]]:
    """The records of some rows: their own bodies, else cut out of the segment."""
    descriptor = -1
    try:
        for sequence, place, size, body in rows:
            if body is None:
                if descriptor < 0:
                    descriptor = os.open(segment, os.O_RDONLY | os.O_CLOEXEC)
                body = os.pread(descriptor, size, place)
            yield sequence, decode(body)
    except OSError as error:
        raise RecordsError(f"{segment.name}: cannot be read: {error.strerror}") from None
    finally:
        if descriptor >= 0:
            os.close(descriptor)


def _plain(shelf: _Shelf, question: Question) -> list[tuple[int, Fields]]:
    wanted = question.callee or question.caller or question.call_id or ""
    needle = wanted.encode("utf-8", "surrogateescape") or b"D\n"
    try:
        found = [(sequence, decode(body)) for sequence, body in bodies_with(shelf.segment, needle)]
    except OSError as error:
        raise RecordsError(f"{shelf.segment.name}: cannot be read: {error.strerror}") from None
    return [(sequence, fields) for sequence, fields in found if fields["kind"] == DECISION and question.fits(fields)]


def _record(shelf: _Shelf, sequence: int) -> Fields | None:
    if shelf.base is None:
        for number, body in bodies_with(shelf.segment, b"D\n"):
            if number == sequence:
                return decode(body)
        return None
    base = _opened(shelf.base)
    rows = base.execute("SELECT sequence, place, size, body FROM calls WHERE sequence = ?", (sequence,)).fetchall()
    base.close()
    return next((fields for _, fields in _read(shelf.segment, rows)), None)


def _endings(shelf: _Shelf, decision: int, call_id: str) -> list[Fields]:
    """Outcome and end of a decision in one segment; ends from behind a restart are known by the Call-ID."""
    if shelf.base is None:
        needle = call_id.encode("utf-8", "surrogateescape")
        found = [decode(body) for _, body in bodies_with(shelf.segment, needle)]
    else:
        base = _opened(shelf.base)
        query = "SELECT sequence, place, size, body FROM endings WHERE decision = ?"
        rows = base.execute(query, (decision,)).fetchall()
        if not rows:
            rows = base.execute(
                "SELECT sequence, place, size, body FROM endings WHERE decision = 0 AND call = ?", (call_key(call_id),)
            ).fetchall()
        base.close()
        found = [fields for _, fields in _read(shelf.segment, rows)]
    return [
        fields
        for fields in found
        if fields["kind"] in (OUTCOME, END)
        and fields["call_id"] == call_id
        and fields["decision"] in ("0", str(decision))
    ]
