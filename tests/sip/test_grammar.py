"""No pattern of the room can be made to walk over a hostile field again and again.

No clock is asked: the patterns' own structure is. The hostile fields below would take minutes if the structure lied.
"""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Iterator
from re import _constants as codes  # type: ignore[attr-defined]
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any

import pytest
from tests.support import messages

import ringfence.sip
from ringfence.sip.errors import SipError
from ringfence.sip.framing import StreamFramer
from ringfence.sip.message import Request, parse
from ringfence.sip.uri import name_addr, parse_uri, split_values
from ringfence.sip.writer import salvaged_response

MANY = 16  # repeats up to so many rounds are a constant factor
SIZE = 64_000


def patterns() -> dict[str, re.Pattern[Any]]:
    found = {}
    for module in pkgutil.iter_modules(ringfence.sip.__path__, "ringfence.sip."):
        for name, value in vars(importlib.import_module(module.name)).items():
            pattern = value if isinstance(value, re.Pattern) else getattr(value, "__self__", None)
            if isinstance(pattern, re.Pattern):
                found[f"{module.name}.{name}"] = pattern
    return found


PATTERNS = patterns()


def repeats(parsed: Any) -> Iterator[tuple[Any, int, Any]]:
    """Every repeat in a parsed pattern: operator, most rounds, body."""
    for operator, argument in parsed:
        if operator in (codes.MAX_REPEAT, codes.MIN_REPEAT, codes.POSSESSIVE_REPEAT):
            yield operator, argument[1], argument[2]
            yield from repeats(argument[2])
        elif operator is codes.SUBPATTERN:
            yield from repeats(argument[3])
        elif operator is codes.BRANCH:
            for branch in argument[1]:
                yield from repeats(branch)
        elif operator in (codes.ASSERT, codes.ASSERT_NOT):
            yield from repeats(argument[1])


def is_single_byte(body: Any) -> bool:
    return len(body) == 1 and body[0][0] in (codes.IN, codes.LITERAL, codes.NOT_LITERAL, codes.ANY)


def begins_with_delimiter(body: Any) -> bool:
    """Whether each round must begin with one certain byte, blanks before it apart."""
    operator, argument = body[0]
    if operator is codes.SUBPATTERN:
        return begins_with_delimiter(argument[3])
    if operator is codes.BRANCH:
        return all(begins_with_delimiter(branch) for branch in argument[1])
    if operator is codes.POSSESSIVE_REPEAT and len(body) > 1:
        return begins_with_delimiter(list(body)[1:])
    return operator is codes.LITERAL


def test_the_patterns_are_found() -> None:
    assert len(PATTERNS) > 15


@pytest.mark.parametrize("name", PATTERNS)
def test_structure_has_no_second_walk(name: str) -> None:
    for operator, most, body in repeats(parser.parse(PATTERNS[name].pattern, PATTERNS[name].flags)):
        if operator is codes.POSSESSIVE_REPEAT:
            assert is_single_byte(body), "possessive groups match wrongly before Python 3.11.5 (gh-106052)"
        elif most > MANY:
            assert not is_single_byte(body), "an open repeat of a byte class gives bytes back"
            assert begins_with_delimiter(body), "rounds of a repeated group can be cut in several ways"


HOSTILE = [
    b'"' * SIZE,
    b'\\"' * (SIZE // 2),
    b'"' + b'\\"' * (SIZE // 2),
    b'"a' * (SIZE // 2),
    b" " * SIZE,
    b"a " * (SIZE // 2),
    b"a" * SIZE,
    b"<" * SIZE,
    b"<sip:" * (SIZE // 5),
    b"<sip:a@b>" + b";" * SIZE,
    b"<sip:a@b>" + b";a" * (SIZE // 2),
    b"<sip:a@b>" + b" ;a%d=1" % 7 + b"; a" * (SIZE // 3),
    b"<sip:a@b>;x=" + b'"\\' * (SIZE // 2),
    b"<sip:a@b>" + b" " * SIZE + b"x",
    b"sip:" + b"a" * SIZE,
    b"sip:" + b"a:" * (SIZE // 2) + b"@",
    b"sip:" + b"%41" * (SIZE // 3) + b"@b%",
    b"sip:a@b" + b";x=1" * (SIZE // 4) + b"<",
    b"sip:a@" + b"[" * SIZE,
    b"sip:a@b:" + b"0" * SIZE,
    b"tel:" + b"-" * SIZE,
    b"SIP/2.0/UDP h" + b";b" * (SIZE // 2),
    b"SIP/2.0/UDP" + b" " * SIZE,
    b"SIP" + b" " * SIZE + b"/2.0",
    b"SIP/2.0/UDP h" + b" " * SIZE + b",",
    b"SIP/2.0/UDP h:" + b"0" * SIZE,
    b"SIP/2.0/UDP h;branch=" + b"b" * SIZE + b"\xff",
    b"," * SIZE,
    b"<a>," * (SIZE // 4),
    b"9" * SIZE,
    b"0" * SIZE,
    b"1" + b" " * SIZE,
    b"\xff" * SIZE,
    b"a:" * (SIZE // 2),
    b"?" * SIZE,
]


@pytest.mark.parametrize("value", HOSTILE, ids=lambda value: f"{value[:16]!r}")
def test_hostile_values_are_read_or_refused(value: bytes) -> None:
    for field in ("Via", "From", "To", "Call_ID", "CSeq", "Max_Forwards"):
        data = messages.request(**{field: value})
        try:
            parse(data)
        except SipError:
            salvaged_response(data, 400, b"Bad Request", "192.0.2.1", 5060)
    try:
        routed = parse(messages.request(b"Route: " + value))
        assert isinstance(routed, Request)
        routed.routes
    except SipError:
        pass
    for line in (
        b"INVITE " + value + b" SIP/2.0",
        value + b" sip:a SIP/2.0",
        b"INVITE sip:a " + value,
        b"SIP/2.0 " + value,
    ):
        try:
            parse(messages.request(line=line))
        except SipError:
            pass
    for read in (parse_uri, name_addr, split_values):
        try:
            read(value)  # type: ignore[operator]
        except SipError:
            pass


@pytest.mark.parametrize(
    "head",
    [
        b"l:" + b" " * SIZE,
        b"l" + b" " * SIZE,
        b"l:1\r\n " * (SIZE // 6),
        b"l:1\r\n" * (SIZE // 5),
        b"l:\r\n\t\r" * (SIZE // 7),
        b"\r\n " * (SIZE // 3),
        b"x\r\n" * (SIZE // 3),
        b" \r\n" * (SIZE // 3),
    ],
    ids=lambda head: f"{head[:12]!r}",
)
def test_hostile_heads_are_read_or_refused(head: bytes) -> None:
    data = b"INVITE sip:a SIP/2.0\r\n" + head + b"\r\n\r\n"
    for work in (StreamFramer(2 * SIZE).feed, parse):
        try:
            work(data)
        except SipError:
            pass
    salvaged_response(data, 400, b"Bad Request", "192.0.2.1", 5060)
