"""A draft to the sections of a snapshot: numbers side by side, names in order, the same for the same content."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from ringfence.ledger.chosen import flatten
from ringfence.ledger.draft import Bag, Draft, TrunkDraft
from ringfence.ledger.entries import Holder
from ringfence.ledger.faults import LedgerError, LedgerFault
from ringfence.ledger.flatten import DEPTH, LEDGER, NOBODY, TITLE, Flat
from ringfence.ledger.snapshot import Section, records
from ringfence.ledger.sources import lengths
from ringfence.ledger.sources import sections as source_sections
from ringfence.ledger.terms import FOREVER, Terms

SHARED = (
    "kind", "gateways", "trust_identity", "area", "diversion_hops", "explain", "network_blocked", "rules",
)  # fmt: skip
"""Settings of a trunk that it has in common with others, as they are: its profile. Who adds one adds it to `Trunk`."""


@dataclass(frozen=True, slots=True)
class Compiled:
    """What a snapshot is written from. late: what a day that has come makes invalid; nobody is stopped by it."""

    sections: Sequence[Section]
    facts: dict[str, Any]
    late: tuple[LedgerFault, ...]


def compiled(draft: Draft) -> Compiled:
    """The draft's sections. Raises LedgerError for numbers that contradict each other."""
    bags = sorted(draft.bags, key=_bag_order)
    flat = _laid_out(draft)
    place_of = {draft.bags[bag]: place for place, bag in enumerate(bags)}
    terms = sorted({each.terms for each in bags if each.terms is not None} | _set_terms(draft), key=_terms_order)
    trunks = [draft.trunks[name] for name in sorted(draft.trunks, key=str.encode)]
    tables = _Trunks(draft, bags, terms)
    texts = [tables.record(trunk) for trunk in trunks]
    at_of = {trunk.settings.name: at for at, trunk in enumerate(trunks)}
    claims = {key: at_of[name] for key, name in draft.claims.items()}
    bounds, covers, cover_bags, *_ = flat
    members, ends = array("I"), array("I", [0])
    for text in cover_bags:
        members.extend(sorted(place_of[bag] for bag in memoryview(text).cast("I")))
        ends.append(len(members))
    known = draft.holders.keys() | {trunk.settings.holder for trunk in trunks}
    holders = [_holder_record(draft, name) for name in sorted(known, key=str.encode)]
    sections: list[Section] = [
        ("bounds", (bounds, covers)), ("covers", (members,)), ("covers.ends", (ends,)),
        *records("bags", (tables.bag(bag) for bag in bags)),
        *records("trunks", texts),
        *records("names", (trunk.settings.name.encode() for trunk in trunks)),
        *records("holders", holders),
        *source_sections(claims),
    ]  # fmt: skip
    facts = {
        "terms": [terms_record(each) for each in terms],
        "profiles": tables.profiles,
        "origins": tables.origins,
        "reach": _reach(trunks),
        "lengths": lengths(claims),
        "ranges": len(draft.rows),
    }
    return Compiled(sections, facts, tuple(fault for fault in draft.faults if fault.late))


def _bag_order(bag: Bag) -> tuple[Any, ...]:
    terms = bag.terms or Terms()
    return (*bag[:-1], bag.terms is not None, *_terms_order(terms))


def _terms_order(terms: Terms) -> tuple[Any, ...]:
    return tuple(terms)


def _set_terms(draft: Draft) -> set[Terms]:
    return {grant.terms for trunk in draft.trunks.values() for grant in trunk.sets}


# -- numbers ---------------------------------------------------------------------------------------------------------


def _laid_out(draft: Draft) -> Flat:
    """All rows side by side. Raises LedgerError."""
    rows = draft.rows
    names: dict[str, int] = {}
    holders = array("I")
    for bag in draft.bags:
        holders.append(names.setdefault(bag.holder, len(names)) if bag.family <= LEDGER else NOBODY)
    families = bytes(bag.family for bag in draft.bags)
    flat = flatten(rows.lows, rows.highs, rows.bags, rows.noted, families, holders)
    faults = _contradictions(draft, flat)
    if faults:
        raise LedgerError(faults)
    return flat


def _contradictions(draft: Draft, flat: Flat) -> list[LedgerFault]:
    rows = draft.rows
    bags = list(draft.bags)
    *_, clashes, outside, too_deep = flat
    faults: list[LedgerFault] = []
    if too_deep >= 0:
        faults.append(LedgerFault(rows.place(too_deep), f"more than {DEPTH} rows over one number"))
    told: set[int] = set()
    pairs = memoryview(clashes).cast("I")
    for at in range(0, len(pairs), 2):
        first, second = pairs[at], pairs[at + 1]
        if second in told:
            continue
        told.add(second)
        one, other = bags[rows.bags[first]], bags[rows.bags[second]]
        faults.append(LedgerFault(rows.place(second), _twice(one, other, str(rows.place(first)))))
    for row in memoryview(outside).cast("I"):
        bag = bags[rows.bags[row]]
        faults.append(LedgerFault(rows.place(row), f"outside the numbers that {bag.holder} was assigned"))
    return faults


def _twice(one: Bag, other: Bag, where: str) -> str:
    if other.family == TITLE:
        whose = "" if one.holder == other.holder else f" to {one.holder}"
        return f"assigned twice without a note: overlaps {where}, assigned{whose}"
    if other.family > LEDGER:
        return f"overlaps {where}"
    to = f"set {one.name}" if one.kind == "set" else f"trunk {one.name}"
    return f"granted twice without a note: overlaps {where}, {to}"


# -- records ---------------------------------------------------------------------------------------------------------


class _Trunks:
    """Trunks and bags as JSON; profiles as they turn up."""

    def __init__(self, draft: Draft, bags: list[Bag], terms: list[Terms]) -> None:
        self._draft = draft
        self._terms = {each: place for place, each in enumerate(terms)}
        self._own: dict[str, list[int]] = {}
        self._sets: dict[str, int] = {}
        self._bags = bags
        self._profiles: dict[bytes, int] = {}
        self.profiles: list[dict[str, Any]] = []
        self.origins: list[list[Any]] = []
        for place, bag in enumerate(bags):
            if bag.kind == "set":
                self._sets[bag.name] = place
            elif bag.terms is not None:
                self._own.setdefault(bag.name, []).append(place)
        sizes = [0] * len(bags)
        at = {draft.bags[bag]: place for place, bag in enumerate(bags)}
        for number, count in Counter(draft.rows.bags).items():
            sizes[at[number]] = count
        self._sizes = sizes

    def record(self, trunk: TrunkDraft) -> bytes:
        """One trunk."""
        settings = trunk.settings
        grants: dict[int, list[int]] = {}
        for place in self._own.get(settings.name, ()):
            terms = self._bags[place].terms
            assert terms is not None
            grants.setdefault(place, []).append(self._terms[terms])
        for grant in trunk.sets:
            if grant.name in self._sets:  # a set without numbers grants nothing
                grants.setdefault(self._sets[grant.name], []).append(self._terms[grant.terms])
        return orjson.dumps(
            {
                "holder": settings.holder,
                "profile": self._profile(trunk),
                "sources": [source.model_dump() for source, _ in trunk.sources],
                "connected_by": settings.connected_by,
                "place": settings.place,
                "grants": sorted(grants.items()),
                "numbers": sum(self._sizes[place] for place in grants),
            }
        )

    def _profile(self, trunk: TrunkDraft) -> int:
        settings = trunk.settings
        said: dict[str, Any] = {name: getattr(settings, name) for name in SHARED}
        said["purpose"] = settings.call_purpose
        said["marketing"] = settings.marketing or settings.call_purpose == "marketing"
        said["sector"] = self._draft.sector(settings)
        said["province"] = settings.province or self._draft.numbering.province_of(settings.area or "")
        said["calls_per_hour"] = self._draft.contract(settings.holder).calls_per_hour
        key = orjson.dumps(said, option=orjson.OPT_SORT_KEYS)
        number = self._profiles.setdefault(key, len(self.profiles))
        if number == len(self.profiles):
            self.profiles.append(said)
            place = trunk.place
            self.origins.append([settings.name, place.location, place.file, place.line, place.path])
        return number

    def bag(self, bag: Bag) -> bytes:
        """One bag."""
        if bag.kind == "title":
            return orjson.dumps(
                {
                    "kind": "title",
                    "holder": bag.holder,
                    "certificate": bag.certificate,
                    "since": bag.since,
                    "until": _end(bag.until),
                }
            )
        return orjson.dumps({"kind": bag.kind, "name": bag.name, "holder": bag.holder})


def _end(until: float) -> float | None:
    return None if until == FOREVER else until


def terms_record(terms: Terms) -> dict[str, Any]:
    """Terms as JSON has them."""
    return {**terms._asdict(), "until": _end(terms.until)}


def _holder_record(draft: Draft, name: str) -> bytes:
    """What is on record of a holder; of one that only a trunk in the settings names, the name."""
    holder = draft.holders[name][0] if name in draft.holders else Holder(name=name)
    return orjson.dumps(holder.model_dump(mode="json", exclude={"numbers"}))


def _reach(trunks: Sequence[TrunkDraft]) -> list[list[Any]]:
    """Of what kinds the sources are, with the first of each kind: whether listeners can hear them is asked later."""
    found: dict[tuple[str, str, str], list[Any]] = {}
    for trunk in trunks:
        if trunk.inline:
            continue
        for source, place in trunk.sources:
            address = "" if source.address is None else "6" if ":" in source.address else "4"
            key = (address, source.transport or "", "certificate" if source.certificate is not None else "")
            found.setdefault(key, [source.model_dump(), place.file, place.line, place.path])
    return [found[key] for key in sorted(found)]
