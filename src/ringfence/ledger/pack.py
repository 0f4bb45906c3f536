"""Numbers as integers that sort, and what the ledger's columns of them are made of."""

from __future__ import annotations

from array import array
from mmap import mmap
from typing import TypeAlias

Buffer: TypeAlias = "bytes | bytearray | memoryview[int] | mmap | array[int]"
"""What holds columns of integers in the machine's own byte order."""


def pack(value: str) -> int:
    """A number's value as an integer that keeps its length and sort.

    value: E.164 with the plus, or a code's digits; at most 15 digits. E.164 gets a leading 1 and a code a leading 2, so
    +10086 and 10086 differ and numbers of unlike length never fall into one range. Raises ValueError on anything else.
    """
    return int("1" + value[1:]) if value[0] == "+" else int("2" + value)


def unpack(packed: int) -> str:
    """The value that `pack` packed."""
    text = str(packed)
    return ("+" if text[0] == "1" else "") + text[1:]
