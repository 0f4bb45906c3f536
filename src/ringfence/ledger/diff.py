"""What differs between two ledgers, by what they say and not by how their files are cut."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from ringfence.ledger.compile import terms_record
from ringfence.ledger.ledger import Ledger, Trunk
from ringfence.ledger.pack import unpack
from ringfence.ledger.terms import FOREVER, Title

EXAMPLES = 3  # ranges named of each change of numbers

_COMPARED = (
    "holder", "kind", "gateways", "marketing", "purpose", "sector", "trust_identity", "area", "explain",
    "network_blocked", "connected_by", "place", "calls_per_hour", "rules", "sources",
)  # fmt: skip

Say = tuple[str, str, str]
"""What a range says: kind (title, grant, set), whose (holder, trunk, set) and the rest in words."""


@dataclass(slots=True)
class Moved:
    """Numbers that say something in one ledger and not in the other. count: how many; examples: their first ranges."""

    count: int = 0
    ranges: int = 0
    examples: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Difference:
    """Everything that differs.

    holders, trunks: name and what changed: "added", "removed" or the fields. lost, gained: by what was said.
    """

    holders: list[tuple[str, str]] = field(default_factory=list)
    trunks: list[tuple[str, str]] = field(default_factory=list)
    lost: dict[Say, Moved] = field(default_factory=dict)
    gained: dict[Say, Moved] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.holders or self.trunks or self.lost or self.gained)


def difference(old: Ledger, new: Ledger) -> Difference:
    """From one ledger to another."""
    found = Difference()
    found.holders = list(
        _named({one["name"]: one for one in old.holders()}, {one["name"]: one for one in new.holders()})
    )
    found.trunks = list(_trunks(old, new))
    for low, high, before, after in _segments(old, new, _Says(old), _Says(new)):
        for said in before - after:
            _count(found.lost.setdefault(said, Moved()), low, high)
        for said in after - before:
            _count(found.gained.setdefault(said, Moved()), low, high)
    return found


def _count(moved: Moved, low: int, high: int) -> None:
    moved.count += high - low + 1
    moved.ranges += 1
    if len(moved.examples) < EXAMPLES:
        moved.examples.append(unpack(low) if low == high else f"{unpack(low)} to {unpack(high)}")


def _named(old: dict[str, Any], new: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for name in sorted(old.keys() | new.keys()):
        if name not in new:
            yield name, "removed"
        elif name not in old:
            yield name, "added"
        else:
            changed = [key for key in new[name] if new[name][key] != old[name].get(key)]
            if changed:
                yield name, ", ".join(changed)


def _trunks(old: Ledger, new: Ledger) -> Iterator[tuple[str, str]]:
    """Both are in the order of names: side by side, so that no more than two are in memory."""
    one, other = 0, 0
    while one < len(old.trunks) or other < len(new.trunks):
        before = old.name(one).encode() if one < len(old.trunks) else None
        after = new.name(other).encode() if other < len(new.trunks) else None
        if after is None or (before is not None and before < after):
            assert before is not None
            yield before.decode(), "removed"
            one += 1
        elif before is None or after < before:
            yield after.decode(), "added"
            other += 1
        else:
            changed = _changed(old.trunk(one), new.trunk(other))
            if changed:
                yield after.decode(), changed
            one += 1
            other += 1


def _changed(old: Trunk, new: Trunk) -> str:
    return ", ".join(name for name in _COMPARED if getattr(old, name) != getattr(new, name)) + _sets(old, new)


def _sets(old: Trunk, new: Trunk) -> str:
    """Sets that are granted otherwise; their numbers may be the same."""
    before, after = _set_grants(old), _set_grants(new)
    names = sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))
    return f" sets {', '.join(names)}" if names else ""


def _set_grants(trunk: Trunk) -> dict[str, Any]:
    found = {}
    for bag, terms in trunk.grants.items():
        said = trunk.ledger.bag(bag)
        if not isinstance(said, Title) and said.kind == "set":
            found[said.name] = sorted(terms)
    return found


class _Says:
    """What the covers of a ledger say, each worked out once."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._bags: dict[int, Say] = {}
        self._covers: dict[int, frozenset[Say]] = {0: frozenset()}

    def __call__(self, cover: int) -> frozenset[Say]:
        said = self._covers.get(cover)
        if said is None:
            said = self._covers[cover] = frozenset(self._bag(bag) for bag in self._ledger.bags_of(cover))
        return said

    def _bag(self, bag: int) -> Say:
        said = self._bags.get(bag)
        if said is None:
            said = self._bags[bag] = self._say(bag)
        return said

    def _say(self, bag: int) -> Say:
        said = self._ledger.bag(bag)
        if isinstance(said, Title):
            span = "" if said.until == FOREVER else f" until {said.until:.0f}"
            return "title", said.holder, f"{said.certificate} from {said.since:.0f}{span}"
        if said.kind == "set":
            return "set", said.name, said.holder
        terms = self._ledger.trunks[said.name].grants[bag]
        return "grant", said.name, "; ".join(str(terms_record(each)) for each in terms) + said.holder


def _segments(
    old: Ledger, new: Ledger, old_says: _Says, new_says: _Says
) -> Iterator[tuple[int, int, frozenset[Say], frozenset[Say]]]:
    """Stretches of numbers that say something else in the two."""
    one, other = old.bounds(), new.bounds()
    before, after = next(one, None), next(other, None)
    at, was, becomes = 0, 0, 0
    while before is not None or after is not None:
        step = min(bound[0] for bound in (before, after) if bound is not None)
        if was or becomes:
            said, says = old_says(was), new_says(becomes)
            if said != says:
                yield at, step - 1, said, says
        at = step
        if before is not None and before[0] == step:
            was = before[1]
            before = next(one, None)
        if after is not None and after[0] == step:
            becomes = after[1]
            after = next(other, None)
