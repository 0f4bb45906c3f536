"""One sealed segment to one SQLite file: where each record stands, and by which caller, callee and Call-ID it is found.

Rows are appended without an index and both indexes are made at the end: at five million rows that is forty times as
fast as keeping them while rows come. The bodies stay in the segment; only a thinned index (`retention`) has its own.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from hashlib import blake2b
from mmap import mmap
from pathlib import Path

from ringfence.records.errors import RecordsError
from ringfence.records.framing import BLOCK, DIGEST, HEAD, LENGTH, SEAL, Damage, blocks, read_header, split
from ringfence.records.recover import mapped
from ringfence.records.schema import DECISION, END, NOTE, decode
from ringfence.warehouse.numbers import key_of

SUFFIX = ".sqlite"
VERSION = 1  # of the tables; another one's file is made anew
ACTIONS = ("forward", "tag", "reject", "refuse", "abandon", "inside")

_TABLES = """
CREATE TABLE about(version INTEGER, first INTEGER, next INTEGER, began INTEGER, ended INTEGER, thinned INTEGER);
CREATE TABLE names(id INTEGER PRIMARY KEY, name TEXT);
CREATE TABLE calls(sequence INTEGER PRIMARY KEY, at INTEGER, caller INTEGER, shown INTEGER, callee INTEGER,
    call INTEGER, trunk INTEGER, reason INTEGER, action INTEGER, status INTEGER,
    place INTEGER, size INTEGER, body BLOB);
CREATE TABLE endings(decision INTEGER, sequence INTEGER, call INTEGER, place INTEGER, size INTEGER, body BLOB);
"""
_INDEXES = """
CREATE INDEX calls_caller ON calls(caller, at);
CREATE INDEX calls_shown ON calls(shown, at) WHERE shown IS NOT NULL;
CREATE INDEX calls_callee ON calls(callee, at);
CREATE INDEX calls_call ON calls(call);
CREATE INDEX endings_decision ON endings(decision);
CREATE INDEX endings_call ON endings(call) WHERE decision = 0;
"""


def call_key(call_id: str) -> int:
    """A Call-ID as an integer of 63 bits; two of one key are told apart by the records themselves."""
    digest = blake2b(call_id.encode("utf-8", "surrogateescape"), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> 1


def index_of(segment: Path) -> Path:
    """Where a segment's index is."""
    return segment.parent / "index" / f"{segment.stem}{SUFFIX}"


def build(segment: Path) -> int:
    """Index a sealed segment; the records counted. The file appears whole or not at all. Raises RecordsError."""
    target = index_of(segment)
    target.parent.mkdir(mode=0o700, exist_ok=True)
    draft = target.with_suffix(f".{os.getpid()}.draft")
    draft.unlink(missing_ok=True)
    try:
        count = _fill(draft, segment)
        draft.replace(target)
    except (sqlite3.Error, OSError) as error:
        raise RecordsError(f"{segment.name} cannot be indexed: {error}") from None
    finally:
        draft.unlink(missing_ok=True)
    return count


def _fill(draft: Path, segment: Path) -> int:
    os.close(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    with sqlite3.connect(draft, isolation_level=None) as base:
        base.executescript(f"PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; BEGIN; {_TABLES}")
        filler = _Filler(base)
        for sequence, place, body in bodies(segment):
            filler.add(sequence, place, body)
        filler.finish()
        base.execute("COMMIT")
        base.executescript(_INDEXES)
    base.close()
    with draft.open("rb") as file:
        os.fsync(file.fileno())
    return filler.count


class _Filler:
    """Rows on their way into a new index, a thousand at a time."""

    AT_ONCE = 1000

    def __init__(self, base: sqlite3.Connection) -> None:
        self.count = 0
        self._base = base
        self._calls: list[tuple[object, ...]] = []
        self._endings: list[tuple[object, ...]] = []
        self._names: dict[str, int] = {}
        self._first = self._next = self._began = self._ended = 0

    def add(self, sequence: int, place: int, body: bytes, keep: bool = False) -> None:
        """One record. keep: with its body, since its segment goes."""
        self.count += 1
        self._first = self._first or sequence
        self._next = sequence + 1
        fields = decode(body)
        kind = fields["kind"]
        if kind == NOTE or "at" not in fields:
            return
        at = int(fields["at"])
        self._began = min(self._began, at) if self._began else at
        self._ended = max(self._ended, at)
        kept = body if keep else None
        if kind == DECISION:
            caller, shown = key_of(fields["caller"]), key_of(fields["shown"])
            self._calls.append(
                (
                    sequence, at, caller, None if shown == caller else shown, key_of(fields["callee"]),
                    call_key(fields["call_id"]), self._name(fields["trunk"]), self._name(fields["reason"]),
                    ACTIONS.index(fields["action"]), int(fields["status"]), place, len(body), kept,
                )
            )  # fmt: skip
        else:
            decision = int(fields["decision"])
            call = call_key(fields["call_id"]) if kind == END and not decision else None
            self._endings.append((decision, sequence, call, place, len(body), kept))
        if len(self._calls) + len(self._endings) >= self.AT_ONCE:
            self._write()

    def _name(self, text: str) -> int:
        return self._names.setdefault(text, len(self._names))

    def _write(self) -> None:
        self._base.executemany("INSERT INTO calls VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?)", self._calls)
        self._base.executemany("INSERT INTO endings VALUES (?,?,?,?,?,?)", self._endings)
        self._calls.clear()
        self._endings.clear()

    def finish(self, thinned: bool = False) -> None:
        """Write what is left, and what the whole is about."""
        self._write()
        self._base.executemany("INSERT INTO names VALUES (?,?)", [(at, name) for name, at in self._names.items()])
        about = (VERSION, self._first, self._next, self._began, self._ended, int(thinned))
        self._base.execute("INSERT INTO about VALUES (?,?,?,?,?,?)", about)


def bodies(segment: Path) -> Iterator[tuple[int, int, bytes]]:
    """(sequence, offset of its body in the file, body) of every record up to the first damage."""
    with segment.open("rb") as file, mapped(file.fileno(), os.fstat(file.fileno()).st_size) as data:
        header = read_header(data)
        if isinstance(header, Damage):
            return
        for block in blocks(data, header):
            if isinstance(block, Damage):
                return
            place = block.offset + HEAD.size
            for number, body in enumerate(block.bodies):
                place += LENGTH.size
                yield block.first + number, place, body
                place += len(body)


def bodies_with(segment: Path, needle: bytes) -> Iterator[tuple[int, bytes]]:
    """(sequence, body) of the records that hold some bytes, in a segment without an index.

    Digests are not looked at: blocks without the bytes are stepped over, so a segment that is being written is searched
    at the speed of memory.
    """
    with segment.open("rb") as file, mapped(file.fileno(), os.fstat(file.fileno()).st_size) as data:
        header = read_header(data)
        if isinstance(header, Damage) or not isinstance(data, mmap):
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
