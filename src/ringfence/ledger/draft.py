"""A ledger while it is put together: what settings and files say, each with its place, not yet seen as a whole."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta, timezone
from typing import Any, NamedTuple

from ringfence.ledger.classes import Classes
from ringfence.ledger.entries import Contract, Dated, Defaults, Holder, TermsEntry
from ringfence.ledger.faults import MAX_FAULTS, LedgerFault, Location, Place
from ringfence.ledger.flatten import INLINE, LEDGER, TITLE
from ringfence.ledger.number_file import NumberRow
from ringfence.ledger.pack import pack
from ringfence.ledger.rows import Rows
from ringfence.ledger.settings import SourceSettings, TrunkSettings
from ringfence.ledger.terms import FOREVER, Terms
from ringfence.numbering import Kind, Numbering
from ringfence.sectors import Sector

PlaceOf = Callable[[Location], Place]


class Bag(NamedTuple):
    """Rows that say the same.

    family: TITLE, LEDGER or INLINE. name: the set's, or the trunk's that is granted them; "" for a title.
    holder: whose numbers they are. terms: of a grant, None for a set, whose terms stand where it is granted.
    """

    family: int
    kind: str
    name: str
    holder: str
    certificate: str = ""
    since: float = 0.0
    until: float = FOREVER
    terms: Terms | None = None


class SetGrant(NamedTuple):
    """A set granted to a trunk."""

    name: str
    terms: Terms
    explained: bool
    place: Place


class TrunkDraft:
    """One trunk. inline: written in the settings, and taken at its word."""

    __slots__ = ("inline", "place", "sets", "settings", "sources")

    def __init__(self, settings: TrunkSettings, place: Place, inline: bool) -> None:
        self.settings = settings
        self.place = place
        self.inline = inline
        self.sources: list[tuple[SourceSettings, Place]] = []
        self.sets: list[SetGrant] = []


class SetDraft(NamedTuple):
    """A set's holder and where it is written."""

    holder: str
    place: Place


class BadNumber(ValueError):
    """A number that the ledger cannot take. field: where in its entry."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


class Draft:
    """Everything that was read; `faults` holds what could not be."""

    def __init__(self, numbering: Numbering, classes: Classes, utc_offset: str) -> None:
        self.numbering = numbering
        self.classes = classes
        self.holders: dict[str, tuple[Holder, Place]] = {}
        self.sets: dict[str, SetDraft] = {}
        self.trunks: dict[str, TrunkDraft] = {}
        self.defaults: dict[str, Defaults] = {}
        self.default_sets: dict[str, list[SetGrant]] = {}
        self.rows = Rows()
        self.bags: dict[Bag, int] = {}
        self.inbound_sets: dict[str, Place] = {}  # sets with numbers that are never a caller, and where the first is
        self.claims: dict[bytes, str] = {}  # what each source claims, and which trunk has it
        self.faults: list[LedgerFault] = []
        hours, minutes = int(utc_offset[:3]), int(utc_offset[0] + utc_offset[4:])
        self._zone = timezone(timedelta(hours=hours, minutes=minutes))

    # -- words --------------------------------------------------------------------------------------------------

    def fault(self, place: Place, message: str, late: bool = False) -> None:
        """Note what is wrong; beyond MAX_FAULTS the rest only adds to the number."""
        if len(self.faults) <= MAX_FAULTS:
            self.faults.append(LedgerFault(place, message, late))

    def beginning(self, day: date | None) -> float:
        """When a first day begins, epoch seconds; 0 without one."""
        return 0.0 if day is None else datetime(day.year, day.month, day.day, tzinfo=self._zone).timestamp()

    def end(self, day: date | None) -> float:
        """When a last day is over, epoch seconds."""
        if day is None or day >= date(9999, 12, 30):
            return FOREVER
        return self.beginning(day + timedelta(days=1))

    def terms(self, entry: TermsEntry, note: str = "") -> Terms:
        """An entry's terms."""
        return Terms(
            entry.purpose, "originate" in entry.direction, "receive" in entry.direction,
            self.beginning(entry.valid_from), self.end(entry.valid_until), entry.suspended, note,
            entry.sector or "",
        )  # fmt: skip

    def bag(self, bag: Bag) -> int:
        """A bag's number."""
        return self.bags.setdefault(bag, len(self.bags))

    def last_day(self, end: float) -> str:
        """The last day of what is over at `end`, in a fault's words."""
        return (datetime.fromtimestamp(end, self._zone) - timedelta(days=1)).date().isoformat()

    # -- entries ------------------------------------------------------------------------------------------------

    def add_holder(self, holder: Holder, place: Place) -> bool:
        """A holder; False when there is one of that name."""
        if holder.name in self.holders:
            self.fault(place, f"holder {holder.name} is also in {self.holders[holder.name][1]}")
            return False
        self.holders[holder.name] = (holder, place)
        return True

    def add_set(self, name: str, holder: str, place: Place) -> bool:
        """A set; False when there is one of that name."""
        if name in self.sets:
            self.fault(place, f"set {name} is also in {self.sets[name].place}")
            return False
        self.sets[name] = SetDraft(holder, place)
        return True

    def title(self, holder: str, certificate: str, days: Dated) -> Bag:
        """The bag of a title."""
        since, until = self.beginning(days.valid_from), self.end(days.valid_until)
        return Bag(TITLE, "title", "", holder, certificate, since, until)

    def set(self, name: str) -> Bag:
        """The bag of a set that is known."""
        return Bag(LEDGER, "set", name, self.sets[name].holder)

    def grant(self, trunk: TrunkDraft, entry: TermsEntry) -> Bag:
        """The bag of what a trunk of the ledger's files is granted directly."""
        holder = entry.holder or trunk.settings.holder
        return Bag(LEDGER, "grant", trunk.settings.name, holder, terms=self.terms(entry))

    # -- numbers ------------------------------------------------------------------------------------------------

    def add_numbers(self, bag: Bag, row: NumberRow, place: Place, area: str | None = None) -> None:
        """What one entry names. Raises BadNumber."""
        number = self.bag(bag)
        for low, high in self._spans(row, area, bag):
            self.inbound(bag, low, place)
            self.rows.add(pack(low), pack(high), number, place, bool(row.note))

    def inbound(self, bag: Bag, value: str, place: Place) -> None:
        """Look whether a number may be a caller, where its bag would let it be one."""
        if bag.family == TITLE or (bag.terms is not None and not bag.terms.originate):
            return
        found = self.classes.classify(value)
        if found.originates:
            return
        if bag.kind == "set":
            self.inbound_sets.setdefault(bag.name, place)
        else:
            self.fault(place, f"a {found.name} number is never a caller: grant it with direction receive")

    def _spans(self, row: NumberRow, area: str | None, bag: Bag) -> list[tuple[str, str]]:
        if row.number is not None:
            value = self._value("number", row.number, area)
            return [(value, value)]
        if row.prefix is not None:
            return self._prefix(row.prefix, bag)
        assert row.from_ is not None and row.to is not None
        low, high = self._value("from", row.from_, area), self._value("to", row.to, area)
        if len(low) != len(high) or (low[0] == "+") != (high[0] == "+"):
            raise BadNumber("to", "from and to differ in length: a range has numbers of one length")
        if low > high:
            raise BadNumber("to", "to is below from")
        return [(low, high)]

    def _value(self, field: str, text: str, area: str | None) -> str:
        number = self.numbering.read(text, area=area)
        if number.kind is not Kind.E164 and number.kind is not Kind.SHORT:
            raise BadNumber(field, f"not a number that the plan reads ({number.kind})")
        return number.value

    def _prefix(self, text: str, bag: Bag) -> list[tuple[str, str]]:
        try:
            spans = self.numbering.prefix_spans(text)
        except ValueError as error:
            raise BadNumber("prefix", str(error)) from None
        if bag.family == INLINE:
            return spans
        for low, high in spans[:1] + [span for span in spans[1:] if span[0][0] != "+"][:1]:
            same = sum(a == b for a, b in zip(low, high, strict=True)) - (low[0] == "+")
            found = self.classes.classify(low)
            if same < found.shortest_prefix:
                raise BadNumber(
                    "prefix",
                    f"{same} digits are too short a prefix for {found.name} numbers: {found.shortest_prefix} at least",
                )
        return spans

    # -- trunks -------------------------------------------------------------------------------------------------

    def effective(self, settings: TrunkSettings) -> TrunkSettings:
        """A trunk with what the global layer gives to all and to its kind, where it says nothing itself."""
        changes: dict[str, Any] = {}
        rules: Mapping[str, Mapping[str, Any]] = {}
        for layer in ("all", settings.kind):
            given = self.defaults.get(layer)
            if given is None:
                continue
            for name in given.model_fields_set - {"numbers", "rules"} - settings.model_fields_set:
                changes[name] = getattr(given, name)
            rules = merged(rules, given.rules)
        if rules:
            changes["rules"] = merged(rules, settings.rules)
        return settings.model_copy(update=changes) if changes else settings

    def sector(self, settings: TrunkSettings) -> Sector | None:
        """What a trunk's calls sell: as it says, else as its holder does."""
        known = self.holders.get(settings.holder)
        return settings.sector or (None if known is None else known[0].sector)

    def contract(self, holder: str) -> Contract:
        """What was agreed with a holder; nothing in particular with one that is not on record."""
        known = self.holders.get(holder)
        return Contract() if known is None else known[0].contract


def merged(one: Mapping[str, Mapping[str, Any]], other: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Settings of rules, `other` on top of `one`."""
    return {name: {**one.get(name, {}), **other.get(name, {})} for name in [*one, *(set(other) - set(one))]}


def mapped(numbers: array[int], to: list[int]) -> array[int]:
    """Every number replaced."""
    return array("I", map(to.__getitem__, numbers))
