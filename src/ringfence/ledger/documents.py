"""The YAML files of a ledger's folder, put into a draft: first what others build on, from all files, then the rest."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from ringfence.ledger.draft import BadNumber, Bag, Draft, PlaceOf, SetGrant, merged
from ringfence.ledger.entries import Dated, GrantEntry, LedgerFile
from ringfence.ledger.faults import Location, Place
from ringfence.ledger.number_file import NumberRow, RowFault, read_rows
from ringfence.ledger.settings import NumberSettings
from ringfence.ledger.tables import add_trunk

ReadFile = Callable[[Path], bytes]
"""Gives a file's bytes, raises OSError."""


class Document(NamedTuple):
    """One YAML file, validated. place_of: where a key of it stands. folder: where file names in it start."""

    said: LedgerFile
    place_of: PlaceOf
    folder: Path


def add_documents(draft: Draft, documents: Sequence[Document], read: ReadFile) -> None:
    """Everything that the YAML files say."""
    numbers = _Numbers(draft, read)
    for said, place_of, _ in documents:
        _add_defaults(draft, said, place_of)
        for at, holder in enumerate(said.holders):
            draft.add_holder(holder, place_of(("holders", at)))
        for at, each in enumerate(said.sets):
            draft.add_set(each.name, each.holder, place_of(("sets", at)))
    for said, place_of, folder in documents:
        for at, holder in enumerate(said.holders):
            for place, title in enumerate(holder.numbers):
                bag = draft.title(holder.name, title.certificate, Dated.model_construct(
                    valid_from=title.valid_from, valid_until=title.valid_until))  # fmt: skip
                numbers.add(bag, title, title.note, ("holders", at, "numbers", place), place_of, folder)
        for at, each in enumerate(said.sets):
            for place, member in enumerate(each.numbers):
                numbers.add(draft.set(each.name), member, member.note, ("sets", at, "numbers", place), place_of, folder)
        for at, _ in enumerate(said.trunks):
            _add_trunk(draft, numbers, Document(said, place_of, folder), at)


def _add_defaults(draft: Draft, said: LedgerFile, place_of: PlaceOf) -> None:
    for layer, given in said.defaults.items():
        other = draft.defaults.get(layer)
        if other is not None:
            twice = (other.model_fields_set & given.model_fields_set) - {"numbers", "rules"}
            for name in sorted(twice):
                draft.fault(place_of(("defaults", layer, name)), "another file of the ledger says this as well")
            rules = merged(other.rules, given.rules)
            both = {name: getattr(given, name) for name in given.model_fields_set} | {"rules": rules}
            merged_layer = other.model_copy(update=both)
            merged_layer.__pydantic_fields_set__.update(both)
            draft.defaults[layer] = merged_layer
        else:
            draft.defaults[layer] = given
        for at, grant in enumerate(given.numbers):
            place = place_of(("defaults", layer, "numbers", at))
            if grant.set is None:
                draft.fault(place, "what every trunk may show is a set: numbers are listed once, under sets")
                continue
            draft.default_sets.setdefault(layer, []).append(_set_grant(draft, grant, place))


def _set_grant(draft: Draft, grant: GrantEntry, place: Place) -> SetGrant:
    assert grant.set is not None
    return SetGrant(grant.set, draft.terms(grant, grant.note), bool(grant.note), place)


def _add_trunk(draft: Draft, numbers: _Numbers, document: Document, at: int) -> None:
    said, place_of, folder = document
    entry = said.trunks[at]
    trunk = add_trunk(draft, draft.effective(entry), place_of(("trunks", at)))
    if trunk is None:
        return
    for place, source in enumerate(entry.sources):
        trunk.sources.append((source, place_of(("trunks", at, "sources", place))))
    for place, grant in enumerate(entry.numbers):
        location: Location = ("trunks", at, "numbers", place)
        if grant.set is not None:
            trunk.sets.append(_set_grant(draft, grant, place_of(location)))
        else:
            bag = draft.grant(trunk, grant)
            numbers.add(bag, grant, grant.note, location, place_of, folder, trunk.settings.area)


class _Numbers:
    """Takes entries that name numbers, or a file of numbers."""

    def __init__(self, draft: Draft, read: ReadFile) -> None:
        self._draft = draft
        self._read = read

    def add(
        self,
        bag: Bag,
        entry: NumberSettings,
        note: str,
        location: Location,
        place_of: PlaceOf,
        folder: Path,
        area: str | None = None,
    ) -> None:
        """One entry's numbers. note: why they stand twice; that of a file is the note of all its lines."""
        if entry.file is None:
            row = NumberRow(0, entry.number, entry.prefix, entry.from_, entry.to, note)
            try:
                self._draft.add_numbers(bag, row, place_of(location), area)
            except BadNumber as error:
                self._draft.fault(place_of((*location, error.field)), str(error))
            return
        self._file(bag, folder / entry.file, note, place_of((*location, "file")), place_of(location), area)

    def _file(self, bag: Bag, path: Path, note: str, named: Place, entry: Place, area: str | None) -> None:
        draft = self._draft
        try:
            data = self._read(path)
        except OSError as error:
            reason = error.strerror or type(error).__name__
            where = named if named.file else named._replace(file=str(path))
            draft.fault(where, f"{path}: cannot be read: {reason}" if named.file else f"cannot be read: {reason}")
            return
        for row in read_rows(data):
            place = Place(entry.location, str(path), row.line)
            if isinstance(row, RowFault):
                draft.fault(place._replace(column=row.column), row.message)
                continue
            row.note = row.note or note
            try:
                draft.add_numbers(bag, row, place, area)
            except BadNumber as error:
                draft.fault(place._replace(column=row.column(error.field)), str(error))


def add_inline(
    draft: Draft, position: int, bag: Bag, entries: Sequence[NumberSettings], folder: Path, read: ReadFile,
    area: str | None,
) -> None:  # fmt: skip
    """The numbers of a trunk that is written in the settings."""
    numbers = _Numbers(draft, read)
    for place, entry in enumerate(entries):
        numbers.add(bag, entry, "", ("trunks", position, "numbers", place), Place, folder, area)
