"""Tables from a carrier's other systems, in the form that ours have: other names of columns, separator and encoding."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping

from ringfence.ledger.faults import LedgerError, LedgerFault, Place
from ringfence.ledger.table_file import quoted
from ringfence.ledger.tables import TABLES


def converted(
    data: bytes, file: str, table: str, columns: Mapping[str, str], encoding: str = "utf-8", separator: str = ","
) -> bytes:
    """A table of ours with the lines of a foreign one, one to one, so that a line's number is the same in both.

    columns: our name for each foreign column; a column that is not named here must be one of ours, or is left out when
    it is named with "". Raises LedgerError: text that is not in this encoding, fields over several lines.
    """
    try:
        text = data.decode(encoding).removeprefix("\ufeff")
    except (UnicodeDecodeError, LookupError) as error:
        line = data.count(b"\n", 0, error.start) + 1 if isinstance(error, UnicodeDecodeError) else 0
        raise LedgerError([LedgerFault(Place(file=file, line=line), f"not {encoding}")]) from None
    return "".join(_lines(text, file, table, columns, separator)).encode()


def _lines(text: str, file: str, table: str, columns: Mapping[str, str], separator: str) -> Iterator[str]:
    kept: list[int] = []
    width = 0
    for number, line in enumerate(text.removesuffix("\n").split("\n"), 1):
        if not line.strip() or line.startswith("#"):
            yield "\n"
            continue
        try:
            fields = [
                field.strip() for field in next(csv.reader([line.rstrip("\r")], delimiter=separator, strict=True))
            ]
        except csv.Error as error:
            raise LedgerError([LedgerFault(Place(file=file, line=number), f"not a line of CSV: {error}")]) from None
        if not width:
            width = len(fields)
            names = [columns.get(field, field.lower()) for field in fields]
            _check(names, fields, file, number, table)
            kept = [place for place, name in enumerate(names) if name]
            yield ",".join(names[place] for place in kept) + "\n"
        elif len(fields) == width:
            yield ",".join(quoted(fields[place]) for place in kept) + "\n"
        else:
            # As it is: the reader of our tables says what is wrong with it, with the column.
            yield ",".join(quoted(field) for field in fields) + "\n"


def _check(names: list[str], fields: list[str], file: str, number: int, table: str) -> None:
    for place, name in enumerate(names):
        if name and name not in TABLES[table]:
            known = ", ".join(TABLES[table])
            message = (
                f"column {fields[place]}: say which of ours it is ({known}), or that it is none (={fields[place]})"
            )
            raise LedgerError([LedgerFault(Place(file=file, line=number), message)])
