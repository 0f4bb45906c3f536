"""What is wrong with a configuration, and where: one line an operator can jump to."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ringfence.errors import RingfenceError

Location = tuple[str | int, ...]
"""Keys and list positions from the root: `("trunks", 2, "name")`."""


class Fault:
    """One thing to mend.

    file: as the operator named it, or `environment RINGFENCE_…`; line, column: 1-based, 0 when there is none.
    path: `trunks[2].name`, or "" for the whole file.
    """

    __slots__ = ("column", "file", "line", "message", "path")

    def __init__(self, file: str, line: int, path: str, message: str, column: int = 0) -> None:
        self.file = file
        self.line = line
        self.path = path
        self.message = message
        self.column = column

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}" if self.line else self.file
        where += f":{self.column}" if self.column else ""
        return f"{where}: {self.path}: {self.message}" if self.path else f"{where}: {self.message}"

    def __repr__(self) -> str:
        return f"Fault({str(self)!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Fault) and str(self) == str(other)

    def __hash__(self) -> int:
        return hash(str(self))


class ConfigError(RingfenceError):
    """The configuration cannot be used; `faults` holds every reason found, in file order."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults: list[Fault] = sorted(faults, key=lambda fault: (fault.file, fault.line, fault.column, fault.path))
        super().__init__("\n".join(str(fault) for fault in self.faults))


def path_text(location: Sequence[str | int]) -> str:
    """`("trunks", 2, "name")` as `trunks[2].name`; positions count from 0, as in YAML tools."""
    text = ""
    for part in location:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            text += f".{part}" if text else part
    return text
