"""Files with millions of lines: read as a stream, recorded batch by batch, gone on with where it stopped."""

from __future__ import annotations

import csv
import hashlib
import itertools
import os
from collections.abc import Callable, Iterator, Mapping
from io import BufferedReader
from pathlib import Path
from typing import NamedTuple, Protocol, TextIO
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from ringfence.registry import tables as t
from ringfence.registry.actors import Actor, may_write, must_be
from ringfence.registry.columns import WISH_COLUMNS, FileKind, Reader, check_header, statement_from
from ringfence.registry.errors import BadStatement, Forbidden, RegistryError
from ringfence.registry.moments import text_of
from ringfence.registry.register import Recorded, Registry
from ringfence.registry.rule import outranks
from ringfence.registry.statements import Statement
from ringfence.registry.writing import statement_of, writing

BATCH = 2000  # lines in one transaction
LONGEST_LINE = 16 * 1024  # bytes
_PAGE = 5000
_REPORT_HEADER = ("line", "column", "reason")


class Progress(NamedTuple):
    """How far an import came. position: bytes of the file that are done; known: statements that were on record."""

    position: int
    line: int
    recorded: int
    known: int
    bad: int


class Fault(NamedTuple):
    """A line that was not recorded, and why."""

    line: int
    column: str
    reason: str


class _Line(NamedTuple):
    number: int
    end: int  # where the next one begins, in bytes
    text: bytes | None  # None: too long


class Import:
    """An import of one file for one actor.

    report: where bad lines are told (CSV: line, column, reason). progress: told after each batch, with the file's size;
    what it raises ends the import there. common: values by column, for all lines that say nothing of their own there.
    """

    def __init__(
        self,
        registry: Registry,
        kind: FileKind,
        actor: Actor,
        reader: Reader,
        report: Path,
        progress: Callable[[Progress, int], None] = lambda done, size: None,
        common: Mapping[str, str] | None = None,
    ) -> None:
        self._registry = registry
        self._kind: FileKind = kind
        self._actor = actor
        self._reader = reader
        self._report = report
        self._progress = progress
        self._common = dict(common or {})

    async def run(self, file: Path) -> Progress:
        """Record a file's lines; a bad one is told and costs no other one.

        An import of the same file by the same owner goes on where it stopped, and one that is done is done: what comes
        twice is recorded once. Raises RegistryError: the file cannot be read or its header is wrong (nothing is
        recorded then), the database fails.
        """
        try:
            with file.open("rb") as source:
                return await self.run_from(source, str(file))
        except OSError as error:
            raise RegistryError(f"{error.filename or file}: {error.strerror}") from None

    async def run_from(self, source: BufferedReader, name: str) -> Progress:
        """`run` for a file that is open. name: what faults call it. Raises OSError too."""
        must_be(self._actor, "holder", "operator")
        size = source.seek(0, os.SEEK_END)
        source.seek(0)
        digest = self._digest(source)
        header = read_header(source, self._kind, name, self._common)
        done = await self._so_far(digest, source.tell())
        source.seek(done.position)
        _keep_up_to(self._report, done.line)
        with self._report.open("a", encoding="utf-8", newline="") as target:
            for lines in _batches(_lines(source, done.position, done.line)):
                done = await self._batch(lines, header, target, digest, done)
                self._progress(done, size)
        return done

    async def _batch(
        self, lines: list[_Line], header: list[str], target: TextIO, digest: str, done: Progress
    ) -> Progress:
        """One transaction: its statements, and how far the import is with them."""
        faults, places, said = await self._read(lines, header)
        after = done

        async def also(connection: AsyncConnection, results: list[Recorded | BadStatement]) -> None:
            nonlocal after
            for place, result in zip(places, results, strict=True):
                if isinstance(result, BadStatement):
                    faults.append(Fault(place, result.field, result.message))
            new = sum(isinstance(one, Recorded) and one.new for one in results)
            known = sum(isinstance(one, Recorded) and not one.new for one in results)
            after = Progress(
                lines[-1].end, lines[-1].number, done.recorded + new, done.known + known, done.bad + len(faults)
            )
            # On the disk before the batch is: an import that goes on takes away what was told of lines not done.
            csv.writer(target).writerows(sorted(faults))
            target.flush()
            os.fsync(target.fileno())
            await connection.execute(sa.delete(t.import_run).where(t.import_run.c.digest == digest))
            await connection.execute(sa.insert(t.import_run).values(digest=digest, **after._asdict()))

        await self._registry.record_all(said, self._actor, also)
        return after

    async def _read(self, lines: list[_Line], header: list[str]) -> tuple[list[Fault], list[int], list[Statement]]:
        """What is wrong, and the statements with the lines they stand on."""
        faults = []
        places = []
        said = []
        for line in lines:
            try:
                row = _row(line, header)
                if row is None:
                    continue
                row |= {name: value for name, value in self._common.items() if not row.get(name)}
                one = await statement_from(self._kind, row, self._reader)
                may_write(self._actor, one.scope)
            except BadStatement as error:
                faults.append(Fault(line.number, error.field, error.message))
            except Forbidden as error:
                faults.append(Fault(line.number, "holder", str(error)))
            else:
                places.append(line.number)
                said.append(one)
        return faults, places, said

    async def _so_far(self, digest: str, start: int) -> Progress:
        async with self._registry.database.reading() as connection:
            question = sa.select(t.import_run).where(t.import_run.c.digest == digest)
            row = (await connection.execute(question)).first()
        return Progress(start, 1, 0, 0, 0) if row is None else Progress(*row[1:])

    def _digest(self, source: BufferedReader) -> str:
        digest = hashlib.file_digest(source, "sha256")
        source.seek(0)
        return name_of(digest, self._kind, self._actor, self._common)


class Digest(Protocol):
    """A SHA-256 that the content of a file went into."""

    def update(self, data: bytes, /) -> None: ...

    def hexdigest(self) -> str: ...


def name_of(content: Digest, kind: FileKind, actor: Actor, common: Mapping[str, str]) -> str:
    """What tells one import from another: the content, what it is, whose, and what is given for all lines."""
    content.update(f"\0{kind}\0{actor.owner}".encode())
    for name, value in sorted(common.items()):
        content.update(f"\0{name}\0{value}".encode())
    return content.hexdigest()


async def export_wishes(registry: Registry, actor: Actor, target: TextIO, zone: ZoneInfo) -> int:
    """Write the wishes that count, one a callee, in the columns that an import reads; how many.

    The numbers are shown in full: the export is put into the audit trail before the first one is.
    """
    must_be(actor, "operator")
    async with writing(registry.database, actor) as current:
        current.entry("exported", None, {"what": "wishes"})
    writer = csv.writer(target)
    writer.writerow(WISH_COLUMNS)
    last = count = 0
    columns = t.statement.c
    while True:
        subjects = (
            sa.select(columns.subject)
            .where(columns.kind == "wish", columns.ended_at.is_(None), columns.subject > last)
            .distinct()
            .order_by(columns.subject)
            .limit(_PAGE)
        )
        async with registry.database.reading() as connection:
            ids = list((await connection.execute(subjects)).scalars())
            question = (
                sa.select(t.statement, t.subject.c.number.label("box"))
                .join(t.subject, t.subject.c.id == columns.subject)
                .where(columns.kind == "wish", columns.ended_at.is_(None), columns.subject.in_(ids))
            )
            rows = (await connection.execute(question)).all()
        if not ids:
            return count
        newest: dict[int, tuple[Statement, bytes]] = {}
        for row in rows:
            one = statement_of(row)
            if row.subject not in newest or outranks(one, newest[row.subject][0]):
                newest[row.subject] = one, row.box
        for subject, (one, box) in sorted(newest.items()):
            number = registry.ring.open(box, subject)
            since = text_of(one.since, zone)
            writer.writerow((number, one.level, ";".join(one.sectors), since, one.channel))
        count += len(newest)
        last = ids[-1]


def read_header(source: BufferedReader, kind: FileKind, file: str, common: Mapping[str, str]) -> list[str]:
    """The column names; the file stands behind them. Raises RegistryError."""
    line = source.readline(LONGEST_LINE)
    try:
        # Excel puts a byte order mark in front of UTF-8.
        (header,) = csv.reader([line.decode("utf-8-sig").rstrip("\r\n")], strict=True)
        names = [name.strip() for name in header]
        check_header(kind, names, common)
    except BadStatement as error:
        raise RegistryError(f"{file}:1: {error}") from None
    except (ValueError, csv.Error):
        raise RegistryError(f"{file}:1: is no header of a CSV file in UTF-8") from None
    return names


def _lines(source: BufferedReader, position: int, number: int) -> Iterator[_Line]:
    """Physical lines with their numbers; one too long is passed over without being held."""
    while line := source.readline(LONGEST_LINE):
        position += len(line)
        number += 1
        whole = line.endswith(b"\n") or len(line) < LONGEST_LINE
        while not whole:
            rest = source.readline(LONGEST_LINE)
            position += len(rest)
            whole = rest.endswith(b"\n") or len(rest) < LONGEST_LINE
            line = b""
        yield _Line(number, position, line or None)


def _batches(lines: Iterator[_Line]) -> Iterator[list[_Line]]:
    while batch := list(itertools.islice(lines, BATCH)):
        yield batch


def _row(line: _Line, header: list[str]) -> dict[str, str] | None:
    """A record by column, None for an empty line. Raises BadStatement."""
    if line.text is None:
        raise BadStatement("", f"the line is over {LONGEST_LINE} bytes")
    try:
        text = line.text.decode("utf-8").strip("\r\n")
        if not text:
            return None
        # One record a line: a stray quotation mark spoils its own line and no other.
        (cells,) = csv.reader([text], strict=True)
    except UnicodeDecodeError:
        raise BadStatement("", "is not UTF-8") from None
    except (csv.Error, ValueError) as error:
        raise BadStatement("", f"is no CSV record: {error}") from None
    if len(cells) != len(header):
        raise BadStatement("", f"has {len(cells)} cells, and the header {len(header)}")
    return {name: cell.strip() for name, cell in zip(header, cells, strict=True)}


def _keep_up_to(report: Path, line: int) -> None:
    """The report of an earlier try, without lines that will be read again; a new one has the column names alone."""
    kept: list[list[str]] = []
    if line > 1 and report.exists():
        with report.open(encoding="utf-8", newline="") as source:
            kept = [row for row in csv.reader(source) if row and row[0].isdigit() and int(row[0]) <= line]
    draft = report.with_name(f"{report.name}.{os.getpid()}")
    with draft.open("w", encoding="utf-8", newline="") as target:
        writer = csv.writer(target)
        writer.writerow(_REPORT_HEADER)
        writer.writerows(kept)
    draft.replace(report)
