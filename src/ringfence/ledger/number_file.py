"""Number files: one number, prefix or range a line.

The header names columns out of `number`, `prefix`, `from`, `to` and `note`. Every other line fills exactly one of
number, prefix, or from with to; `note` is for people.
"""

from __future__ import annotations

from collections.abc import Iterator

from ringfence.ledger.pack import Buffer
from ringfence.ledger.table_file import MAX_FIELD, MAX_LINE, RowFault, TableRow, read_table

COLUMNS = ("number", "prefix", "from", "to", "note")
FORMS = "number|prefix|from"  # one of these a table of numbers needs

__all__ = ["COLUMNS", "FORMS", "MAX_FIELD", "MAX_LINE", "NumberRow", "RowFault", "number_row", "read_rows"]


class NumberRow:
    """One line's grant: exactly one of number, prefix, from_ with to. line: 1-based, 0 outside a file."""

    __slots__ = ("_row", "from_", "line", "note", "number", "prefix", "to")

    def __init__(
        self,
        line: int,
        number: str | None,
        prefix: str | None,
        from_: str | None,
        to: str | None,
        note: str = "",
        row: TableRow | None = None,
    ) -> None:
        self.line = line
        self.number = number
        self.prefix = prefix
        self.from_ = from_
        self.to = to
        self.note = note
        self._row = row

    def column(self, name: str) -> int:
        """The 1-based character at which a field of the line begins; 0 outside a file."""
        return 0 if self._row is None else self._row.column(name)


def read_rows(data: Buffer) -> Iterator[NumberRow | RowFault]:
    """Every line of a file, good or bad, in order; a fault in the header line ends the reading."""
    for row in read_table(data, COLUMNS, (FORMS,)):
        if isinstance(row, RowFault):
            yield row
        else:
            yield number_row(row)


def number_row(row: TableRow) -> NumberRow | RowFault:
    """The numbers that a line of any table names."""
    values = row.values
    if ("from" in values) != ("to" in values):
        missing = "to" if "from" in values else "from"
        return RowFault(row.line, row.column(missing), f"a range needs both from and to: {missing} is empty")
    if ("number" in values) + ("prefix" in values) + ("from" in values) != 1:
        return RowFault(row.line, 1, "give exactly one of number, prefix, from with to")
    return NumberRow(
        row.line, values.get("number"), values.get("prefix"), values.get("from"), values.get("to"),
        values.get("note", ""), row,
    )  # fmt: skip
