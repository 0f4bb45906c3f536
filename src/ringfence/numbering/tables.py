"""A plan's file to tables that are looked up by prefix and length: each number finds one class, or none."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from ringfence.errors import RingfenceError
from ringfence.numbering.number import BAD_SUBSCRIBER, NO_CLASS, NumberClass
from ringfence.numbering.plan_settings import ClassSettings, PlanSettings, expanded, lengths_of

Location = tuple[str | int, ...]
LONGEST_AREA = 6  # digits; more would be a number, not an area


class PlanFault:
    """One thing to mend. location: from the plan file's root, `("classes", "mobile", "prefixes", 2)`; for what the
    settings add, `("assigned", "mobile", 0)` with `own` False."""

    __slots__ = ("location", "message", "own")

    def __init__(self, location: Location, message: str, own: bool = True) -> None:
        self.location = location
        self.message = message
        self.own = own

    def __str__(self) -> str:
        path = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in self.location)
        return f"{path.lstrip('.')}: {self.message}"


class PlanError(RingfenceError):
    """The plan contradicts itself; `faults` holds every reason found."""

    def __init__(self, faults: Iterable[PlanFault]) -> None:
        self.faults = list(faults)
        super().__init__("\n".join(str(fault) for fault in self.faults))


class Slot:
    """What numbers of one prefix and length are. irregular: as `Number.irregular`, "" for regular ones."""

    __slots__ = ("area", "class_", "irregular", "province")

    def __init__(self, class_: NumberClass, area: str = "", province: str = "", irregular: str = "") -> None:
        self.class_ = class_
        self.area = area
        self.province = province
        self.irregular = irregular


class Table:
    """Prefix and length to slot; of several prefixes the longest that has the length counts."""

    __slots__ = ("_divided", "_nodes", "_own", "_sizes")

    def __init__(self) -> None:
        self._own: dict[str, dict[int, Slot]] = {}
        self._nodes: dict[str, dict[int, Slot]] = {}
        self._sizes: tuple[int, ...] = ()
        self._divided: dict[int, set[str]] = {}  # by their length: digits behind which longer prefixes begin

    def add(self, prefix: str, length: int, slot: Slot) -> Slot:
        """Enter a slot, unless one stands there already; gives the one that stands there now."""
        return self._own.setdefault(prefix, {}).setdefault(length, slot)

    def finish(self) -> None:
        """Let each prefix know what the shorter ones say, so that one look finds the answer."""
        self._nodes = {}
        for prefix in sorted(self._own, key=len):
            shorter = [prefix[:size] for size in range(len(prefix) - 1, 0, -1)]
            above = next((self._nodes[each] for each in shorter if each in self._nodes), {})
            self._nodes[prefix] = above | self._own[prefix]
        self._sizes = tuple(sorted({len(prefix) for prefix in self._own}, reverse=True))
        for prefix in self._own:
            for size in range(1, len(prefix)):
                self._divided.setdefault(size, set()).add(prefix[:size])

    def slot(self, digits: str) -> Slot | None:
        """What a number is, None where the plan has none of its beginning and length."""
        nodes = self._nodes
        for size in self._sizes:
            node = nodes.get(digits[:size])
            if node is not None:
                return node.get(len(digits))
        return None

    def longest(self, digits: str) -> int:
        """Digits of the longest number that begins like this one; 0 when none does."""
        for size in self._sizes:
            node = self._nodes.get(digits[:size])
            if node is not None:
                return max(node)
        return 0

    def longest_speaking(self) -> int:
        """Digits of the longest number that is more than a machine's."""
        speaking = [
            length for own in self._own.values() for length, slot in own.items() if slot.class_.caller != "no_voice"
        ]
        return max(speaking, default=0)

    def starts(self, prefix: str, behind_area: bool = False) -> list[tuple[str, int]]:
        """Beginnings with their length that together are all numbers of the table that begin with `prefix`.

        behind_area: only of codes that may stand behind an area code.
        """
        found: list[tuple[str, int]] = []
        for own, lengths in self._own.items():
            if own.startswith(prefix) or prefix.startswith(own):
                start = max(own, prefix, key=len)
                found += [
                    (start, length)
                    for length, slot in lengths.items()
                    if length >= len(start) and (slot.class_.behind_area or not behind_area)
                ]
        known = set(found)
        return sorted(
            (start, length)
            for start, length in known
            if not any((start[:n], length) in known for n in range(1, len(start)))
        )

    def beginning(self, digits: str) -> tuple[NumberClass, int, int]:
        """Of numbers that begin like `digits`: their class, digits of the prefix that tells it, fewest digits.

        Of the prefixes that begin `digits` the longest counts, else the shortest of those that `digits` begins; what is
        nobody's only where there is nothing else.
        """
        nobodys = (NO_CLASS, 0, 0)
        for prefix in self._around(digits):
            lengths = self._own[prefix]
            fewest = min((length for length in lengths if length >= len(digits)), default=min(lengths))
            slot = lengths[fewest]
            found = slot.class_, len(slot.area or prefix), fewest
            if slot.class_.caller != "unassigned":
                return found
            if nobodys[0] is NO_CLASS:
                nobodys = found
        return nobodys

    def _around(self, digits: str) -> Iterator[str]:
        """Prefixes that begin `digits`, the longest first, then those that `digits` begins, the shortest first."""
        own = self._own
        for size in self._sizes:
            if size <= len(digits) and digits[:size] in own:
                yield digits[:size]
        yield from sorted((each for each in own if len(each) > len(digits) and each.startswith(digits)), key=len)

    def differ_behind(self, digits: str) -> bool:
        """Whether a longer prefix than these digits begins with them."""
        return digits in self._divided.get(len(digits), ())


class Tables:
    """A plan, ready to look numbers up in.

    areas: code to province ("" unknown). local_lengths: digits of subscriber numbers. longest: digits of the longest
    national number that anybody speaks from.
    """

    __slots__ = ("_operators", "areas", "classes", "codes", "local_lengths", "longest", "numbers")

    def __init__(self, plan: PlanSettings, assigned: Mapping[str, tuple[str, ...]]) -> None:
        """assigned: the operator's prefixes by class. Raises PlanError with every contradiction."""
        self.numbers = Table()
        self.codes = Table()
        self.areas: dict[str, str] = {}
        self.classes = {name: _class(name, settings) for name, settings in plan.classes.items()}
        self.local_lengths: frozenset[int] = frozenset()
        self._operators: set[Slot] = set()
        sizes: dict[str, range] = {}
        faults = [*_dialled_beginnings(plan), *self._read_areas(plan, sizes)]
        # The operator's come first: what stands in a table stays.
        faults += self._assign(plan, assigned, sizes)
        for name, settings in plan.classes.items():
            if settings.form == "area":
                self._enter_areas(self.classes[name], plan.subscriber_starts, sizes)
            else:
                faults += self._enter(name, settings)
        if faults:
            raise PlanError(faults)
        self.numbers.finish()
        self.codes.finish()
        self.longest = self.numbers.longest_speaking()

    def area_of(self, digits: str) -> str:
        """The area code that national digits begin with, "" for none; the longest that fits."""
        for size in range(min(len(digits), LONGEST_AREA), 0, -1):
            if digits[:size] in self.areas:
                return digits[:size]
        return ""

    def _read_areas(self, plan: PlanSettings, sizes: dict[str, range]) -> Iterator[PlanFault]:
        """Learn every area code with its province and the lengths behind it."""
        groups: list[tuple[Location, str, str, tuple[str, ...]]] = [
            (("provinces", key, "areas", lengths), key, lengths, entries)
            for key, province in plan.provinces.items()
            for lengths, entries in province.areas.items()
        ]
        groups += [(("other_areas", lengths), "", lengths, entries) for lengths, entries in plan.other_areas.items()]
        for location, province, lengths, entries in groups:
            for position, entry in enumerate(entries):
                for area in expanded(entry):
                    if area in self.areas:
                        yield PlanFault((*location, position), f"area code {area} is given twice")
                    elif len(area) > LONGEST_AREA:
                        yield PlanFault((*location, position), f"{area} is longer than an area code")
                    else:
                        self.areas[area] = province
                        sizes[area] = lengths_of(lengths)
                        self.local_lengths |= set(sizes[area])

    def _enter_areas(self, class_: NumberClass, starts: str, sizes: Mapping[str, range]) -> None:
        for area, lengths in sizes.items():
            good = Slot(class_, area, self.areas[area])
            bad = Slot(class_, area, self.areas[area], BAD_SUBSCRIBER)
            for size in lengths:
                self.numbers.add(area, len(area) + size, bad)
                for start in starts:
                    self.numbers.add(area + start, len(area) + size, good)

    def _enter(self, name: str, settings: ClassSettings) -> Iterator[PlanFault]:
        slot = Slot(self.classes[name])
        table = self.codes if settings.form == "code" else self.numbers
        for position, entry in enumerate(settings.prefixes):
            for prefix in expanded(entry):
                for length in settings.digits:
                    other = table.add(prefix, length, slot)
                    if other is not slot and other not in self._operators:
                        message = f"{prefix} with {length} digits is also {other.class_.name}"
                        yield PlanFault(("classes", name, "prefixes", position), message)

    def _assign(
        self, plan: PlanSettings, assigned: Mapping[str, tuple[str, ...]], sizes: Mapping[str, range]
    ) -> Iterator[PlanFault]:
        for name, entries in assigned.items():
            settings = plan.classes.get(name)
            if settings is None:
                known = ", ".join(sorted(plan.classes))
                yield PlanFault(("assigned", name), f"the plan has no such class; there are: {known}", own=False)
                continue
            for position, entry in enumerate(entries):
                try:
                    for prefix in expanded(entry):
                        self._assign_one(name, settings, prefix, sizes)
                except ValueError as error:
                    yield PlanFault(("assigned", name, position), str(error), own=False)

    def _assign_one(self, name: str, settings: ClassSettings, prefix: str, sizes: Mapping[str, range]) -> None:
        area = "" if settings.form == "code" else self.area_of(prefix)
        slot = Slot(self.classes[name], area, self.areas.get(area, ""))
        self._operators.add(slot)
        lengths: Iterable[int] = settings.digits
        if settings.form == "area":
            lengths = [len(area) + size for size in sizes.get(area, ())]
        fitting = [length for length in lengths if length >= len(prefix)]
        if not fitting:
            raise ValueError(f"{prefix}: no number of the class {name} begins so")
        table = self.codes if settings.form == "code" else self.numbers
        for length in fitting:
            other = table.add(prefix, length, slot)
            if other is not slot:
                raise ValueError(f"{prefix} is also assigned to {other.class_.name}")


def _dialled_beginnings(plan: PlanSettings) -> Iterator[PlanFault]:
    """Numbers that nobody could dial, since they begin with what is dialled before a number."""
    dialling = plan.dialling
    for name, settings in plan.classes.items():
        before = dialling.international_prefixes if settings.form == "code" else ()
        if dialling.trunk_prefix:
            before = (*before, dialling.trunk_prefix)
        for position, entry in enumerate(settings.prefixes):
            for prefix in expanded(entry):
                if prefix.startswith(before):
                    message = f"{prefix} begins like the prefixes that are dialled before a number"
                    yield PlanFault(("classes", name, "prefixes", position), message)
                    break


def _class(name: str, settings: ClassSettings) -> NumberClass:
    return NumberClass(
        name,
        settings.title,
        settings.form,
        settings.caller,
        settings.from_abroad,
        frozenset(settings.only_on),
        settings.province_bound,
        settings.suffix,
        settings.shared,
        settings.behind_area,
        frozenset(settings.features),
    )
