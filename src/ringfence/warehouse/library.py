"""All records of a folder, found by caller, callee, Call-ID or sequence number; segments without an index too."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from heapq import merge
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from ringfence.records.errors import RecordsError
from ringfence.records.framing import OPEN, VAULT, Header, read_header, segments, size_of
from ringfence.records.place import spools
from ringfence.records.schema import DECISION, END, OUTCOME, decode, moment_of
from ringfence.records.vault import Keys, Vault, digest_key_of, key_in, opened
from ringfence.records.vault_file import Card, read_card
from ringfence.records.verify import bodies_in
from ringfence.warehouse import segment_filter
from ringfence.warehouse.catalogue import Catalogue
from ringfence.warehouse.numbers import Digests, is_number
from ringfence.warehouse.segment_index import ACTIONS, bodies_with, classes_in, connected, filter_of, index_of

TOGETHER = 8  # segments looked into at once
USUAL_SIZE = 600  # bytes of all records of a call, about
LONGEST_CALL = (
    13 * 3600 * 10**6
)  # microseconds after a decision in which its end is looked for: dialog_lifetime and more

_PLACES = "SELECT sequence, place, size FROM"

Fields = dict[str, str]
_Query = Callable[[Digests], tuple[str, tuple[object, ...]]]


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
    """One segment. card: of a vault, else None. base: its index, None before that is made."""

    first: int
    segment: Path
    card: Card | None
    base: Path | None

    @property
    def began(self) -> int:
        """Microseconds; 0 where that is not known."""
        return 0 if self.card is None else self.card.about.began

    def touches(self, begin: int, end: int) -> bool:
        """Whether it may have records of that time."""
        return self.card is None or (self.card.about.ended >= begin and self.card.about.began <= end)


class Library:
    """Reads; writers and an indexer may be at work meanwhile.

    folder: of a daemon's records, with the spools of its workers in it; a record's number tells the spool too.
    keys: for vaults; without them only what is in the clear can be read. Raises RecordsError.
    """

    def __init__(self, folder: Path, keys: Keys | None = None) -> None:
        self.folder = folder
        self.keys = keys
        try:
            with ThreadPoolExecutor(TOGETHER) as pool:  # each file may wait for the disk
                self._spools = [shelves for path in spools(folder) if (shelves := _survey(path, pool))]
        except OSError as error:
            raise RecordsError(f"{folder}: cannot be read: {error.strerror}") from None

    def _looked_up(self, shelf: _Shelf, query: _Query) -> list[tuple[int, Fields]] | None:
        """What an index finds, read from its vault; None where there is none, or no longer the one that was here."""
        if shelf.card is None or shelf.base is None:
            return None
        if self.keys is None:
            raise RecordsError(f"{shelf.segment.name}: it is encrypted, and no key was given")
        digests = Digests(digest_key_of(key_in(shelf.segment, shelf.card.slots, self.keys())))
        try:
            with closing(connected(shelf.base)) as base:
                rows = base.execute(*query(digests)).fetchall()
            if not rows:
                return []
            with opened(shelf.segment, self.keys) as vault:
                if not isinstance(vault, Vault) or vault.tag != shelf.card.tag:
                    return None
                return [(sequence, decode(vault[place : place + size])) for sequence, place, size in rows]
        except (sqlite3.Error, OSError, RecordsError) as error:
            if not shelf.base.exists():
                return None  # retention was here meanwhile
            if isinstance(error, RecordsError):
                raise
            raise RecordsError(f"{shelf.segment.name}: cannot be looked up: {error}") from None

    def _may_hold(self, shelf: _Shelf, texts: Sequence[str]) -> bool:
        """Whether numbers and Call-IDs may all stand in a segment; False is certain. Raises RecordsError."""
        if shelf.card is None or shelf.base is None or self.keys is None:
            return True
        key = digest_key_of(key_in(shelf.segment, shelf.card.slots, self.keys()))
        digests = [digest for digest in map(Digests(key).of, texts) if digest is not None]
        return segment_filter.may_hold(filter_of(shelf.base), digests, key)

    def _holding(self, shelves: list[_Shelf], texts: Sequence[str], pool: ThreadPoolExecutor) -> list[_Shelf]:
        """Those that may hold all of some numbers and Call-IDs, in the same order."""
        if self.keys is not None and any(shelf.card for shelf in shelves):
            self.keys()  # by one before all ask for them
        held = [True] * len(shelves)

        def look(first: int) -> None:
            for at in range(first, len(shelves), TOGETHER):
                held[at] = self._may_hold(shelves[at], texts)

        list(pool.map(look, range(TOGETHER)))  # a task for each segment would cost more than its look
        return [shelf for shelf, may in zip(shelves, held, strict=True) if may]

    @property
    def waiting(self) -> int:
        """Sealed segments without an index."""
        return sum(shelf.base is None and shelf.segment.suffix != OPEN for shelves in self._spools for shelf in shelves)

    def find(self, question: Question, limit: int = 1000) -> list[tuple[int, Fields]]:
        """Decisions that fit, newest first, at most `limit`."""
        for number in (question.caller, question.callee):
            if number is not None and not is_number(number):
                raise RecordsError("a number to look for is E.164 with its plus, or a short code")
        with ThreadPoolExecutor(TOGETHER) as pool:
            answers = [self._find(shelves, question, limit, pool) for shelves in self._spools]
        return list(islice(merge(*answers, key=lambda answer: -int(answer[1]["at"])), limit))

    def _find(
        self, spool: list[_Shelf], question: Question, limit: int, pool: ThreadPoolExecutor
    ) -> list[tuple[int, Fields]]:
        found: list[tuple[int, Fields]] = []
        shelves = [shelf for shelf in reversed(spool) if shelf.touches(question.begin, question.end)]
        texts = [text for text in (question.caller, question.callee, question.call_id) if text]
        # Files that nobody looked into lately wait for the disk, and can do so together. Where no number is asked for,
        # every file may fill the answer by itself.
        batch = TOGETHER if texts else 1
        if texts:
            shelves = self._holding(shelves, texts, pool)
        for at in range(0, len(shelves), batch):
            wanted = partial(self._answers, question=question, limit=limit - len(found))
            for answers in pool.map(wanted, shelves[at : at + batch]):
                found += sorted(answers, key=lambda answer: -answer[0])
            if len(found) >= limit:
                break
        return found[:limit]

    def decisions(self, begin: int) -> Iterator[tuple[int, bytes]]:
        """(sequence, body) of every undamaged decision since `begin` (microseconds), oldest first."""
        return merge(
            *(self._decisions(shelves, begin) for shelves in self._spools), key=lambda record: moment_of(record[1])
        )

    def _decisions(self, shelves: list[_Shelf], begin: int) -> Iterator[tuple[int, bytes]]:
        for segment in _since(shelves, begin):
            yield from self.decisions_of(segment, begin)

    def decisions_of(self, segment: Path, begin: int) -> Iterator[tuple[int, bytes]]:
        """The same of one segment, which `since` told of."""
        for _, sequence, body in self.bodies_of(segment):
            if body[:2] == b"D\n" and moment_of(body) >= begin:
                yield sequence, body

    def since(self, begin: int) -> list[Path]:
        """Every segment that may have records since `begin` (microseconds), spool by spool, oldest first."""
        return [segment for shelves in self._spools for segment in _since(shelves, begin)]

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
        return sum(_count(shelf, begin) for shelves in self._spools for shelf in shelves)

    def story(self, sequence: int) -> Story | None:
        """The call of a decision's sequence number; None where there is none."""
        shelves = self._of(sequence)
        fields = self._record(shelves[0], sequence) if shelves else None
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
        outcome, end = self._course(shelves, sequence, decision)
        if end is None and (outcome is None or int(outcome["status"]) < 300):
            # It may have ended after a restart with another number of workers.
            began = int(decision["at"])
            for others in self._spools:
                if not shelves or others[-1] is not shelves[-1]:
                    later = [shelf for shelf in others if shelf.touches(began, 2**62)]
                    other_outcome, end = self._course(later, 0, decision)
                    outcome = outcome or other_outcome
                    if end is not None:
                        break
        return Story(sequence, decision, outcome, end)

    def _course(self, shelves: list[_Shelf], sequence: int, decision: Fields) -> tuple[Fields | None, Fields | None]:
        """Outcome and end of a call, as far as they stand in these segments."""
        outcome = end = None
        until = int(decision["at"]) + LONGEST_CALL
        for shelf in shelves:
            if shelf.began > until:
                break
            for fields in self._endings(shelf, sequence, decision["call_id"]):
                if fields["kind"] == OUTCOME and outcome is None:
                    outcome = fields
                elif fields["kind"] == END and end is None:
                    end = fields
            if end is not None or (outcome is not None and int(outcome["status"]) >= 300):
                break
        return outcome, end

    def _answers(self, shelf: _Shelf, question: Question, limit: int) -> list[tuple[int, Fields]]:
        found = self._looked_up(shelf, lambda digests: _asked(question, digests, limit))
        if found is None:
            wanted = question.callee or question.caller or question.call_id or ""
            found = list(self._with(shelf, wanted.encode("utf-8", "surrogateescape") or b"D\n"))
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
        found = self._looked_up(shelf, lambda _: (f"{_PLACES} calls WHERE sequence = ?", (sequence,)))
        if found is None:
            return next((fields for number, fields in self._with(shelf, b"D\n") if number == sequence), None)
        return next((fields for _, fields in found), None)

    def _endings(self, shelf: _Shelf, decision: int, call_id: str) -> list[Fields]:
        """Outcome and end of a decision in one segment; ends from behind a restart are known by the Call-ID."""
        if not self._may_hold(shelf, (call_id,)):
            return []
        where = "decision = ? OR (decision = 0 AND call = ?)"
        found = self._looked_up(
            shelf, lambda digests: (f"{_PLACES} endings WHERE {where}", (decision, digests.of(call_id)))
        )
        if found is None:
            found = list(self._with(shelf, call_id.encode("utf-8", "surrogateescape")))
        return [
            fields
            for _, fields in found
            if fields["kind"] in (OUTCOME, END)
            and fields["call_id"] == call_id
            and fields["decision"] in ("0", str(decision))
        ]


def _survey(folder: Path, pool: ThreadPoolExecutor) -> list[_Shelf]:
    """The segments of one spool, oldest first. Raises RecordsError, OSError."""
    try:
        indexes = {path.name for path in (folder / "index").iterdir()}
    except (FileNotFoundError, NotADirectoryError):
        indexes = set()
    catalogue = Catalogue(folder)
    paths = segments(folder)
    cards = {path: catalogue.known(path) for path in paths if path.suffix == VAULT}
    unknown = [path for path, card in cards.items() if card is None]
    cards.update(zip(unknown, pool.map(_card, unknown), strict=True))
    return [_shelf(path, cards.get(path), indexes) for path in paths if path.suffix != VAULT or cards[path] is not None]


def _card(path: Path) -> Card | None:
    """None: retention took it away meanwhile. Raises RecordsError."""
    try:
        return read_card(path)
    except RecordsError:
        if path.exists():
            raise
        return None


def _since(shelves: list[_Shelf], begin: int) -> Iterator[Path]:
    return (shelf.segment for shelf in shelves if shelf.touches(begin, 2**62))


def _count(shelf: _Shelf, begin: int) -> int:
    """About how many decisions since `begin`."""
    if shelf.base is None:
        return size_of(shelf.segment) // USUAL_SIZE
    if shelf.began >= begin:
        return sum(classes_in(shelf.base).values())
    if not shelf.touches(begin, 2**62):
        return 0
    with closing(connected(shelf.base)) as base:
        count: int = base.execute("SELECT count(*) FROM calls WHERE at >= ?", (begin,)).fetchone()[0]
        return count


def _shelf(path: Path, card: Card | None, indexes: set[str]) -> _Shelf:
    """card: of a vault. indexes: names of the files that there are."""
    if card is None:
        return _Shelf(int(path.stem), path, None, None)
    index = index_of(path.parent, path.stem, card.tag)
    return _Shelf(card.about.first, path, card, index if index.name in indexes else None)


def _asked(question: Question, digests: Digests, limit: int) -> tuple[str, tuple[object, ...]]:
    """A question as SQL, and the values that it binds."""
    clauses = ["at BETWEEN ? AND ?"]
    values: list[object] = [question.begin, question.end]
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
    where = " AND ".join(clauses)  # these are ours, what is asked for is bound
    return f"{_PLACES} calls WHERE {where} ORDER BY sequence DESC LIMIT ?", (*values, limit)
