"""Tables as text: CSV in UTF-8 whose first line names the columns.

Columns stand in any order. Fields may be quoted (RFC 4180) but do not run over lines; blank lines and lines that begin
with # are skipped.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence

from ringfence.ledger.pack import Buffer

MAX_FIELD = 256  # longer than any number or sensible note: a wrong file, not a long one
MAX_LINE = 4096  # characters: more than all fields of a sensible line

_FIELD = re.compile(r'(?:[ \t]*+"((?:[^"]++|"")*)"[ \t]*+|([^",]*+))(,|$)')
_MARK = b"\xef\xbb\xbf"

Fields = list[tuple[str, int]]
"""Texts with the 1-based character at which each begins."""


class RowFault:
    """A line that cannot be used. line, column: 1-based; column 0: the whole line."""

    __slots__ = ("column", "line", "message")

    def __init__(self, line: int, column: int, message: str) -> None:
        self.line = line
        self.column = column
        self.message = message


class TableRow:
    """One line: the fields that are not empty, by column. line: 1-based."""

    __slots__ = ("_places", "line", "values")

    def __init__(self, line: int, values: dict[str, str], places: dict[str, int]) -> None:
        self.line = line
        self.values = values
        self._places = places

    def column(self, name: str) -> int:
        """The 1-based character at which a field of the line begins; 1 where the table has no such column."""
        return self._places.get(name, 1)


class Header:
    """The line that names the columns. start: offset of the byte behind it; line: its 1-based number."""

    __slots__ = ("line", "names", "start")

    def __init__(self, names: list[str], start: int, line: int) -> None:
        self.names = names
        self.start = start
        self.line = line


def read_table(data: Buffer, columns: Sequence[str], needed: Collection[str] = ()) -> Iterator[TableRow | RowFault]:
    """Every line of a table, good or bad, in order; a fault in the header line ends the reading.

    data: UTF-8, with or without a byte order mark, lines ending in LF or CRLF. columns: names that may stand in the
    header; needed: those that must, `a|b` for one of several.
    """
    header = read_header(data, columns, needed)
    if isinstance(header, RowFault):
        yield header
        return
    for line, raw in enumerate(_lines(data, header.start), header.line + 1):
        row = read_line(raw, line, header.names)
        if row is not None:
            yield row


def _lines(data: Buffer, start: int) -> Iterator[bytes]:
    """Without a copy of the whole; the last one may be empty."""
    if isinstance(data, bytes):
        while (end := data.find(b"\n", start)) >= 0:
            yield data[start:end]
            start = end + 1
        yield data[start:]
    else:
        yield from bytes(data[start:]).split(b"\n")


def read_header(data: Buffer, columns: Sequence[str], needed: Collection[str]) -> Header | RowFault:
    """The header of a table: its first line that is neither blank nor a remark."""
    start = len(_MARK) if bytes(data[: len(_MARK)]) == _MARK else 0
    for line, raw in enumerate(_lines(data, start), 1):
        start += len(raw) + 1
        fields = _text_fields(raw, line)
        if isinstance(fields, RowFault):
            return fields
        if fields is not None:
            names = [name.strip().lower() for name, _ in fields]
            fault = _header_fault(line, fields, names, columns, needed)
            return fault or Header(names, min(start, len(data)), line)
    return RowFault(1, 1, f"no header line: it names columns out of {', '.join(columns)}")


def read_line(raw: bytes, line: int, names: list[str]) -> TableRow | RowFault | None:
    """One line of a table; None for a blank one or a remark."""
    fields = _text_fields(raw, line)
    if fields is None or isinstance(fields, RowFault):
        return fields
    if len(fields) != len(names):
        at = fields[min(len(fields), len(names) + 1) - 1][1]
        return RowFault(line, at, f"{len(fields)} fields where the header names {len(names)}")
    values: dict[str, str] = {}
    places: dict[str, int] = {}
    for name, (value, at) in zip(names, fields, strict=True):
        places[name] = at
        if value:
            values[name] = value
    return TableRow(line, values, places)


def _text_fields(raw: bytes, line: int) -> Fields | RowFault | None:
    try:
        text = raw.decode("utf-8").rstrip("\r")
    except UnicodeDecodeError as error:
        return RowFault(line, error.start + 1, "not UTF-8")
    if not text.strip() or text.startswith("#"):
        return None
    if len(text) > MAX_LINE:
        return RowFault(line, 1, f"a line of more than {MAX_LINE} characters")
    return _fields(line, text)


def _fields(line: int, text: str) -> Fields | RowFault:
    fields: Fields = []
    at = 0
    while True:
        match = _FIELD.match(text, at)
        if match is None:
            return RowFault(line, at + 1, "a quote that does not begin or end a field")
        quoted, plain, end = match.groups()
        value = plain.strip() if quoted is None else quoted.replace('""', '"')
        if len(value) > MAX_FIELD:
            return RowFault(line, at + 1, f"a field of more than {MAX_FIELD} characters")
        fields.append((value, at + 1))
        if not end:
            return fields
        at = match.end()


def _header_fault(
    line: int, fields: Fields, names: list[str], columns: Sequence[str], needed: Collection[str]
) -> RowFault | None:
    for place, name in enumerate(names):
        if name not in columns:
            return RowFault(line, fields[place][1], f"unknown column; known are {', '.join(columns)}")
        if name in names[:place]:
            return RowFault(line, fields[place][1], f"column {name} stands twice")
    for wanted in needed:
        choices = wanted.split("|")
        if not set(choices) & set(names):
            return RowFault(line, 1, f"no column {' or '.join(', '.join(choices).rsplit(', ', 1))}")
    return None


def quoted(value: str) -> str:
    """A value as a field; line ends, which no field may have, become blanks."""
    text = " ".join(value.splitlines()) if "\n" in value or "\r" in value else value
    return '"' + text.replace('"', '""') + '"' if any(mark in text for mark in '",#') or text != text.strip() else text
