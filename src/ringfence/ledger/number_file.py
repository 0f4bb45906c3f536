"""Number files: CSV in UTF-8, one number, prefix or range a line.

The first line names the columns, in any order, out of `number`, `prefix`, `from`, `to` and `note`. Every other line
fills exactly one of number, prefix, or from with to; `note` is for people. Fields may be quoted (RFC 4180) but do not
run over lines; blank lines and lines that begin with # are skipped.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

COLUMNS = ("number", "prefix", "from", "to", "note")
MAX_FIELD = 256  # longer than any number or sensible note: a wrong file, not a long one

MAX_LINE = 4096  # characters: five fields are never longer

_FIELD = re.compile(r'(?:[ \t]*+"((?:[^"]++|"")*)"[ \t]*+|([^",]*+))(,|$)')


class NumberRow:
    """One line's grant: exactly one of number, prefix, from_ with to. line: 1-based, 0 outside a file."""

    __slots__ = ("_columns", "from_", "line", "number", "prefix", "to")

    def __init__(
        self,
        line: int,
        number: str | None,
        prefix: str | None,
        from_: str | None,
        to: str | None,
        columns: dict[str, int] | None = None,
    ) -> None:
        self.line = line
        self.number = number
        self.prefix = prefix
        self.from_ = from_
        self.to = to
        self._columns = columns or {}

    def column(self, name: str) -> int:
        """The 1-based character at which a field of the line begins."""
        return self._columns.get(name, 0)


class RowFault:
    """A line that cannot be used. line, column: 1-based; column 0: the whole line."""

    __slots__ = ("column", "line", "message")

    def __init__(self, line: int, column: int, message: str) -> None:
        self.line = line
        self.column = column
        self.message = message


def read_rows(data: bytes) -> Iterator[NumberRow | RowFault]:
    """Every line of a file, good or bad, in order; a fault in the header line ends the reading.

    data: UTF-8, with or without a byte order mark, lines ending in LF or CRLF.
    """
    header: list[str] | None = None
    for line, raw in enumerate(data.removeprefix(b"\xef\xbb\xbf").split(b"\n"), 1):
        try:
            text = raw.decode("utf-8").rstrip("\r")
        except UnicodeDecodeError as error:
            yield RowFault(line, error.start + 1, "not UTF-8")
            continue
        if not text.strip() or text.startswith("#"):
            continue
        if len(text) > MAX_LINE:
            yield RowFault(line, 1, f"a line of more than {MAX_LINE} characters")
            continue
        fields = _fields(line, text)
        if isinstance(fields, RowFault):
            yield fields
        elif header is None:
            header = [name.strip().lower() for name, _ in fields]
            fault = _header_fault(line, fields, header)
            if fault is not None:
                yield fault
                return
        else:
            yield _row(line, fields, header)
    if header is None:
        yield RowFault(1, 1, f"no header line: it names columns out of {', '.join(COLUMNS)}")


def _fields(line: int, text: str) -> list[tuple[str, int]] | RowFault:
    """Fields with the 1-based character each begins at."""
    fields: list[tuple[str, int]] = []
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


def _header_fault(line: int, fields: list[tuple[str, int]], header: list[str]) -> RowFault | None:
    for place, name in enumerate(header):
        if name not in COLUMNS:
            return RowFault(line, fields[place][1], f"unknown column; known are {', '.join(COLUMNS)}")
        if name in header[:place]:
            return RowFault(line, fields[place][1], f"column {name} stands twice")
    if not {"number", "prefix", "from"} & set(header):
        return RowFault(line, 1, "no column number, prefix or from")
    return None


def _row(line: int, fields: list[tuple[str, int]], header: list[str]) -> NumberRow | RowFault:
    if len(fields) != len(header):
        at = fields[min(len(fields), len(header) + 1) - 1][1]
        return RowFault(line, at, f"{len(fields)} fields where the header names {len(header)}")
    values = {name: value for name, (value, _) in zip(header, fields, strict=True) if value}
    columns = {name: at for name, (_, at) in zip(header, fields, strict=True)}
    if ("from" in values) != ("to" in values):
        missing = "to" if "from" in values else "from"
        return RowFault(line, columns.get(missing, 1), f"a range needs both from and to: {missing} is empty")
    if len({"number", "prefix", "from"} & set(values)) != 1:
        return RowFault(line, 1, "give exactly one of number, prefix, from with to")
    return NumberRow(line, values.get("number"), values.get("prefix"), values.get("from"), values.get("to"), columns)
