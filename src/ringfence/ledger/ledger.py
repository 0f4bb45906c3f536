"""The snapshot that calls are judged by: trunks, found by their source, and what each may show."""

from __future__ import annotations

import bisect
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Literal

import orjson
from pydantic import JsonValue

from ringfence.ledger.chosen import Intervals
from ringfence.ledger.intervals import RECORD
from ringfence.ledger.settings import SourceSettings, TrunkKind
from ringfence.ledger.snapshot import Records, Snapshot
from ringfence.ledger.sources import Sources
from ringfence.ledger.standing import NOWHERE, Standing
from ringfence.ledger.terms import FOREVER, Purpose, Terms, Title
from ringfence.sectors import Sector
from ringfence.sip.address import Transport

MAX_MADE = 2_048  # trunks kept as objects beside those that endpoints hold; making one anew costs some 10 µs
MAX_KEPT = 8_192  # standings kept: a caller that tries many numbers makes us forget, not grow


@dataclass(frozen=True, slots=True, eq=False)
class Trunk:
    """One trunk of a snapshot; each generation makes its own.

    area: code that completes local digits, as `Numbering.read` takes it: with or without the trunk prefix.
    province: of codes that mean something in one province alone, "" if unknown. diversion_hops: how often its calls
    may have been diverted. sector: what its calls sell, its holder's where it names none,
    None: unknown.
    profile: number of the settings that it shares with others, for what is compiled once a kind of trunk.
    numbers: how many ranges it may show. purpose: what its calls are for. calls_per_hour: of one caller, by the
    holder's contract. rules: settings of rules that differ on this trunk, not yet validated.
    """

    name: str
    holder: str
    kind: TrunkKind
    ledger: Ledger
    profile: int = 0
    sources: tuple[SourceSettings, ...] = ()
    gateways: str = "default"
    numbers: int = 0
    marketing: bool = False
    purpose: Purpose = "service"
    sector: Sector | None = None
    trust_identity: bool = False
    area: str | None = None
    province: str = ""
    diversion_hops: int = 0
    explain: Literal["opaque", "explained"] = "opaque"
    network_blocked: bool = False
    connected_by: str = ""
    place: str = ""
    calls_per_hour: int | None = None
    rules: Mapping[str, Mapping[str, JsonValue]] = field(default_factory=dict)
    grants: Mapping[int, tuple[Terms, ...]] = field(default_factory=dict)

    def standing(self, value: str) -> Standing:
        """What the ledger says of a number on this trunk; value: as `Number.value` has it."""
        ledger = self.ledger
        cover = ledger.find(value)
        if cover == 0:
            return NOWHERE
        kept = ledger.kept
        standing = kept.get((self, cover))
        if standing is None:
            terms: tuple[Terms, ...] = ()
            for bag in ledger.bags_of(cover):
                terms += self.grants.get(bag, ())
            if len(kept) >= MAX_KEPT:
                ledger.shed_standings += len(kept)
                kept.clear()
            standing = kept[self, cover] = Standing(ledger, cover, self.holder, terms)
        return standing


@dataclass(frozen=True, slots=True)
class Grantees:
    """A bag of granted numbers. name: the set's, or the trunk's that they are granted to. holder: whose they are."""

    kind: Literal["set", "grant", "inline"]
    name: str
    holder: str


class Ledger:
    """All trunks of one generation of settings, read in place from a snapshot."""

    __slots__ = (
        "_bags", "_bounds", "_covers", "_covers_ends", "_holders", "_made", "_names", "_records", "_sources", "_terms",
        "facts", "find", "generation", "kept", "profiles", "ranges", "shed_standings", "shed_trunks",
        "snapshot", "trunks",
    )  # fmt: skip

    def __init__(self, generation: int, snapshot: Snapshot) -> None:
        """generation: number of the settings this was made from."""
        self.generation = generation
        self.snapshot = snapshot
        self.facts = snapshot.facts
        at, size = snapshot.place("bounds")
        self._bounds = size // RECORD
        self.ranges: int = snapshot.facts["ranges"]
        self.find = Intervals(snapshot.buffer, at, self._bounds).find
        self._covers = snapshot.section("covers").cast("I")
        self._covers_ends = snapshot.section("covers.ends").cast("I")
        self._bags = Records(snapshot, "bags")
        self._records = Records(snapshot, "trunks")
        self._names = Records(snapshot, "names")
        self._holders = Records(snapshot, "holders")
        self._sources = Sources(snapshot)
        self._terms = [terms_from(each) for each in snapshot.facts["terms"]]
        self._made: dict[int, Trunk] = {}
        self.kept: dict[tuple[Trunk, int], Standing] = {}
        self.shed_trunks = self.shed_standings = 0
        self.profiles = [
            Trunk(name="", holder="", ledger=self, profile=number, **said)
            for number, said in enumerate(snapshot.facts["profiles"])
        ]
        self.trunks = Trunks(self)

    def by_source(
        self, transport: Transport, host: str, port: int, certificate: frozenset[str] = frozenset()
    ) -> Trunk | None:
        """The trunk that a far end belongs to, or None; see `Sources.find`."""
        place = self._sources.find(transport, host, port, certificate)
        return None if place < 0 else self.trunk(place)

    def trunk(self, place: int) -> Trunk:
        """The trunk at a place in the order of names."""
        trunk = self._made.get(place)
        if trunk is None:
            if len(self._made) >= MAX_MADE:
                self.shed_trunks += len(self._made)
                self._made.clear()
            said = orjson.loads(self._records[place])
            trunk = self._made[place] = Trunk(
                name=self.name(place),
                holder=said["holder"],
                ledger=self,
                profile=said["profile"],
                sources=tuple(SourceSettings.model_construct(None, **each) for each in said["sources"]),
                numbers=said["numbers"],
                connected_by=said["connected_by"],
                place=said["place"],
                grants={bag: tuple(self._terms[each] for each in terms) for bag, terms in said["grants"]},
                **self.facts["profiles"][said["profile"]],
            )
        return trunk

    def name(self, place: int) -> str:
        """The name of the trunk at a place."""
        return self._names[place].decode()

    def place(self, name: str) -> int:
        """The place of a trunk's name, -1 for none."""
        wanted = name.encode()
        place = bisect.bisect_left(self._names, wanted)
        return place if place < len(self._names) and self._names[place] == wanted else -1

    def bags_of(self, cover: int) -> memoryview[int]:
        """The bags of a cover, as `find` gives it."""
        return self._covers[self._covers_ends[cover - 1] : self._covers_ends[cover]]

    def bag(self, number: int) -> Title | Grantees:
        """What a bag says."""
        said = orjson.loads(self._bags[number])
        if said["kind"] == "title":
            return Title(said["holder"], said["certificate"], *_span(said))
        return Grantees(said["kind"], said["name"], said["holder"])

    @property
    def made(self) -> int:
        """How many trunks are kept as objects."""
        return len(self._made)

    def holders(self) -> Iterator[dict[str, Any]]:
        """What is on record of each holder, in the order of names."""
        for place in range(len(self._holders)):
            yield orjson.loads(self._holders[place])

    def bounds(self) -> Iterator[tuple[int, int]]:
        """Every bound, a packed number, with the cover from there on; 0 for none."""
        at, _ = self.snapshot.place("bounds")
        view, count = self.snapshot.view, self._bounds
        yield from zip(
            view[at : at + 8 * count].cast("q"), view[at + 8 * count : at + 12 * count].cast("I"), strict=True
        )

    def rows(self) -> Iterator[tuple[int, int, int]]:
        """Every range: lowest and highest number, packed, and its cover."""
        for (low, cover), (end, _) in pairwise(self.bounds()):
            if cover:
                yield low, end - 1, cover


def _span(said: dict[str, Any]) -> tuple[float, float]:
    """JSON has no infinity: null stands for no end."""
    return said["since"], FOREVER if said["until"] is None else said["until"]


def terms_from(said: dict[str, Any]) -> Terms:
    """Terms as a snapshot has them."""
    since, until = _span(said)
    return Terms(
        tuple(said["purposes"]),
        said["originate"],
        said["receive"],
        since,
        until,
        said["suspended"],
        said["note"],
        said["sector"],
    )


class Trunks(Mapping[str, Trunk]):
    """All trunks by name, each made when it is asked for."""

    __slots__ = ("_ledger",)

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def __getitem__(self, name: str) -> Trunk:
        place = self._ledger.place(name)
        if place < 0:
            raise KeyError(name)
        return self._ledger.trunk(place)

    def __iter__(self) -> Iterator[str]:
        for place in range(len(self)):
            yield self._ledger.name(place)

    def __len__(self) -> int:
        return len(self._ledger._names)
