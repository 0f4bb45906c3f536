"""Where the header fields of a message stand: one pass over the bytes, values cut out when somebody asks.

The pure-Python twin of a compiled type with the same interface; the tests run against both.
"""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import accumulate

from ringfence.sip.errors import BadSyntax, SipError, Undecodable
from ringfence.sip.grammar import TOKEN
from ringfence.sip.headers import IDS, NAMES, OTHER

# 70 hops (the Max-Forwards of RFC 3261 §8.1.1.6) may each leave a Via and a Record-Route of their own, and
# the ends need some room too. A message with more lines is an attack on whoever walks over them.
MAX_HEADERS = 256

# The names as nearly everybody writes them, with their colon: one look-up a line proves both.
_SPELLED: dict[bytes, int] = {
    spelling + b":": number
    for name, number in IDS.items()
    for spelling in (name, name.upper(), name.title(), NAMES[number] if len(name) > 1 else name)
}
_is_token = re.compile(TOKEN).fullmatch
_number_of = _SPELLED.get


class HeaderIndex:
    """The lines of a message's head by header field.

    data: a message from its first byte on; what follows the head is not looked at.
    line_end: offset of the CRLF that ends the start line. head_end: offset of the first body byte.
    Raises Undecodable where there is no start line or no field, BadSyntax for a head without an end, a CR or
    LF outside of CRLF (RFC 3261 §7), a line without a name, a fold with nothing to continue, too many lines.
    """

    __slots__ = ("_lines", "_offsets", "_others", "_repeats", "_where", "head_end", "line_end")

    def __init__(self, data: bytes) -> None:
        end = data.find(b"\r\n\r\n") + 2
        if end < 3:
            raise _headless(data)
        head = data[:end]
        lines = head.splitlines()
        # splitlines ends a line at CR, LF and CRLF alike. All were CRLF when two bytes a line are gone.
        if len(b"".join(lines)) + 2 * len(lines) != end:
            raise BadSyntax("a CR or LF in the head is not part of a line end")
        # A quoted pair may hold a NUL (RFC 4475 §3.1.1.2); elsewhere it would end the text for some neighbour in C.
        if b"\0" in head and head.count(b"\0") != head.count(b"\\\0"):
            raise BadSyntax("a NUL in the head")
        self.head_end = end + 2
        self.line_end = len(lines.pop(0))
        if not 0 < len(lines) <= MAX_HEADERS:
            raise _badly_many(len(lines))
        self._offsets: list[int] | None = None
        self._others: list[tuple[bytes, int]] = []
        self._lines = lines
        self._walk()

    def _walk(self) -> None:
        """Note the lines of each field: `_where` the first, `_repeats` all where there are several."""
        where: dict[int, int] = {}
        repeats: dict[int, list[int]] = {}
        for at, line in enumerate(self._lines):
            number = _number_of(line[: line.find(b":") + 1])
            if number is None:
                if line[0] in b" \t":
                    self._lines = _unfolded(self._lines)
                    self._others.clear()
                    self._walk()
                    return
                number = self._spelled_otherwise(line, at)
            if number not in where:
                where[number] = at
            elif number in repeats:
                repeats[number].append(at)
            else:
                repeats[number] = [where[number], at]
        self._where = where
        self._repeats = repeats

    def _spelled_otherwise(self, line: bytes, at: int) -> int:
        """The number of a name in odd case or with blanks before its colon (RFC 3261 §7.3.1), or `OTHER`."""
        name, colon, _ = line.partition(b":")
        name = name.rstrip(b" \t").lower()
        if not colon or _is_token(name) is None:
            raise BadSyntax("a header line has no valid name")
        number = IDS.get(name, OTHER)
        if number == OTHER:
            self._others.append((name, at))
        return number

    def first(self, number: int) -> bytes | None:
        """The first value of that number, without blanks around it, each fold as one space; None: absent."""
        at = self._where.get(number)
        return None if at is None else _value(self._lines[at])

    def singles(self, numbers: tuple[int, ...]) -> list[bytes | None]:
        """The values of fields that may stand only once, None for the absent.

        Raises BadSyntax when one of them stands twice, equal or not: an element that reads the first and one
        that reads the last would see two different calls (RFC 3261 §7.3.1, RFC 4475 §3.3.8).
        """
        if self._repeats:
            for number in self._repeats:
                if number in numbers:
                    raise BadSyntax("a header field that may stand only once is repeated")
        lines = self._lines
        find = self._where.get
        values: list[bytes | None] = []
        for number in numbers:
            at = find(number)
            if at is None:
                values.append(None)
                continue
            line = lines[at]  # as _value has it, without its call: every message passes here
            value = line[line.find(b":") + 1 :].strip(b" \t\r\n")
            values.append(unfold(value) if b"\r" in value else value)
        return values

    def values(self, number: int) -> list[bytes]:
        """The values of all fields of that number, in their order, each like `first`; not split at commas."""
        lines = self._lines
        return [_value(lines[at]) for at in self._places(number)]

    def count(self, number: int) -> int:
        """How many fields of that number there are."""
        if number in self._repeats:
            return len(self._repeats[number])
        return 1 if number in self._where else 0

    def span(self, number: int) -> tuple[int, int] | None:
        """Start and end in the message of the first whole field of that number, name and CRLF included."""
        at = self._where.get(number)
        return None if at is None else self._span(at)

    def spans(self, number: int) -> list[tuple[int, int]]:
        """All of them like `span`, in their order."""
        return [self._span(at) for at in self._places(number)]

    def named(self, lower_name: bytes) -> list[bytes]:
        """The values of all fields of that name (lower case, not a compact form), however they spell it."""
        number = IDS.get(lower_name, OTHER)
        if number != OTHER:
            return self.values(number)
        return [_value(self._lines[at]) for name, at in self._others if name == lower_name]

    def spans_with_prefix(self, lower_prefix: bytes) -> list[tuple[int, int]]:
        """Spans of all fields whose full name begins so (lower case), however they spell it, in order."""
        found = [at for name, at in self._others if name.startswith(lower_prefix)]
        for number in _numbers_of_prefix(lower_prefix):
            found += self._places(number)
        return [self._span(at) for at in sorted(found)]

    def _places(self, number: int) -> list[int]:
        repeats = self._repeats.get(number)
        if repeats is not None:
            return repeats
        at = self._where.get(number)
        return [] if at is None else [at]

    def _span(self, at: int) -> tuple[int, int]:
        start = self.line_end + 2
        if at:
            if self._offsets is None:
                self._offsets = list(accumulate(map(len, self._lines), initial=start))
            start = self._offsets[at] + 2 * at
        return (start, start + len(self._lines[at]) + 2)


@lru_cache(maxsize=64)  # prefixes come from settings
def _numbers_of_prefix(lower_prefix: bytes) -> tuple[int, ...]:
    return tuple(number for number, name in NAMES.items() if name.lower().startswith(lower_prefix))


def _value(line: bytes) -> bytes:
    value = line[line.find(b":") + 1 :].strip(b" \t\r\n")
    return unfold(value) if b"\r" in value else value


def unfold(value: bytes) -> bytes:
    """Each fold with the blanks around it as one space, RFC 3261 §7.3.1."""
    return b" ".join([part.strip(b" \t") for part in value.split(b"\r\n")])


def _unfolded(lines: list[bytes]) -> list[bytes]:
    """Lines with their continuations appended, CRLF and all, so that lengths still add up to offsets."""
    whole: list[list[bytes]] = []
    for line in lines:
        if line[0] not in b" \t":
            whole.append([line])
        elif whole:
            whole[-1].append(line)
        else:
            raise BadSyntax("the first header line continues nothing")
    return [b"\r\n".join(parts) for parts in whole]


def _headless(data: bytes) -> SipError:
    """No empty line: bytes that begin like a message deserve an answer, noise does not."""
    if b" SIP/" in data[: data.find(b"\r\n") + 1] or data.startswith(b"SIP/"):
        return BadSyntax("no empty line ends the head")
    return Undecodable("not a SIP message")


def _badly_many(lines: int) -> SipError:
    if lines:
        return BadSyntax("too many header lines", 513)
    return Undecodable("a start line and no header")
