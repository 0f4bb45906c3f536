"""Settings and number files to a ledger, or every fault that stands in the way."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from ringfence.errors import RingfenceError
from ringfence.ledger.ledger import Ledger, SourceKey, Trunk, source_key
from ringfence.ledger.number_file import NumberRow, RowFault, read_rows
from ringfence.ledger.ranges import RangeSet, pack
from ringfence.ledger.settings import NumberSettings, TrunkSettings
from ringfence.numbering import Kind, Numbering

Location = tuple[str | int, ...]
ReadFile = Callable[[Path], bytes]


class LedgerFault:
    """One thing to mend.

    location: keys and positions from the settings' root, `("trunks", 2, "numbers", 0)`.
    file, line, column: where in a number file, 1-based; "" and 0 when the fault is in the settings themselves.
    """

    __slots__ = ("column", "file", "line", "location", "message")

    def __init__(self, location: Location, message: str, file: str = "", line: int = 0, column: int = 0) -> None:
        self.location = location
        self.message = message
        self.file = file
        self.line = line
        self.column = column

    def __str__(self) -> str:
        path = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in self.location).lstrip(".")
        if not self.file:
            return f"{path}: {self.message}"
        place = f"{self.file}:{self.line}" if self.line else self.file
        place += f":{self.column}" if self.column else ""
        return f"{place}: {self.message} ({path})"


class LedgerError(RingfenceError):
    """The ledger cannot be used; `faults` holds every reason found.

    trunks: all of them in their order, for whoever looks for further faults.
    """

    def __init__(self, faults: Sequence[LedgerFault], trunks: Sequence[Trunk] = ()) -> None:
        self.faults = list(faults)
        self.trunks = list(trunks)
        super().__init__("\n".join(str(fault) for fault in self.faults))


def build_ledger(
    trunks: Sequence[TrunkSettings], numbering: Numbering, base_dir: Path, generation: int, read: ReadFile
) -> Ledger:
    """One snapshot of all trunks.

    base_dir: where relative file names of number files start. read: gives a file's bytes, raises OSError.
    Raises LedgerError with all faults: names or sources claimed twice, numbers that cannot be read, inverted or
    overlapping ranges, bad files. Nothing is built from a part of the settings.
    """
    faults = list(_claims(trunks))
    built: list[Trunk] = []
    for position, settings in enumerate(trunks):
        grants = _Grants(numbering, settings.area, ("trunks", position, "numbers"))
        for place, entry in enumerate(settings.numbers):
            grants.add(place, entry, base_dir, read)
        faults += grants.faults()
        built.append(
            Trunk(
                name=settings.name,
                holder=settings.holder,
                kind=settings.kind,
                sources=tuple(settings.sources),
                gateways=settings.gateways,
                numbers=RangeSet((low, high) for low, high, _ in grants.spans),
                marketing=settings.marketing,
                trust_identity=settings.trust_identity,
                area=settings.area,
                province=settings.province or numbering.province_of(settings.area or ""),
                diversion_hops=settings.diversion_hops,
                explain=settings.explain,
                network_blocked=settings.network_blocked,
                rules=settings.rules,
            )
        )
    if faults:
        raise LedgerError(faults, built)
    return Ledger(generation, built)


def _claims(trunks: Sequence[TrunkSettings]) -> Iterable[LedgerFault]:
    """Names and sources that two trunks claim."""
    names: dict[str, int] = {}
    sources: dict[SourceKey | str, str] = {}
    for position, trunk in enumerate(trunks):
        if trunk.name in names:
            yield LedgerFault(("trunks", position, "name"), f"{trunk.name} is also trunks[{names[trunk.name]}]")
        names.setdefault(trunk.name, position)
        for place, source in enumerate(trunk.sources):
            key = source.certificate.lower() if source.certificate is not None else source_key(source)
            if key in sources:
                location = ("trunks", position, "sources", place)
                yield LedgerFault(location, f"trunk {sources[key]} has this source already")
            sources.setdefault(key, trunk.name)


class _Grants:
    """The numbers of one trunk while they are collected."""

    def __init__(self, numbering: Numbering, area: str | None, location: Location) -> None:
        self.spans: list[tuple[int, int, int]] = []  # low, high, index into _places
        self._places: list[tuple[Location, str, int]] = []  # settings, file, line
        self._faults: list[LedgerFault] = []
        self._numbering = numbering
        self._area = area
        self._location = location

    def add(self, position: int, entry: NumberSettings, base_dir: Path, read: ReadFile) -> None:
        location = (*self._location, position)
        if entry.file is None:
            row = NumberRow(0, entry.number, entry.prefix, entry.from_, entry.to)
            self._take(location, "", row)
            return
        path = base_dir / entry.file
        try:
            data = read(path)
        except OSError as error:
            reason = error.strerror or type(error).__name__
            self._faults.append(LedgerFault((*location, "file"), f"cannot be read: {reason}", str(path)))
            return
        for item in read_rows(data):
            if isinstance(item, RowFault):
                self._faults.append(LedgerFault(location, item.message, str(path), item.line, item.column))
            else:
                self._take(location, str(path), item)

    def faults(self) -> list[LedgerFault]:
        """All faults; overlaps are looked for only when everything could be read."""
        if self._faults:
            return self._faults
        return list(self._overlaps())

    def _take(self, location: Location, file: str, row: NumberRow) -> None:
        try:
            spans = self._read(row)
        except _BadNumber as error:
            where = location if file else (*location, error.field)
            column = row.column(error.field) if file else 0
            self._faults.append(LedgerFault(where, str(error), file, row.line, column))
            return
        place = len(self._places)
        self._places.append((location, file, row.line))
        self.spans += [(low, high, place) for low, high in spans]

    def _read(self, row: NumberRow) -> list[tuple[int, int]]:
        if row.number is not None:
            packed = self._packed("number", row.number)
            return [(packed, packed)]
        if row.prefix is not None:
            try:
                spans = self._numbering.prefix_spans(row.prefix)
            except ValueError as error:
                raise _BadNumber("prefix", str(error)) from None
            return [(pack(low), pack(high)) for low, high in spans]
        assert row.from_ is not None and row.to is not None
        low, high = self._packed("from", row.from_), self._packed("to", row.to)
        if len(str(low)) != len(str(high)) or str(low)[0] != str(high)[0]:
            raise _BadNumber("to", "from and to differ in length: a range has numbers of one length")
        if low > high:
            raise _BadNumber("to", "to is below from")
        return [(low, high)]

    def _packed(self, field: str, text: str) -> int:
        number = self._numbering.read(text, area=self._area)
        if number.kind is not Kind.E164 and number.kind is not Kind.SHORT:
            raise _BadNumber(field, f"not a number that the plan reads ({number.kind})")
        return pack(number.value)

    def _overlaps(self) -> Iterable[LedgerFault]:
        self.spans.sort()
        reported: set[int] = set()
        reach = (0, -1, 0)  # of all spans so far the one that ends last
        for span in self.spans:
            low, high, place = span
            if low <= reach[1] and place not in reported:
                reported.add(place)
                location, file, line = self._places[place]
                yield LedgerFault(location, f"overlaps {self._place(reach[2])}", file, line)
            if high > reach[1]:
                reach = span

    def _place(self, index: int) -> str:
        location, file, line = self._places[index]
        return f"{file}:{line}" if file else f"numbers[{location[-1]}]"


class _BadNumber(ValueError):
    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field
