"""Records as Parquet files for analysis, written and read by DuckDB (the extra `analytics`).

    FOLDER/calls/day=2026-11-24/00000000000000000001.parquet
    FOLDER/endings/day=2026-11-24/…

A file a segment and day (UTC), named by the segment's first record: exporting once more replaces files by what is there
now. Rows go to DuckDB through a pipe, so that neither memory nor the disk ever holds more than a file's.
"""

from __future__ import annotations

import csv
import fcntl
import os
import termios
import threading
import time
from array import array
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ringfence.records.errors import RecordsError
from ringfence.records.schema import decode, moment_of
from ringfence.warehouse.library import Library
from ringfence.warehouse.parquet_rows import Row, Rows
from ringfence.warehouse.parquet_schema import STORIES, TABLES, VERSION

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

TELL_EVERY = 10_000  # rows between two words of progress
MASKED, FULL = "masked", "full"
_DAY = 86_400_000_000  # microseconds


def duckdb() -> Any:
    """The module. Raises RecordsError where it is not installed."""
    try:
        import duckdb as module
    except ImportError:
        raise RecordsError("DuckDB is not installed: pip install 'ringfence[analytics]'") from None
    return module


class _Part:
    """One file on its way: rows go into a pipe, DuckDB reads them at its other end in a thread."""

    def __init__(self, base: DuckDBPyConnection, target: Path, table: str, numbers: str) -> None:
        self.rows = 0
        self._target = target
        self._base = base.cursor()  # a thread wants its own
        self._draft = target.with_suffix(f".{os.getpid()}.draft")
        self._error: Exception | None = None
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        reader, writer = os.pipe()
        self._thread = threading.Thread(target=self._copy, args=(reader, table, numbers), name="parquet")
        self._thread.start()
        self._file = os.fdopen(writer, "w", encoding="utf-8", newline="", buffering=1 << 16)
        self._write = csv.writer(self._file, quoting=csv.QUOTE_ALL).writerow

    def add(self, row: Row) -> None:
        """Raises RecordsError."""
        try:
            self._write(row)
        except OSError:
            self.close(False)  # DuckDB left: it says why
        self.rows += 1

    def _copy(self, reader: int, table: str, numbers: str) -> None:
        try:
            self._base.execute(_copy_statement(f"/dev/fd/{reader}", self._draft, table, numbers))
        except Exception as error:
            self._error = error
        finally:
            os.close(reader)

    def close(self, keep: bool) -> None:
        """End the file; it takes its place where it is whole and wanted. Raises RecordsError."""
        try:
            self._file.flush()
            # DuckDB opens the pipe by its name, and would wait for ever for a writer that is gone already.
            while self._thread.is_alive() and _unread(self._file.fileno()):
                time.sleep(0.001)
            self._file.close()
        except OSError:
            pass  # DuckDB left
        self._thread.join()
        try:
            if self._error is not None:
                raise RecordsError(f"{self._target}: cannot be written: {self._error}")
            if keep:
                self._draft.replace(self._target)
        finally:
            self._draft.unlink(missing_ok=True)


def export(
    library: Library,
    folder: Path,
    begin: int,
    in_full: bool,
    progress: Callable[[int], None] | None = None,
) -> dict[str, int]:
    """Every record of calls since `begin` (microseconds); rows by table. progress: told how many so far.

    Files are readable by their owner alone. Raises RecordsError.
    """
    module = duckdb()
    if library.keys is None:
        raise RecordsError("records are not exported without the keys of records.key_file")
    before = os.umask(0o077)
    try:
        with module.connect() as base:
            work = _Export(base, folder, Rows(library.keys(), in_full), FULL if in_full else MASKED, begin, progress)
            for segment in library.since(begin):
                work.segment(segment.stem, library.bodies_of(segment))
            return work.counts
    except OSError as error:
        raise RecordsError(f"{folder}: cannot be written: {error.strerror}") from None
    finally:
        os.umask(before)


class _Export:
    """One export: rows to the file of their table and day. counts: rows by table."""

    def __init__(
        self,
        base: DuckDBPyConnection,
        folder: Path,
        rows: Rows,
        numbers: str,
        begin: int,
        progress: Callable[[int], None] | None,
    ) -> None:
        self.counts = dict.fromkeys(TABLES, 0)
        self._base = base
        self._folder = folder
        self._rows = rows
        self._numbers = numbers
        self._begin = begin
        self._progress = progress

    def segment(self, name: str, records: Iterator[tuple[str, int, bytes]]) -> None:
        """All of one segment's files, or none. Raises RecordsError, OSError."""
        parts: dict[tuple[str, int], _Part] = {}
        whole = False
        try:
            for node, sequence, body in records:
                at = moment_of(body)
                made = self._rows.row_of(node, sequence, decode(body)) if at >= self._begin else None
                if made is not None:
                    key = (made[0], at // _DAY)
                    part = parts.get(key) or parts.setdefault(key, self._begun(name, *key))
                    part.add(made[1])
                    self._count(made[0])
            whole = True
        finally:
            with ExitStack() as every:
                for part in parts.values():
                    every.callback(part.close, whole)

    def _begun(self, name: str, table: str, day: int) -> _Part:
        date = datetime.fromtimestamp(day * _DAY / 1e6, UTC).strftime("%Y-%m-%d")
        return _Part(self._base, self._folder / table / f"day={date}" / f"{name}.parquet", table, self._numbers)

    def _count(self, table: str) -> None:
        self.counts[table] += 1
        total = sum(self.counts.values())
        if self._progress is not None and total % TELL_EVERY == 0:
            self._progress(total)


def _unread(pipe: int) -> int:
    """Bytes that nobody has taken out of a pipe yet."""
    size = array("i", [0])
    fcntl.ioctl(pipe, termios.FIONREAD, size)
    return size[0]


def _copy_statement(source: str, target: Path, table: str, numbers: str) -> str:
    columns = TABLES[table]
    names = ", ".join(f"'{column.name}': 'VARCHAR'" for column in columns)
    values = ", ".join(
        f"({column.sql.format(_quoted(column.name)) or _quoted(column.name)})::{column.type} AS {_quoted(column.name)}"
        for column in columns
    )
    return (
        f"COPY (SELECT {values} FROM read_csv({_text(source)}, header = false, auto_detect = false, delim = ',', "  # noqa: S608
        f"quote = '\"', escape = '\"', nullstr = 'NULL', allow_quoted_nulls = false, parallel = false, "
        f"max_line_size = 1048576, columns = {{{names}}})) TO {_text(str(target))} (FORMAT parquet, COMPRESSION zstd, "
        f"KV_METADATA {{ringfence_schema: '{VERSION}', numbers: '{numbers}'}})"
    )


@contextmanager
def opened(folder: Path) -> Iterator[tuple[DuckDBPyConnection, bool]]:
    """An exported folder with the views `calls`, `endings` and `stories`; and whether it has whole numbers.

    Nothing else can be read or written by what is asked. Raises RecordsError.
    """
    with duckdb().connect() as base:
        try:
            in_full = _kind_of(base, folder)
            for table in TABLES:
                files = _text(str(folder / table / "*" / "*.parquet"))
                base.execute(
                    f"CREATE VIEW {table} AS SELECT * FROM read_parquet({files}, union_by_name = true, "  # noqa: S608
                    "hive_partitioning = true)"
                )
            base.execute(f"CREATE VIEW stories AS {STORIES}")
            base.execute(f"SET allowed_directories = [{_text(str(folder))}]")
            base.execute("SET enable_external_access = false; SET lock_configuration = true")
        except duckdb().Error as error:
            raise RecordsError(f"{folder}: these are no exported records: {error}") from None
        yield base, in_full


def ask(base: DuckDBPyConnection, question: str) -> tuple[list[str], list[tuple[Any, ...]]]:
    """Names and rows of an answer. Raises RecordsError."""
    try:
        answer = base.execute(question)
        return [column[0] for column in answer.description or ()], answer.fetchall()
    except duckdb().Error as error:
        raise RecordsError(f"the question cannot be answered: {error}") from None


def _kind_of(base: DuckDBPyConnection, folder: Path) -> bool:
    files = _text(str(folder / "*" / "*" / "*.parquet"))
    query = (
        f"SELECT key::VARCHAR, max(value::VARCHAR), min(value::VARCHAR) FROM parquet_kv_metadata({files}) GROUP BY 1"  # noqa: S608
    )
    said = {key: (most, least) for key, most, least in base.execute(query).fetchall()}
    newest = said.get("ringfence_schema", ("", ""))[0]
    if not newest.isdigit() or int(newest) > VERSION:
        raise RecordsError(f"{folder}: its schema is {newest or 'none of ours'}, and this version reads {VERSION}")
    return FULL in said.get("numbers", ())


def _quoted(name: str) -> str:
    return f'"{name}"'


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
