"""Rows of numbers by the million, each with its bag and the line that it stands on, in columns."""

from __future__ import annotations

from array import array
from bisect import bisect_right

from ringfence.ledger.faults import Place
from ringfence.ledger.scan import Scan


class Rows:
    """Ranges that titles, sets and grants name, in the order they were read.

    lows, highs: packed; bags: what each belongs to; noted: that a repeat is meant.
    """

    def __init__(self) -> None:
        self.lows = array("q")
        self.highs = array("q")
        self.bags = array("I")
        self.noted = bytearray()
        self._lines = array("I")
        self._starts: list[int] = []  # first row of each stretch of rows from one place ...
        self._places: list[Place] = []  # ... and that place; the line is the row's own where the place has none

    def __len__(self) -> int:
        return len(self.lows)

    def add(self, low: int, high: int, bag: int, place: Place, noted: bool) -> None:
        """One range."""
        stretch = place._replace(line=0, column=0)
        if not self._places or self._places[-1] != stretch:
            self._starts.append(len(self.lows))
            self._places.append(stretch)
        self.lows.append(low)
        self.highs.append(high)
        self.bags.append(bag)
        self.noted.append(noted)
        self._lines.append(place.line)

    def add_scan(self, scan: Scan, bags: array[int], file: Place) -> int:
        """All regular lines of a file, with the bag of each; the number of the first row."""
        first = len(self.lows)
        lows, highs, _, lines, noted, *_ = scan
        self._starts.append(first)
        self._places.append(file)
        self.lows.frombytes(lows)
        self.highs.frombytes(highs)
        self.bags.extend(bags)
        self.noted += noted
        self._lines.frombytes(lines)
        return first

    def place(self, row: int) -> Place:
        """Where a row is written."""
        return self._places[bisect_right(self._starts, row) - 1]._replace(line=self._lines[row])
