"""A ledger's folder written anew in one form: tables as CSV, what tables cannot say as YAML.

What is read from it again is the same ledger. Lines go out one by one: a file of millions is never in memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from ringfence.ledger.build import Folder
from ringfence.ledger.documents import ReadFile
from ringfence.ledger.draft import Draft
from ringfence.ledger.entries import GrantEntry, Holder, MemberEntry, TitleEntry, TrunkEntry
from ringfence.ledger.faults import LedgerError, LedgerFault, Place
from ringfence.ledger.number_file import NumberRow, RowFault, read_rows
from ringfence.ledger.table_file import MAX_FIELD, quoted
from ringfence.ledger.tables import CONTRACT, TABLES, lines_of

Put = Callable[[str, str], None]
"""Takes a file's name and one line for it, without the line's end."""

REST = "ledger.yaml"


def export(draft: Draft, folder: Folder, read: ReadFile, put: Put) -> dict[str, Any]:
    """Put every line of the tables; what is left for YAML comes back as plain values.

    draft: the same folder, read and without faults. Raises LedgerError where a file has changed meanwhile.
    """
    out = _Tables(put, read)
    rest = _Rest(draft)
    for document in folder.documents:
        for holder in document.said.holders:
            rest.holder(holder, out)
            out.numbers("resources", {"holder": holder.name}, holder.numbers, document.folder)
        for each in document.said.sets:
            rest.sets.append({"name": each.name, "holder": each.holder})
            out.numbers("numbers", {"set": each.name}, each.numbers, document.folder)
        for trunk in document.said.trunks:
            rest.trunk(trunk, out)
            out.numbers("grants", {"trunk": trunk.name}, trunk.numbers, document.folder)
    for table, path in folder.tables:
        out.copy(table, path)
    return rest.plain()


class _Rest:
    """What goes to YAML."""

    def __init__(self, draft: Draft) -> None:
        self._draft = draft
        self.holders: list[dict[str, Any]] = []
        self.sets: list[dict[str, Any]] = []
        self.trunks: list[dict[str, Any]] = []

    def plain(self) -> dict[str, Any]:
        defaults = {
            layer: given.model_dump(mode="json", by_alias=True, exclude_unset=True)
            for layer, given in self._draft.defaults.items()
        }
        parts = {"defaults": defaults, "holders": self.holders, "sets": self.sets, "trunks": self.trunks}
        return {name: part for name, part in parts.items() if part}

    def holder(self, holder: Holder, out: _Tables) -> None:
        """To the table, unless a field cannot stand in a line or a list."""
        said = holder.model_dump(mode="json", exclude_unset=True, exclude={"numbers"})
        contract = dict(said.pop("contract", {}))
        sanctions = contract.pop("sanctions", ())
        row = {**said, **{CONTRACT[name]: value for name, value in contract.items()}}
        if sanctions:
            row["sanctions"] = "; ".join(sanctions)
        if any(";" in step for step in sanctions) or not _fits(row):
            self.holders.append(holder.model_dump(mode="json", exclude_unset=True, exclude={"numbers"}))
        else:
            out.line("holders", row)

    def trunk(self, trunk: TrunkEntry, out: _Tables) -> None:
        """To the table, unless it has rules of its own, or says that something is empty, which no table can."""
        said = trunk.model_dump(mode="json", exclude_unset=True, exclude={"numbers", "sources"})
        if said.get("rules") or any(value in ("", None) for value in said.values()) or not _fits(said):
            self.trunks.append(said)
        else:
            out.line("trunks", {name: value for name, value in said.items() if name != "rules"})
        for source in trunk.sources:
            out.line("sources", {"trunk": trunk.name, **source.model_dump(exclude_none=True)})


def _fits(row: Mapping[str, Any]) -> bool:
    return all(len(str(value)) <= MAX_FIELD and str(value).isprintable() for value in row.values())


class _Tables:
    """Lines of tables, each under a header that is put before the first."""

    def __init__(self, put: Put, read: ReadFile) -> None:
        self._put = put
        self._read = read
        self._begun: set[str] = set()

    def line(self, table: str, row: Mapping[str, Any]) -> None:
        """One line; values that are None or empty leave their field empty."""
        columns = TABLES[table]
        if table not in self._begun:
            self._begun.add(table)
            self._put(f"{table}.csv", ",".join(columns))
        self._put(f"{table}.csv", ",".join(quoted(_text(row.get(name))) for name in columns))

    def numbers(
        self, table: str, whose: Mapping[str, str], entries: Iterable[TitleEntry | MemberEntry | GrantEntry], base: Path
    ) -> None:
        """Entries of a YAML file as lines; a file of numbers becomes as many lines."""
        for entry in entries:
            said = entry.model_dump(mode="json", by_alias=True, exclude_unset=True)
            file = said.pop("file", None)
            row = {**said, **whose}
            if file is None:
                self.line(table, row)
                continue
            for each in self._rows(base / file):
                note = each.note or said.get("note", "")
                numbers = {"number": each.number, "prefix": each.prefix, "from": each.from_, "to": each.to}
                self.line(table, {**row, **numbers, "note": note})

    def _rows(self, path: Path) -> Iterable[NumberRow]:
        for row in read_rows(self._bytes(path)):
            if isinstance(row, RowFault):
                raise LedgerError([LedgerFault(Place(file=str(path), line=row.line, column=row.column), row.message)])
            yield row

    def copy(self, table: str, path: Path) -> None:
        """Every line of a table that is one already."""
        for row in lines_of(table, self._bytes(path)):
            if isinstance(row, RowFault):
                raise LedgerError([LedgerFault(Place(file=str(path), line=row.line, column=row.column), row.message)])
            self.line(table, row.values)

    def _bytes(self, path: Path) -> bytes:
        try:
            return self._read(path)
        except OSError as error:
            raise LedgerError([LedgerFault(Place(file=str(path)), f"cannot be read: {error.strerror}")]) from None


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list | tuple):
        return "; ".join(str(part) for part in value)
    return str(value)
