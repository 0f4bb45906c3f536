"""Rows of numbers that may overlap, resolved once into disjoint ranges; what contradicts comes out beside them.

A row belongs to a *bag*: all rows that say the same (one title, one grant's terms, one set). A *cover* is the set of
bags that hold a number. Bags are of a family: titles to numbers, grants and sets of the ledger, or trunks written in
the settings, which are taken at their word.
"""

from __future__ import annotations

from array import array
from bisect import insort

from ringfence.ledger.pack import Buffer

DEPTH = 64  # rows over one number; a cleaner ledger has two, and each costs time for every other
MAX_REPORTS = 1000  # contradictions named in one go; a ledger with more is wrong as a whole

TITLE, LEDGER, INLINE = 0, 1, 2
NOBODY = 0xFFFFFFFF  # holder of a bag whose numbers need no title

Flat = tuple[bytes, bytes, list[bytes], bytes, bytes, int]
"""Where a cover begins, up to the next such bound (int64, sorted), and which (uint32: 0 for none, the others from 1
on); each cover's bags (uint32, sorted); pairs of rows that say a number twice, and rows that no title of their holder
covers (uint32, at most MAX_REPORTS of each); the first row that lies more than DEPTH deep, or -1: then nothing else is
to be used."""


def flatten(lows: Buffer, highs: Buffer, bags: Buffer, noted: Buffer, families: Buffer, holders: Buffer) -> Flat:
    """Disjoint ranges from rows in any order.

    lows, highs (int64, inclusive), bags (uint32), noted (a byte: repeats are meant): one entry a row.
    families (a byte), holders (uint32): one entry a bag. Raises ValueError when these do not fit together.
    """
    made = _Flat(
        memoryview(lows).cast("B").cast("q"), memoryview(highs).cast("B").cast("q"),
        memoryview(bags).cast("B").cast("I"), bytes(noted), bytes(families), memoryview(holders).cast("B").cast("I"),
    )  # fmt: skip
    return made.result()


class _Flat:
    """A sweep from the lowest number to the highest."""

    def __init__(
        self,
        lows: memoryview[int],
        highs: memoryview[int],
        bags: memoryview[int],
        noted: bytes,
        families: bytes,
        holders: memoryview[int],
    ) -> None:
        rows = len(lows)
        if not len(highs) == len(bags) == len(noted) == rows or len(holders) != len(families):
            raise ValueError("the columns do not fit together")
        if any(bag >= len(families) for bag in bags) or any(
            not 0 <= low <= high for low, high in zip(lows, highs, strict=True)
        ):
            raise ValueError("the columns do not fit together")
        self._lows, self._highs, self._bags, self._noted = lows, highs, bags, noted
        self._families, self._holders = families, holders
        self._active: list[int] = []
        self._told = bytearray(rows)
        self._covers: dict[bytes, int] = {}
        self._bounds = array("q")
        self._out_covers = array("I")
        self._end = 0  # behind the last range that was put out ...
        self._last = 0  # ... and its cover
        self._clashes = array("I")
        self._outside = array("I")
        self._too_deep = -1

    def result(self) -> Flat:
        start = 0
        for row in sorted(range(len(self._lows)), key=self._lows.__getitem__):
            low = self._lows[row]
            self._advance(start, low)
            start = low
            self._clash(row)
            if len(self._active) == DEPTH:
                self._too_deep = row
                break
            self._active.append(row)
        else:
            self._advance(start, 1 << 62)
            if self._last:
                self._bound(self._end, 0)
        return (
            self._bounds.tobytes(), self._out_covers.tobytes(), list(self._covers),
            self._clashes.tobytes(), self._outside.tobytes(), self._too_deep,
        )  # fmt: skip

    def _bound(self, at: int, cover: int) -> None:
        self._bounds.append(at)
        self._out_covers.append(cover)

    def _advance(self, start: int, until: int) -> None:
        """Close what ends before `until`."""
        highs = self._highs
        while self._active:
            end = min(highs[row] for row in self._active)
            if end >= until:
                if start < until:
                    self._emit(start, until - 1)
                return
            if start <= end:
                self._emit(start, end)
            start = end + 1
            self._active = [row for row in self._active if highs[row] > end]

    def _emit(self, low: int, high: int) -> None:
        bags: list[int] = []
        for row in self._active:
            if self._bags[row] not in bags:
                insort(bags, self._bags[row])
        cover = self._covers.setdefault(array("I", bags).tobytes(), len(self._covers) + 1)
        self._untitled(bags)
        if self._last and self._end != low:
            self._bound(self._end, 0)
        if self._end != low or self._last != cover:
            self._bound(low, cover)
        self._end, self._last = high + 1, cover

    def _untitled(self, bags: list[int]) -> None:
        titled = {self._holders[bag] for bag in bags if self._families[bag] == TITLE}
        for row in self._active:
            bag = self._bags[row]
            if self._families[bag] == TITLE or self._told[row]:
                continue
            if self._holders[bag] != NOBODY and self._holders[bag] not in titled:
                self._told[row] = 1
                if len(self._outside) < MAX_REPORTS:
                    self._outside.append(row)

    def _clash(self, row: int) -> None:
        bag = self._bags[row]
        family = self._families[bag]
        for other in self._active:
            if self._families[self._bags[other]] != family or (family > LEDGER and self._bags[other] != bag):
                continue
            if family <= LEDGER and (self._noted[row] or self._noted[other]):
                continue
            if len(self._clashes) < 2 * MAX_REPORTS:
                self._clashes += array("I", (min(row, other), max(row, other)))
