"""The CSV tables of a ledger's folder, put into a draft.

| table | a line |
|---|---|
| `holders` | a holder with the clauses of his contract |
| `resources` | numbers that a holder was assigned, with certificate and validity |
| `trunks` | a trunk; its sources stand in `sources`, its rules in YAML |
| `sources` | where a trunk's calls come from |
| `numbers` | numbers of a set; sets stand in YAML |
| `grants` | numbers, or a set, that a trunk may show, under terms |

`resources`, `numbers` and `grants` may have millions of lines; their regular lines are never Python objects.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import ValidationError

from ringfence.ledger.chosen import scan
from ringfence.ledger.draft import BadNumber, Bag, Draft, SetGrant, TrunkDraft, mapped
from ringfence.ledger.entries import UNEXPLAINED, Dated, Holder, TermsEntry, TrunkEntry
from ringfence.ledger.faults import Place
from ringfence.ledger.flatten import LEDGER
from ringfence.ledger.number_file import FORMS, number_row
from ringfence.ledger.pack import Buffer, unpack
from ringfence.ledger.scan import SHAPE_DIGITS, Scan
from ringfence.ledger.settings import SourceSettings, TrunkSettings
from ringfence.ledger.table_file import Header, RowFault, TableRow, read_header, read_line, read_table
from ringfence.ledger.terms import Terms

_NUMBERS = ("number", "prefix", "from", "to")
TABLES: dict[str, tuple[str, ...]] = {
    "holders": (
        "name", "legal_name", "licence", "sector", "contact",
        "contract", "contract_from", "contract_until", "calls_per_hour", "sanctions",
    ),
    "trunks": (
        "name", "holder", "kind", "gateways", "marketing", "purpose", "connected_by", "place",
        "sector", "trust_identity", "area", "province", "diversion_hops", "explain", "network_blocked",
    ),
    "sources": ("trunk", "address", "port", "transport", "certificate"),
    "resources": ("holder", *_NUMBERS, "certificate", "valid_from", "valid_until", "note"),
    "numbers": ("set", *_NUMBERS, "note"),
    "grants": (
        "trunk", "set", *_NUMBERS, "holder", "purpose", "direction", "valid_from", "valid_until", "suspended", "sector",
        "note",
    ),
}  # fmt: skip
"""The columns of each table; files are read in this order, so that names are known before they are used."""

NEEDED: dict[str, tuple[str, ...]] = {
    "holders": ("name",),
    "trunks": ("name", "holder", "kind"),
    "sources": ("trunk", "address|certificate"),
    "resources": ("holder", FORMS),
    "numbers": ("set", FORMS),
    "grants": ("trunk", f"set|{FORMS}"),
}

_file_name = re.compile(r"(" + "|".join(TABLES) + r")(?:[.-][^/]+)?\.csv").fullmatch


def table_of(file_name: str) -> str | None:
    """Which table a file holds: `grants.csv`, `grants-2026.csv` or `grants.acme.csv`; None for none of ours."""
    match = _file_name(file_name)
    return match[1] if match else None


def read_into(draft: Draft, table: str, file: str, data: Buffer) -> None:
    """Put a table into the draft."""
    reader = _READERS[table](draft, file)
    if isinstance(reader, NumbersReader):
        reader.read(table, data)
    else:
        for row in read_table(data, TABLES[table], NEEDED[table]):
            if isinstance(row, RowFault):
                draft.fault(Place(file=file, line=row.line, column=row.column), row.message)
            else:
                reader.take(row)


class Reader:
    """Takes the lines of a small table. columns: of fields whose model calls them otherwise."""

    columns: Mapping[str, str] = {}

    def __init__(self, draft: Draft, file: str) -> None:
        self.draft = draft
        self.file = file

    def take(self, row: TableRow) -> None:
        """Put a line into the draft."""
        raise NotImplementedError

    def place(self, row: TableRow, column: str = "") -> Place:
        """Where a field of a line stands."""
        return Place(file=self.file, line=row.line, column=row.column(column) if column else 0)

    def refuse(self, row: TableRow, error: ValidationError) -> None:
        """What a model has against a line's fields."""
        for fault in error.errors(include_url=False, include_context=False):
            names = [self.columns.get(str(part), str(part)) for part in fault["loc"] if isinstance(part, str)]
            message = fault["msg"].removeprefix("Value error, ").replace("Input should be", "must be")
            if fault["type"] == "missing":
                message = "missing"
            column = next((each for each in reversed(names) if each in row.values), names[-1] if names else "")
            self.draft.fault(self.place(row, column), f"{column}: {message}" if column else message)


CONTRACT = {
    "number": "contract", "valid_from": "contract_from", "valid_until": "contract_until",
    "calls_per_hour": "calls_per_hour", "sanctions": "sanctions",
}  # fmt: skip
"""Clauses of a contract with the columns that they stand in."""


class HoldersReader(Reader):
    """holders.csv."""

    columns = CONTRACT

    def take(self, row: TableRow) -> None:
        values = dict(row.values)
        contract = {name: values.pop(column) for name, column in CONTRACT.items() if column in values}
        try:
            holder = Holder.model_validate({**values, "contract": contract})
        except ValidationError as error:
            self.refuse(row, error)
            return
        self.draft.add_holder(holder, self.place(row))


_OWN = ("name", "holder", "place", "connected_by")


class TrunksReader(Reader):
    """trunks.csv. Lines that differ only in who and where are looked at by the model once."""

    def __init__(self, draft: Draft, file: str) -> None:
        super().__init__(draft, file)
        self._like: dict[tuple[str, ...], TrunkSettings] = {}

    def take(self, row: TableRow) -> None:
        values = row.values
        own: dict[str, Any] = {name: values[name] for name in _OWN if name in values}
        shared = (*own, "", *(part for item in values.items() if item[0] not in own for part in item))
        known = self._like.get(shared)
        if known is None or not _plain_name(values["name"]) or max(map(len, own.values())) > 200:
            try:
                entry = TrunkEntry.model_validate(values)
            except ValidationError as error:
                self.refuse(row, error)
                return
            known = self._like[shared] = self.draft.effective(entry)
        add_trunk(self.draft, known.model_copy(update=own), self.place(row))


_plain_name = re.compile(r"[a-z0-9][a-z0-9_.-]{0,63}").fullmatch


class SourcesReader(Reader):
    """sources.csv."""

    def take(self, row: TableRow) -> None:
        values = dict(row.values)
        trunk = self.draft.trunks.get(values.pop("trunk", ""))
        if trunk is None or trunk.inline:
            self.draft.fault(self.place(row, "trunk"), f"no trunk {row.values.get('trunk', '')} in the ledger")
            return
        try:
            source = SourceSettings.model_validate(values)
        except ValidationError as error:
            self.refuse(row, error)
            return
        trunk.sources.append((source, self.place(row)))


def add_trunk(draft: Draft, settings: TrunkSettings, place: Place) -> TrunkDraft | None:
    """A trunk of the ledger's files, with the global layer in its settings already; None when its name is taken."""
    other = draft.trunks.get(settings.name)
    if other is not None:
        draft.fault(place, f"trunk {settings.name} is also in {'the settings' if other.inline else other.place}")
        return None
    trunk = TrunkDraft(settings, place, inline=False)
    for layer in ("all", settings.kind):
        trunk.sets += draft.default_sets.get(layer, ())
    draft.trunks[settings.name] = trunk
    return trunk


class NumbersReader(Reader):
    """A table of numbers: regular lines by the million, the others one by one."""

    keys: tuple[str, ...] = ()

    def read(self, table: str, data: Buffer) -> None:
        """Put the table into the draft."""
        columns = TABLES[table]
        header = read_header(data, columns, NEEDED[table])
        if isinstance(header, RowFault):
            self.draft.fault(Place(file=self.file, line=header.line, column=header.column), header.message)
            return
        found, inbound = self._scanned(data, header)
        self._take_regular(found, header, data, inbound)
        odd = memoryview(found[7]).cast("Q")
        for at in range(0, len(odd), 3):
            row = read_line(bytes(memoryview(data)[odd[at + 1] : odd[at + 2]]), odd[at], header.names)
            if isinstance(row, RowFault):
                self.draft.fault(Place(file=self.file, line=row.line, column=row.column), row.message)
            elif row is not None:
                self.take(row)

    def _scanned(self, data: Buffer, header: Header) -> tuple[Scan, frozenset[int]]:
        """The lines, and the shapes among them that are never a caller.

        A shape that the plan does not read as it is written, or of which it knows more classes than one, makes its
        lines odd, which takes a second look at all.
        """
        roles = bytes(ord(self._role(name)) for name in header.names)
        found = scan(data, header.start, header.line + 1, roles, b"")
        refused = array("q")
        inbound: list[int] = []
        for shape in memoryview(found[6]).cast("q"):
            lead, size = divmod(shape, 16)
            value = f"+{lead}".ljust(size + 1, "0")
            if self.draft.classes.differ_behind(str(lead)) or self.draft.numbering.read(value).value != value:
                refused.append(shape)
            elif not self.draft.classes.classify(value).originates:
                inbound.append(shape)
        if refused:
            found = scan(data, header.start, header.line + 1, roles, array("q", sorted(refused)))
        return found, frozenset(inbound)

    def _role(self, name: str) -> str:
        roles = {"number": "n", "from": "f", "to": "t", "note": "o", "prefix": "x", "set": "x"}
        return "k" if name in self.keys else roles[name]

    def _take_regular(self, found: Scan, header: Header, data: Buffer, inbound: frozenset[int]) -> None:
        contexts = array("I", found[2])
        if not contexts:
            return
        lines = memoryview(found[3]).cast("I")
        keys = [name for name in header.names if name in self.keys]
        bags: list[Bag | None] = []
        for number, text in enumerate(found[5]):
            fields = text.decode().split("\x1f")[:-1]
            values = {name: value.strip() for name, value in zip(keys, fields, strict=True) if value.strip()}
            before = len(self.draft.faults)
            bag = self._bag(TableRow(0, values, {}))
            if bag is None:
                # Said again with the first such line, whose columns are known there.
                del self.draft.faults[before:]
                self._again(lines[contexts.index(number)], contexts.count(number), header, data)
            bags.append(bag)
        if None in bags:
            return
        known = [bag for bag in bags if bag is not None]
        numbers = [self.draft.bag(bag) for bag in known]
        first = self.draft.rows.add_scan(found, mapped(contexts, numbers), Place(file=self.file))
        if inbound:
            self._look_for_inbound(first, inbound, contexts, known)
        foreign = {number for number, bag in enumerate(known) if self._needs_note(bag)}
        if foreign:
            for at, context in enumerate(contexts):
                if context in foreign and not found[4][at]:
                    self.draft.fault(Place(file=self.file, line=lines[at]), UNEXPLAINED)

    def _again(self, line: int, count: int, header: Header, data: Buffer) -> None:
        for number, raw in enumerate(bytes(memoryview(data)[header.start :]).split(b"\n"), header.line + 1):
            if number == line:
                row = read_line(raw, line, header.names)
                assert isinstance(row, TableRow)
                before = len(self.draft.faults)
                self._bag(row)
                for fault in self.draft.faults[before:]:
                    if count > 1:
                        fault.message += f" (so do {count - 1} more lines)"
                return

    def _look_for_inbound(self, first: int, shapes: frozenset[int], contexts: array[int], bags: list[Bag]) -> None:
        rows = self.draft.rows
        for at, context in enumerate(contexts):
            value = unpack(rows.lows[first + at])
            if int(value[1 : SHAPE_DIGITS + 1]) * 16 + len(value) - 1 in shapes:
                self.draft.inbound(bags[context], value, rows.place(first + at))

    def _needs_note(self, bag: Bag) -> bool:
        trunk = self.draft.trunks.get(bag.name) if bag.kind == "grant" else None
        return trunk is not None and bag.holder != trunk.settings.holder

    def take(self, row: TableRow) -> None:
        """An odd line."""
        numbers = number_row(row)
        if isinstance(numbers, RowFault):
            self.draft.fault(Place(file=self.file, line=numbers.line, column=numbers.column), numbers.message)
            return
        bag = self._bag(row)
        if bag is None:
            return
        if self._needs_note(bag) and not numbers.note:
            self.draft.fault(self.place(row), UNEXPLAINED)
        try:
            self.draft.add_numbers(bag, numbers, self.place(row), self._area(row))
        except BadNumber as error:
            self.draft.fault(self.place(row, error.field), str(error))

    def _area(self, row: TableRow) -> str | None:
        return None

    def _bag(self, row: TableRow) -> Bag | None:
        """The bag of a line; None after a fault."""
        raise NotImplementedError


class ResourcesReader(NumbersReader):
    """resources.csv."""

    keys = ("holder", "certificate", "valid_from", "valid_until")

    def _bag(self, row: TableRow) -> Bag | None:
        draft, values = self.draft, row.values
        holder = values.get("holder", "")
        if holder not in draft.holders:
            draft.fault(self.place(row, "holder"), f"no holder {holder}" if holder else "holder: missing")
            return None
        try:
            days = Dated.model_validate(_only(values, "valid_from", "valid_until"))
        except ValidationError as error:
            self.refuse(row, error)
            return None
        return draft.title(holder, values.get("certificate", ""), days)


class SetNumbersReader(NumbersReader):
    """numbers.csv."""

    keys = ("set",)

    def _bag(self, row: TableRow) -> Bag | None:
        name = row.values.get("set", "")
        if name not in self.draft.sets:
            self.draft.fault(self.place(row, "set"), f"no set {name}" if name else "set: missing")
            return None
        return self.draft.set(name)


class GrantsReader(NumbersReader):
    """grants.csv."""

    keys = ("trunk", "holder", "purpose", "direction", "valid_from", "valid_until", "suspended", "sector")

    def __init__(self, draft: Draft, file: str) -> None:
        super().__init__(draft, file)
        self._like: dict[tuple[str | None, ...], tuple[TermsEntry, Terms]] = {}

    def take(self, row: TableRow) -> None:
        """A line that grants a set is nothing but terms."""
        if "set" not in row.values:
            super().take(row)
            return
        if any(name in row.values for name in _NUMBERS):
            self.draft.fault(self.place(row, "set"), "give exactly one of set, number, prefix, from with to")
            return
        trunk, entry = self._trunk(row), self._terms(row)
        if trunk is not None and entry is not None:
            note = row.values.get("note", "")
            terms = self.draft.terms(entry, note)
            trunk.sets.append(SetGrant(row.values["set"], terms, bool(note), self.place(row)))

    def _trunk(self, row: TableRow) -> TrunkDraft | None:
        name = row.values.get("trunk", "")
        trunk = self.draft.trunks.get(name)
        if trunk is None or trunk.inline:
            self.draft.fault(self.place(row, "trunk"), f"no trunk {name} in the ledger" if name else "trunk: missing")
            return None
        return trunk

    def _terms(self, row: TableRow) -> TermsEntry | None:
        try:
            return TermsEntry.model_validate(_only(row.values, *self.keys[1:]))
        except ValidationError as error:
            self.refuse(row, error)
            return None

    def _area(self, row: TableRow) -> str | None:
        return self.draft.trunks[row.values["trunk"]].settings.area

    def _bag(self, row: TableRow) -> Bag | None:
        trunk = self._trunk(row)
        # Lines differ by their trunks, hardly by their terms: these are looked at once.
        said = tuple(map(row.values.get, self.keys[1:]))
        if said not in self._like:
            entry = self._terms(row)
            if entry is None:
                return None
            self._like[said] = (entry, self.draft.terms(entry))
        entry, terms = self._like[said]
        if trunk is None:
            return None
        return Bag(LEDGER, "grant", trunk.settings.name, entry.holder or trunk.settings.holder, terms=terms)


def _only(values: dict[str, str], *names: str) -> dict[str, Any]:
    return {name: values[name] for name in names if name in values}


_READERS: dict[str, type[Reader]] = {
    "holders": HoldersReader,
    "trunks": TrunksReader,
    "sources": SourcesReader,
    "resources": ResourcesReader,
    "numbers": SetNumbersReader,
    "grants": GrantsReader,
}


def lines_of(table: str, data: Buffer) -> Iterator[TableRow | RowFault]:
    """Every line of a table as it is, for whom does not judge numbers by it."""
    return read_table(data, TABLES[table], NEEDED[table])
