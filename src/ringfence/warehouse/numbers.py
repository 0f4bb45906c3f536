"""Telephone numbers as an index holds them, and as people who need not know them see them."""

from __future__ import annotations

import re
from hashlib import blake2b

SHOWN_AHEAD, SHOWN_BEHIND = 4, 3  # digits of a masked number: its country and kind, and enough to tell two apart
LONGEST_SHOWN = 7  # a number of so many digits or fewer is a service's, nobody's own
_DIGEST_SHIFT = 17  # leaves 47 bits, which SQLite keeps in 6 bytes; one of 2 million rows fits by chance in 7e7 looks

_BYTE = r"(?:25[0-5]|2[0-4]\d|1?\d?\d)"
# An IPv4 address, which is nobody's number; else digits, with what may stand between them for the eye (RFC 3966 §3,
# blanks) or as an escape (`%31` is 1).
_NUMBERS = re.compile(rf"(?P<address>(?<![\d.+]){_BYTE}(?:\.{_BYTE}){{3}}(?![\d.]))|\d(?:(?:[-. ()]{{0,3}}|%3)\d)*")
_NO_DIGITS = re.compile(r"%3(?=\d)|\D")


class Digests:
    """Numbers and Call-IDs as one segment's index holds them: 47 bits of a digest under the segment's key.

    Two of one digest are told apart by the records themselves.
    """

    def __init__(self, key: bytes) -> None:
        self._empty = blake2b(digest_size=8, key=key)

    def of(self, text: str) -> int | None:
        """None: there is none."""
        if not text:
            return None
        digest = self._empty.copy()
        digest.update(text.encode("utf-8", "surrogateescape"))
        return int.from_bytes(digest.digest(), "big") >> _DIGEST_SHIFT


def is_number(text: str) -> bool:
    """Whether it is what a plan makes of a number: E.164 with its plus, or a short code."""
    return text.removeprefix("+").isdigit() and len(text) <= 18


def masked(text: str) -> str:
    """A number, or a text with numbers in it, without the digits in their middle."""
    return _NUMBERS.sub(_masked, text)


def _masked(match: re.Match[str]) -> str:
    digits = _NO_DIGITS.sub("", match[0])
    if len(digits) <= LONGEST_SHOWN or match["address"] is not None:
        return match[0]
    hidden = len(digits) - SHOWN_AHEAD - SHOWN_BEHIND
    return digits[:SHOWN_AHEAD] + "*" * hidden + digits[-SHOWN_BEHIND:]
