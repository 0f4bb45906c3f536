"""One vault to one SQLite file and its filter: where each record stands, and by which numbers and Call-ID it is found.

Numbers and Call-IDs stand there as digests under the segment's own key. Rows are appended without an index and all
indexes are made at the end: at five million rows that is forty times as fast as keeping them while rows come.
"""

from __future__ import annotations

import os
import sqlite3
from array import array
from collections import Counter
from collections.abc import Iterator
from mmap import mmap
from pathlib import Path

import orjson

from ringfence.records.errors import RecordsError
from ringfence.records.framing import BLOCK, DIGEST, HEAD, SEAL, Damage, read_header, split
from ringfence.records.keys import KeyRing
from ringfence.records.schema import DECISION, END, NOTE, decode
from ringfence.records.vault import Keys, Vault, opened
from ringfence.records.verify import bodies_in
from ringfence.warehouse import segment_filter
from ringfence.warehouse.classes import CLASSES, class_of
from ringfence.warehouse.numbers import Digests

SUFFIX = ".sqlite"
VERSION = 3  # of the tables and the filter; another one's files are made anew
ACTIONS = ("forward", "tag", "reject", "refuse", "abandon", "inside")

_TABLES = """
CREATE TABLE about(records INTEGER, classes TEXT);
CREATE TABLE names(id INTEGER PRIMARY KEY, name TEXT);
CREATE TABLE calls(sequence INTEGER PRIMARY KEY, at INTEGER, caller INTEGER, shown INTEGER, callee INTEGER,
    call INTEGER, trunk INTEGER, reason INTEGER, action INTEGER, class INTEGER, status INTEGER,
    place INTEGER, size INTEGER);
CREATE TABLE endings(decision INTEGER, sequence INTEGER, call INTEGER, place INTEGER, size INTEGER);
"""
_INDEXES = """
CREATE INDEX calls_caller ON calls(caller, at);
CREATE INDEX calls_shown ON calls(shown, at) WHERE shown IS NOT NULL;
CREATE INDEX calls_callee ON calls(callee, at);
CREATE INDEX calls_call ON calls(call);
CREATE INDEX endings_decision ON endings(decision);
CREATE INDEX endings_call ON endings(call) WHERE decision = 0;
"""


def index_of(folder: Path, stem: str, tag: bytes) -> Path:
    """Where a vault's index is: its name says of which file and of which version it is, so that none is stale."""
    return folder / "index" / f"{stem}.{VERSION}-{tag.hex()[:16]}{SUFFIX}"


def filter_of(index: Path) -> Path:
    """Where the filter beside an index is."""
    return index.with_suffix(segment_filter.SUFFIX)


def indexed(folder: Path, stem: str, tag: bytes) -> bool:
    """Whether a vault's index and filter are there."""
    index = index_of(folder, stem, tag)
    return index.exists() and filter_of(index).exists()


def build(path: Path, ring: KeyRing) -> int:
    """Index a vault; the records counted. Each file appears whole or not at all. Raises RecordsError."""
    try:
        vault = Vault(path, ring)
        try:
            target = index_of(path.parent, path.stem, vault.tag)
            target.parent.mkdir(mode=0o700, exist_ok=True)
            draft = target.with_suffix(f".{os.getpid()}.draft")
            draft.unlink(missing_ok=True)
            try:
                filler = _fill(draft, vault)
                segment_filter.write(filter_of(target), filler.found_by, vault.digest_key)
                draft.replace(target)
            finally:
                draft.unlink(missing_ok=True)
        finally:
            vault.close()
    except (sqlite3.Error, OSError) as error:
        raise RecordsError(f"{path.name} cannot be indexed: {error}") from None
    for old in target.parent.glob(f"{path.stem}.*"):
        if old.stem != target.stem:
            old.unlink(missing_ok=True)
    return filler.count


def _fill(draft: Path, vault: Vault) -> _Filler:
    os.close(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    with sqlite3.connect(draft, isolation_level=None) as base:
        base.executescript(f"PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; BEGIN; {_TABLES}")
        filler = _Filler(base, Digests(vault.digest_key), vault.about.first)
        for sequence, place, body in bodies_in(vault):
            filler.add(sequence, place, body)
        filler.finish()
        base.execute("COMMIT")
        base.executescript(_INDEXES)
    base.close()
    with draft.open("rb") as file:
        os.fsync(file.fileno())
    return filler


class _Filler:
    """Rows on their way into a new index, a thousand at a time.

    found_by: digests for its filter: of each decision's numbers and Call-ID, and of the Call-ID of each ending whose
    decision is in a segment before, which begins at `first`.
    """

    AT_ONCE = 1000

    def __init__(self, base: sqlite3.Connection, digests: Digests, first: int) -> None:
        self.count = 0
        self.found_by = array("Q")
        self._first = first
        self._base = base
        self._digest = digests.of
        self._calls: list[tuple[object, ...]] = []
        self._endings: list[tuple[object, ...]] = []
        self._names: dict[str, int] = {}
        self._classes: Counter[int] = Counter()

    def add(self, sequence: int, place: int, body: bytes) -> None:
        """One record. place: of its body among the plain bytes."""
        self.count += 1
        fields = decode(body)
        kind = fields["kind"]
        if kind == NOTE or "at" not in fields:
            return
        digest = self._digest
        if kind == DECISION:
            caller, shown = fields["caller"], fields["shown"]
            class_ = class_of(fields)
            self._classes[class_] += 1
            by = (
                digest(caller), None if shown == caller else digest(shown), digest(fields["callee"]),
                digest(fields["call_id"]),
            )  # fmt: skip
            self.found_by.extend([each for each in by if each is not None])
            self._calls.append(
                (
                    sequence, int(fields["at"]), *by, self._name(fields["trunk"]),
                    self._name(fields["reason"]), ACTIONS.index(fields["action"]), class_, int(fields["status"]),
                    place, len(body),
                )
            )  # fmt: skip
        else:
            decision = int(fields["decision"])
            call = digest(fields["call_id"]) if decision < self._first else None
            if call is not None:
                self.found_by.append(call)
            call = None if decision or kind != END else call
            self._endings.append((decision, sequence, call, place, len(body)))
        if len(self._calls) + len(self._endings) >= self.AT_ONCE:
            self._write()

    def _name(self, text: str) -> int:
        return self._names.setdefault(text, len(self._names))

    def _write(self) -> None:
        self._base.executemany("INSERT INTO calls VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?)", self._calls)
        self._base.executemany("INSERT INTO endings VALUES (?,?,?,?,?)", self._endings)
        self._calls.clear()
        self._endings.clear()

    def finish(self) -> None:
        """Write what is left, and what the whole is about."""
        self._write()
        self._base.executemany("INSERT INTO names VALUES (?,?)", [(at, name) for name, at in self._names.items()])
        classes = orjson.dumps({CLASSES[at]: count for at, count in sorted(self._classes.items())}).decode()
        self._base.execute("INSERT INTO about VALUES (?,?)", (self.count, classes))


def connected(index: Path) -> sqlite3.Connection:
    """Whole and final: nobody writes it, so nothing has to be locked or watched. Raises RecordsError."""
    try:
        return sqlite3.connect(f"file:{index}?mode=ro&immutable=1", uri=True)
    except sqlite3.Error as error:
        raise RecordsError(f"{index.name}: cannot be opened: {error}") from None


def classes_in(index: Path) -> dict[str, int]:
    """Calls by class. Raises RecordsError."""
    base = connected(index)
    try:
        counted: dict[str, int] = orjson.loads(base.execute("SELECT classes FROM about").fetchone()[0])
        return counted
    except (sqlite3.Error, TypeError) as error:
        raise RecordsError(f"{index.name}: cannot be read: {error}") from None
    finally:
        base.close()


def bodies_with(segment: Path, needle: bytes, keys: Keys | None) -> Iterator[tuple[int, bytes]]:
    """(sequence, body) of the records that hold some bytes, in a segment without an index.

    Raises RecordsError, OSError.
    In a segment in the clear digests are not looked at: blocks without the bytes are stepped over, so one that is being
    written is searched at the speed of memory.
    """
    with opened(segment, keys) as data:
        if isinstance(data, mmap):
            yield from _searched(data, needle)
            return
        for sequence, _, body in bodies_in(data):
            if needle in body:
                yield sequence, body


def _searched(data: mmap, needle: bytes) -> Iterator[tuple[int, bytes]]:
    header = read_header(data)
    if isinstance(header, Damage):
        return
    offset, size = header.size, len(data)
    match = data.find(needle, offset)
    while match >= 0 and offset + HEAD.size <= size:
        kind, length, first, _, _ = HEAD.unpack_from(data, offset)
        end = offset + HEAD.size + length
        if kind not in (BLOCK, SEAL) or end + DIGEST > size:
            return
        if match < end:
            for number, body in enumerate(split(data[offset:end])):
                if needle in body:
                    yield first + number, body
            match = data.find(needle, end)
        offset = end + DIGEST
