"""The regular lines of a table of numbers, read without an object a line; all others are handed back as they are.

A line is regular when it is valid text without quotes, has as many fields as the header, and names one number or one
range in E.164 with a plus, 9 to 15 digits, whose both ends share their first seven digits. Such a line says what
it says by itself; whether the plan reads numbers of its *shape* (first seven digits and length) as they are written
is asked once a shape, not once a line.
"""

from __future__ import annotations

import re
from array import array

from ringfence.ledger.pack import Buffer

SHAPE_DIGITS = 7
MAX_LINE = 4096  # bytes here, characters where odd lines are read
MAX_FIELD = 256

_number = re.compile(rb"\+[1-9][0-9]{8,14}").fullmatch
_control = re.compile(r"[\x00-\x1f\x7f]").search

Scan = tuple[bytes, bytes, bytes, bytes, bytes, list[bytes], bytes, bytes]
"""Columns of the regular lines: lowest and highest number (int64), context (uint32), line (uint32), noted (a byte);
every context's text, its fields each with 0x1F behind; the shapes (int64); the odd lines: line, start, end (uint64)."""


def scan(data: Buffer, start: int, line: int, roles: bytes, refused: Buffer) -> Scan:
    """Read the lines from `start` on, the first of which has the number `line`.

    roles: a byte a column: `n` number, `f` from, `t` to, `o` note, `k` part of the context, anything else must be
    empty in a regular line. refused: shapes (int64, sorted) whose lines are odd.
    Raises ValueError when there are no columns or no such place.
    """
    view = memoryview(data).cast("B")
    if not 1 <= len(roles) <= 32 or not 0 <= start <= len(view):
        raise ValueError("no such columns or place")
    wanted = _Lines(roles, set(memoryview(refused).cast("B").cast("q")))
    text = bytes(view[start:])
    at = 0
    for raw in text.split(b"\n"):
        body = raw.rstrip(b"\r")
        if body.strip(b" \t") and body[:1] != b"#" and not wanted.take(body, line):
            wanted.odd += array("Q", (line, start + at, start + at + len(body)))
        at += len(raw) + 1
        line += 1
    return wanted.result()


class _Lines:
    """The columns while they are filled."""

    def __init__(self, roles: bytes, refused: set[int]) -> None:
        self._roles = [chr(role) for role in roles]
        self._refused = refused
        self._lows = array("q")
        self._highs = array("q")
        self._context = array("I")
        self._lines = array("I")
        self._noted = bytearray()
        self._contexts: dict[bytes, int] = {}
        self._shapes: dict[int, None] = {}
        self.odd = array("Q")

    def take(self, body: bytes, line: int) -> bool:
        """Whether the line is regular; if so it is in the columns."""
        if len(body) > MAX_LINE or b'"' in body:
            return False
        try:
            if _control(body.decode("utf-8")):
                return False
        except UnicodeDecodeError:
            return False
        fields = body.split(b",")
        if len(fields) != len(self._roles) or max(map(len, fields)) > MAX_FIELD:
            return False
        said: dict[str, bytes] = {}
        context = b""
        noted = False
        for role, field in zip(self._roles, fields, strict=True):
            if role in "nft":
                said[role] = field
            elif role == "k":
                context += field + b"\x1f"
            elif role == "o":
                noted |= bool(field.strip(b" "))
            elif field:
                return False
        return self._number(said.get("n", b""), said.get("f", b""), said.get("t", b""), context, noted, line)

    def _number(self, number: bytes, low: bytes, high: bytes, context: bytes, noted: bool, line: int) -> bool:
        if number:
            if low or high:
                return False
            low = high = number
        if not _number(low) or not _number(high) or len(low) != len(high) or high < low:
            return False
        if low[: SHAPE_DIGITS + 1] != high[: SHAPE_DIGITS + 1]:
            return False
        shape = int(low[1 : SHAPE_DIGITS + 1]) * 16 + len(low) - 1
        if shape in self._refused:
            return False
        self._shapes[shape] = None
        self._lows.append(int(b"1" + low[1:]))
        self._highs.append(int(b"1" + high[1:]))
        self._context.append(self._contexts.setdefault(context, len(self._contexts)))
        self._lines.append(line)
        self._noted.append(noted)
        return True

    def result(self) -> Scan:
        return (
            self._lows.tobytes(),
            self._highs.tobytes(),
            self._context.tobytes(),
            self._lines.tobytes(),
            bytes(self._noted),
            list(self._contexts),
            array("q", self._shapes).tobytes(),
            self.odd.tobytes(),
        )
