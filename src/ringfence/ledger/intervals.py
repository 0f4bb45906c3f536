"""One number among millions of ranges that lie in a buffer as sorted bounds, never as Python objects."""

from __future__ import annotations

from bisect import bisect_right

from ringfence.ledger.pack import Buffer

RECORD = 12  # bytes a bound: the number as int64, what covers from there on as uint32; each a column of its own


class Intervals:
    """The bounds of a buffer.

    buffer: `count` bounds and as many covers, in the machine's byte order, from `offset` on (a multiple of 8).
    Raises ValueError when the buffer is shorter.
    """

    __slots__ = ("_bounds", "_covers")

    def __init__(self, buffer: Buffer, offset: int, count: int) -> None:
        view = memoryview(buffer).cast("B")
        if offset < 0 or offset % 8 or count < 0 or offset + count * RECORD > len(view):
            raise ValueError("the buffer does not hold so many bounds there")
        end = offset + 8 * count
        self._bounds = view[offset:end].cast("q")
        self._covers = view[end : end + 4 * count].cast("I")

    def find(self, value: str) -> int:
        """The cover of a number, given as `Number.value`; 0 when no range has it, or it is no number."""
        digits = value[1:] if value[:1] == "+" else value
        if not (digits.isascii() and digits.isdigit()) or len(digits) > 15:
            return 0
        number = int("1" + digits) if digits is not value else int("2" + digits)
        place = bisect_right(self._bounds, number)
        return self._covers[place - 1] if place else 0
