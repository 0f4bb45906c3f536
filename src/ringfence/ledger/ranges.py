"""Sets of numbers as one sorted array: millions of ranges, no Python object each."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Iterable


def pack(value: str) -> int:
    """A number's value as an integer that keeps its length and sort.

    value: E.164 with the plus, or a code's digits; at most 15 digits. E.164 gets a leading 1 and a code a leading 2, so
    +10086 and 10086 differ and numbers of unlike length never fall into one range. Raises ValueError on anything else.
    """
    return int("1" + value[1:]) if value[0] == "+" else int("2" + value)


class RangeSet:
    """An immutable set of numbers.

    Built from inclusive (low, high) pairs of packed numbers, in any order; overlapping and touching pairs are merged.
    """

    __slots__ = ("_edges",)

    def __init__(self, spans: Iterable[tuple[int, int]] = ()) -> None:
        # Rising edges at even places, falling edges (high + 1) at odd ones: an odd bisect means inside.
        edges = array("q")
        for low, high in sorted(spans):
            if edges and low <= edges[-1]:
                if high >= edges[-1]:
                    edges[-1] = high + 1
            else:
                edges.append(low)
                edges.append(high + 1)
        self._edges = edges

    def __contains__(self, value: str) -> bool:
        """Whether the set holds a number, given as `Number.value` ("" is never in it)."""
        edges = self._edges
        if not edges or not value:
            return False
        return bisect_right(edges, int("1" + value[1:]) if value[0] == "+" else int("2" + value)) & 1 == 1

    def __len__(self) -> int:
        """How many disjoint ranges there are."""
        return len(self._edges) // 2

    def __repr__(self) -> str:
        return f"RangeSet({len(self)} ranges)"
