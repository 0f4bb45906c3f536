"""Parameters behind a value: `;tag=x;flag;text="a;b"` (RFC 3261 §7.3.1, §25.1)."""

from __future__ import annotations

import re

from ringfence.sip.errors import BadSyntax
from ringfence.sip.grammar import BLANKS, PARAMETER

Span = tuple[int, int]
_next_parameter = re.compile(PARAMETER).match
_after_blanks = re.compile(BLANKS).match
_no_span = (-1, -1)


def scan(text: bytes, at: int) -> tuple[dict[bytes, tuple[bytes | None, Span]], int]:
    """Read parameters from `at` on, as far as they go.

    Gives them by lower-case name, each with its value as written (None: without one) and the span from the
    end of its name to the end of its value; and the offset behind the last one.
    Raises BadSyntax for a name that stands twice: RFC 3261 §7.3.1 forbids it, and two readers would differ.
    """
    found: dict[bytes, tuple[bytes | None, Span]] = {}
    while (match := _next_parameter(text, at)) is not None:
        name = match[1].lower()
        if name in found:
            raise BadSyntax("a parameter is repeated")
        at = match.end()
        found[name] = (match[2], (match.end(1), at))
    return found, at


def skip_blanks(text: bytes, at: int) -> int:
    """The offset of the first byte from `at` on that is no white space."""
    match = _after_blanks(text, at)
    return at if match is None else match.end()


def parameters(text: bytes) -> dict[bytes, bytes | None]:
    """All parameters of `text`, which holds nothing else; raises BadSyntax otherwise."""
    found, at = scan(text, 0)
    if skip_blanks(text, at) != len(text):
        raise BadSyntax("parameters are malformed")
    return {name: value for name, (value, _) in found.items()}
