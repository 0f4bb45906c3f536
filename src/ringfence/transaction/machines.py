"""Machines by digest: the table that every message asks, large and mostly cold.

A digest is 62 bits of Python's own hash of bytes, SipHash under a key of this process (the daemon refuses to start with
a fixed one): nobody outside can bring two keys together, and by chance two of a million share one once in some 10^7
tables. With it a machine needs no key that lives as long as it does, and the compiled twin finds it by one cache line
where a dictionary reads four.
"""

from __future__ import annotations

from typing import Final, Generic, TypeVar

from ringfence.sip.chosen import chosen

Machine = TypeVar("Machine")
MASK: Final = (1 << 62) - 1  # what compiled Python holds without an object


def digest_pure(key: bytes) -> int:
    """0 <= digest < 2**62, the same for the same bytes as long as this process lives."""
    return hash(key) & MASK


class MachinesPure(Generic[Machine]):
    """Machines by the digests of their keys."""

    __slots__ = ("_machines",)

    def __init__(self) -> None:
        self._machines: dict[int, Machine] = {}

    def __len__(self) -> int:
        return len(self._machines)

    def get(self, digest: int, /) -> Machine | None:
        """The machine of that digest, None where there is none."""
        return self._machines.get(digest)

    def add(self, digest: int, machine: Machine, /) -> None:
        """Take a machine in, in place of one that has its digest."""
        self._machines[digest] = machine

    def remove(self, digest: int, /) -> None:
        """Take a machine out; nothing happens if it is out already."""
        self._machines.pop(digest, None)

    def values(self, /) -> list[Machine]:
        """All of them, in no order."""
        return list(self._machines.values())


digest = chosen("digest", digest_pure)
Machines = chosen("Machines", MachinesPure)
