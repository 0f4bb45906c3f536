"""What is wrong with a ledger, and where."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from ringfence.errors import RingfenceError

Location = tuple[str | int, ...]
MAX_FAULTS = 1000  # a file with more is the wrong file


class Place(NamedTuple):
    """Where something is written.

    location: keys and positions from the settings' root, `("trunks", 2, "numbers", 0)`; () in the ledger's files.
    file, line, column: in a file, 1-based; "" and 0 when it stands in the settings themselves.
    path: of a key within a YAML file of the ledger, `trunks[2].numbers[0]`.
    """

    location: Location = ()
    file: str = ""
    line: int = 0
    column: int = 0
    path: str = ""

    def __str__(self) -> str:
        if not self.file:
            return f"numbers[{self.location[-1]}]"
        return f"{self.file}:{self.line}" if self.line else self.file


class LedgerFault:
    """One thing to mend. late: it is only a day that has come; what is in force goes on, calls are refused by it."""

    __slots__ = ("late", "message", "place")

    def __init__(self, place: Place, message: str, late: bool = False) -> None:
        self.place = place
        self.message = message
        self.late = late

    @property
    def location(self) -> Location:
        """Where in the settings."""
        return self.place.location

    def __str__(self) -> str:
        place = self.place
        path = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in place.location).lstrip(".")
        if not place.file:
            return f"{path}: {self.message}"
        where = f"{place.file}:{place.line}" if place.line else place.file
        where += f":{place.column}" if place.column else ""
        if place.path:
            return f"{where}: {place.path}: {self.message}"
        return f"{where}: {self.message}" + (f" ({path})" if path else "")


class LedgerError(RingfenceError):
    """The ledger cannot be used; `faults` holds every reason found, at most MAX_FAULTS."""

    def __init__(self, faults: Sequence[LedgerFault]) -> None:
        self.faults = list(faults[:MAX_FAULTS])
        if len(faults) > MAX_FAULTS:
            self.faults.append(LedgerFault(faults[MAX_FAULTS].place, "and more: only the first are named"))
        super().__init__("\n".join(str(fault) for fault in self.faults))
