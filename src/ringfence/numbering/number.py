"""A number as it was written and as it is compared."""

from __future__ import annotations

from enum import StrEnum

MAX_RAW = 128  # characters kept as evidence: no number is longer, and records need a bound


class Kind(StrEnum):
    """What somebody wrote where a number belongs. Only E164 and SHORT have a number to compare."""

    E164 = "e164"  # an international number
    SHORT = "short"  # a code that has no international form: 110, 95588, 10086
    SERVICE = "service"  # a service URN instead of a number (RFC 5031): urn:service:sos
    EMPTY = "empty"
    ANONYMOUS = "anonymous"  # a word that withholds the number
    MALFORMED = "malformed"  # letters, or digits that the plan cannot read
    TOO_LONG = "too_long"  # more digits than the plan or E.164 allows


class Number:
    """One reading of one text; never changed after it was made.

    raw: the text as it came, kept as evidence, at most MAX_RAW characters.
    value: E.164 with the plus ("+8613800138000"), the code alone ("110"), the URN in lower case; "" for other kinds.
    """

    __slots__ = ("kind", "raw", "value")

    def __init__(self, raw: str, value: str, kind: Kind) -> None:
        self.raw = raw
        self.value = value
        self.kind = kind

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Number)
            and self.raw == other.raw
            and self.value == other.value
            and self.kind is other.kind
        )

    def __hash__(self) -> int:
        return hash((self.raw, self.value, self.kind))

    def __repr__(self) -> str:
        # No digits: a repr ends up in logs, which never hold phone numbers.
        return f"Number({self.kind.name}, {len(self.value)} characters)"
