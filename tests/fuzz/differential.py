"""The compiled twins against the pure ones, on messages with random changes: `python -m tests.fuzz.differential`.

Both must give equal objects or raise the same error with the same text and status. Stops at the first difference,
prints the input and exits 1.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from random import Random
from typing import Any, NamedTuple

from tests.fuzz.pieces import PIECES, SEEDS
from tests.support import messages

from ringfence.forwarding.copy import copied_pure
from ringfence.sip import headers as h
from ringfence.sip.errors import SipError
from ringfence.sip.index import HeaderIndex as PureIndex
from ringfence.sip.message import _NEEDED, Message, Request, Response, parse_pure
from ringfence.sip.plain import number_of_address_pure, number_of_uri_pure
from ringfence.sip.via import Via
from ringfence.sip.writer import (
    Edit,
    has_second_via_pure,
    loop_mark_pure,
    response_pure,
    splice_pure,
    stamped_via_pure,
    without_top_via_pure,
)

# Short ones, where a random change hits what the parser reads.
PLAIN = [
    messages.request(),
    messages.request(body=b"hello", Max_Forwards=b"0"),
    messages.request(Via=b"SIP/2.0/TCP [2001:db8::1]:5061;rport;branch=z9hG4bKx;received=192.0.2.1;alias"),
    messages.request(Via=b"SIP/2.0/UDP a.example;branch=z9hG4bKx, SIP/2.0/UDP b", From=b"sip:a@b;tag=1;x=y"),
    messages.request(line=b"INVITE sips:a:b@[::1]:5061;user=phone;lr SIP/2.0", To=b'"q \\" <" <sip:a?b=c>;x;tag=2'),
    messages.request(b"v: SIP/2.0/UDP c", b"Route: <sip:a;lr>,<sip:b>", line=b"ACK tel:+86 SIP/2.0", CSeq=b"1 ACK"),
    messages.request(b"X-One: a", b" folded", b"P-Ringfence-A : b", b"x-one:\tc", From=b"A. G. <tel:+1>;tag=a-b"),
    messages.response(To=b"<sip:a@b>;tag=t"),
    messages.response(line=b"SIP/2.0 200 ", CSeq=b"4294967295\tBYE", Max_Forwards=None),
]
# At the limits of what is read, and one beyond: tried as they are too.
EDGES = [
    *(messages.request(Via=b"SIP/2.0/UDP h:%d;branch=b" % port) for port in (0, 1, 65535, 65536)),
    *(messages.request(Max_Forwards=b"%d" % hops) for hops in (255, 256)),
    *(messages.request(CSeq=b"%d INVITE" % number) for number in (4294967295, 4294967296)),
    *(messages.response(line=b"SIP/2.0 %d x" % status) for status in (99, 100, 699, 700)),
    *(messages.request(*[b"X: 1"] * count) for count in (249, 250, 251)),
    *(
        messages.request(line=b"INVITE sip:" + uri + b" SIP/2.0")
        for uri in (
            b"a[b@c", b"a:b;c@d", b"a:@d", b":a@d", b"a;b?c@d", b"a@b;c?d", b"a@b;c=?", b"a@b;x;X", b"a@b;a=1;%61=2",
            b"a@b;%61=1;%41", b"a@b;%61", b"a@b;c=%6", b"%@b", b"a@b;c=[d]", b"a@[::]:1;d", b"a@[1]", b"a@[::", b"a:1",
        )
    ),
    *(
        messages.request(From=value)
        for value in (
            b'"a\r\n b" <sip:c@d>;tag=1', b"\xe7\x8e\x8b <sip:a@b>", b'"\\" <sip:a@b>', b'"\\"" <sip:a@b>', b"a <sip:<>",
            b"sip:a@b?c", b"<sip:a@b>;tag", b"sip:a@b;tag=1;Tag=2", b"sip<a:b>", b"<1sip:a>", b"<sip:>", b"<sip:a@b>;x=1;" * 13,
        )
    ),
    messages.request(Via=b"SIP/2.0/UDP h" + b"".join(b";x%d" % number for number in range(12))),
    messages.request(Via=b"SIP/2.0/UDP h" + b"".join(b";x%d" % number for number in range(13))),
    messages.request(b"x-on: 1", b"x-one-more: 2", b"x-one \t: 3"),
    messages.request(Via=b"SIP/2.0/UDP h;rport;branch=z9hG4bK", CSeq=b"1  INVITE"),
    messages.request(Call_ID=b"a,b"),
    messages.request(body=b"hello", length=b"6"),
    *(
        messages.request(From=b'"A" <sip:+1@h>', To=b"<" + uri + b">", line=b"INVITE " + uri + b" SIP/2.0")
        for uri in (
            b"sips:1@h", b"SIP:+861@h:64999", b"sip:1@h:65000", b"sip:1@h:5060;user=phone", b"sip:%b@h" % (b"1" * 24),
            b"sip:%b@h" % (b"1" * 25), b"sip:1@h:05", b"sip:1@h;user=phone;lr", b"sip:+@h", b"sip:1@h_.-", b"sip:1@h:12345",
        )
    ),
    messages.request(body=b"hello", length=b"4"),
]  # fmt: skip
MORE = [
    *PIECES,
    *(b"\r\n" + name + b": x" for name in h.IDS),
    *(b"\r\n" + name + b"\t:<sip:a>;tag=1" for name in h.COMPACT),
    *(
        b";rport=1",
        b";received=[::1]",
        b";Tag=x",
        b";branch",
        b"SIPS:",
        b"%41",
        b":5060",
        b":65536",
        b"65535",
        b"4294967296",
    ),
]

_MESSAGE = [name for name in Message.__slots__ if name not in ("index", "_via")]
_SLOTS = {
    Request: [*_MESSAGE, "method", "uri"],
    Response: [*_MESSAGE, "reason", "status"],
}
Outcome = tuple[Any, ...]


def refusal(error: SipError) -> Outcome:
    return (type(error), str(error), error.status)


class Twins(NamedTuple):
    """What is compared, of one kind."""

    index: Callable[[bytes], PureIndex]
    parse: Callable[[bytes], Request | Response]
    stamped_via: Callable[[Request, str, int], bytes]
    response: Callable[..., bytes]
    splice: Callable[[bytes, list[Edit]], bytes]
    has_second_via: Callable[[Response], bool]
    without_top_via: Callable[[Response], bytes]
    loop_mark: Callable[[Request, str], bytes]
    number_of_uri: Callable[[bytes], str | None]
    number_of_address: Callable[[bytes], str | None]
    copied: Callable[..., bytes]


PURE = Twins(
    PureIndex, parse_pure, stamped_via_pure, response_pure, splice_pure, has_second_via_pure, without_top_via_pure,
    loop_mark_pure, number_of_uri_pure, number_of_address_pure, copied_pure,
)  # fmt: skip


def compiled() -> Twins:
    """Raises ImportError where nothing is compiled."""
    from ringfence import _native

    return Twins(
        _native.HeaderIndex, _native.parse, _native.stamped_via, _native.response, _native.splice,
        _native.has_second_via, _native.without_top_via, _native.loop_mark,
        _native.number_of_uri, _native.number_of_address, _native.copied,
    )  # fmt: skip


def outcome(twins: Twins, data: bytes) -> Outcome:
    """All that a message says and what is written from it, or the error."""
    try:
        found = twins.parse(data)
    except SipError as error:
        return refusal(error)
    via, index = found._via, found.index
    return (
        type(found),
        [getattr(found, name) for name in _SLOTS[type(found)]],
        [getattr(via, name) for name in Via.__slots__],
        (index.line_end, index.head_end, index.span(h.VIA), index.count(h.VIA), index.singles(_NEEDED)),
        numbers(twins, found),
        written(twins, found) if isinstance(found, Request) else passed_back(twins, found),
    )


def written(twins: Twins, found: Request) -> list[Any]:
    """What a request says of its way, and what goes back to its sender."""
    host = found.via_host.decode() if len(found.data) & 1 else "2001:db8::1"
    via = twins.stamped_via(found, host, 5060)
    return [
        via,
        twins.response(found, 100, b"Trying", via, b"rf-1"),
        twins.response(found, 486, b"", via, b"rf-1", b"X: 1\r\n"),
        twins.loop_mark(found, host),
        routed(found),
        *copies(twins, found, via),
    ]


def copies(twins: Twins, found: Request, via: bytes) -> list[bytes]:
    """What goes on of a request: along its own way, and along another."""
    if found.max_forwards == 0:
        return []
    ours, size = b"Via: SIP/2.0/UDP ours;branch=z9hG4bK1\r\n", len(found.data)
    first = found.index.line_end + 2
    cuts = [(start, end, b"") for start, end in found.index.spans_with_prefix(b"x-")]
    edits = ([], cuts[::-1], [(first, first, b"Y: 1\r\n"), *cuts])[size % 3]
    ways: tuple[tuple[bytes | None, list[bytes]], ...] = (
        (None, []),
        (b"sip:next", [b"<sip:a;lr>", b"<sip:b>"][size & 2 :]),
    )
    return [
        twins.copied(found, uri, routes, ours, via, b"X-Ours: 1\r\n" * (size & 1), edits, size & 4 > 0)
        for uri, routes in ways
    ]


def routed(found: Request) -> Outcome:
    """Its Route values, or the error."""
    try:
        return tuple(found.routes)
    except SipError as error:
        return refusal(error)


def numbers(twins: Twins, found: Request | Response) -> list[str | None]:
    """The numbers that stand plainly in it."""
    uris = [found.from_uri, found.to_uri, found.uri if isinstance(found, Request) else b""]
    values = [value for field in (h.FROM, h.TO, h.CONTACT) for value in found.index.values(field)]
    return [*map(twins.number_of_uri, uris), *map(twins.number_of_address, values)]


def passed_back(twins: Twins, found: Response) -> tuple[bool, bytes]:
    """What becomes of a response."""
    return twins.has_second_via(found), twins.without_top_via(found)


def spliced(twins: Twins, data: bytes, edits: list[Edit]) -> Outcome:
    """The copy, or the error."""
    try:
        return (twins.splice(data, list(edits)),)
    except ValueError as error:
        return (type(error), str(error))


def indexed(twins: Twins, data: bytes) -> Outcome:
    """All that an index says, or the error."""
    try:
        index = twins.index(data)
    except SipError as error:
        return refusal(error)
    told: list[Any] = [index.line_end, index.head_end, index.spans_with_prefix(b""), index.spans_with_prefix(b"p-")]
    for number in range(len(h.NAMES) + 2):
        count = index.count(number)
        told.append(count)
        if count:
            told += (index.first(number), index.span(number), index.values(number), index.spans(number))
    told += (index.named(b"via"), index.named(b"x-one"), index.named(b"x-on"), index.named(b"p-ringfence-a"))
    return tuple(told)


# Put at the end of a line these leave most messages whole, so that what is read is compared as often as what is refused.
TAILS = [
    b";x",
    b";x=1",
    b";y=a:b",
    b";tag=3",
    b";rport",
    b";received=1",
    b" ",
    b"\t",
    b"1",
    b"0",
    b"a",
    b"\r\n y",
    b"\r\nX: 1",
    b"=",
    b"/",
]
PRINTABLE = bytes(range(0x21, 0x7F))


class Mutator:
    """Endless messages: a seed with one to three changes, half of them slight."""

    def __init__(self, seed: int) -> None:
        self._draw = Random(seed).random
        self._seeds = [*PLAIN * 8, *EDGES, *(seed for seed in SEEDS if len(seed) < 1_500), *SEEDS]

    def __call__(self) -> bytes:
        draw = self._draw
        data = self._any(self._seeds)
        for _ in range(1 + int(draw() * draw() * 4)):
            at = int(draw() * (len(data) + 1))
            data = self._slightly(data, at) if draw() < 0.6 else self._rudely(data, at)
        return data

    def edits(self, size: int) -> list[Edit]:
        """Up to 20 edits of a message of that size, few of them in order and apart."""
        draw = self._draw
        places = [int(draw() * (size + 2)) - 1 for _ in range(2 * int(draw() * draw() * 20))]
        if draw() < 0.7:
            places.sort()
        edits = [(start, end, self._any(MORE)) for start, end in zip(places[::2], places[1::2], strict=True)]
        if draw() < 0.3:
            edits += [(start, start, self._any(MORE)) for start, _, _ in edits[:3]]
        return edits if draw() < 0.5 else edits[::-1]

    def _any(self, choice: Sequence[bytes]) -> bytes:
        return choice[int(self._draw() * len(choice))]

    def _slightly(self, data: bytes, at: int) -> bytes:
        draw = self._draw
        kind = draw()
        if kind < 0.35:
            end = data.find(b"\r\n", at)
            return data if end < 0 else data[:end] + self._any(TAILS) + data[end:]
        if kind < 0.7:
            place = int(draw() * len(PRINTABLE))
            return data[:at] + PRINTABLE[place : place + 1] + data[at + (kind < 0.6) :]
        if kind < 0.85:
            return data[:at] + data[at : at + 6].swapcase() + data[at + 6 :]
        lines = data.split(b"\r\n")
        one, other = int(draw() * len(lines)), int(draw() * len(lines))
        lines[one], lines[other] = lines[other], lines[one]
        return b"\r\n".join(lines)

    def _rudely(self, data: bytes, at: int) -> bytes:
        draw = self._draw
        kind = draw()
        if kind < 0.35:
            return data[:at] + self._any(MORE) + data[at + (int(draw() * 9) if kind < 0.1 else 0) :]
        if kind < 0.6:
            return data[:at] + data[at + 1 + int(draw() * draw() * 40) :]
        if kind < 0.8:
            return data[:at] + bytes((int(draw() * 256),)) + data[at + (kind < 0.7) :]
        if kind < 0.92:
            return data[: at + int(draw() * 30)] + data[at:]
        other = self._any(self._seeds)
        return data[:at] + other[int(draw() * len(other)) :]


def difference(native: Twins, data: bytes, edits: list[Edit] | None) -> tuple[Outcome, Outcome] | None:
    """What the pure and the compiled twin say, where it is not the same. edits: None to look at the message alone."""
    told = outcome(PURE, data), outcome(native, data)
    if told[0] == told[1] and edits is not None:
        told = indexed(PURE, data), indexed(native, data)
        if told[0] == told[1]:
            told = spliced(PURE, data, edits), spliced(native, data, edits)
    return None if told[0] == told[1] else told


def run(inputs: int, seconds: float, seed: int) -> tuple[int, int]:
    """Try that many inputs, at most so long; how many were tried, how many were messages. Raises AssertionError."""
    native = compiled()
    mutate = Mutator(seed)
    unchanged = [*PLAIN, *EDGES, *SEEDS]
    until = time.monotonic() + seconds
    tried = read = 0
    while tried < inputs:
        data = unchanged.pop() if unchanged else mutate()
        edits = mutate.edits(len(data)) if unchanged or tried & 3 == 0 else None
        found = difference(native, data, edits)
        assert found is None, f"input: {data!r}\nedits: {edits}\npure: {found[0]}\nnative: {found[1]}"
        tried += 1
        if tried & 255 == 0:
            read += not issubclass(outcome(PURE, data)[0], SipError)
            if time.monotonic() > until:
                break
    return tried, read * 256


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz.differential")
    parser.add_argument("--inputs", type=int, default=sys.maxsize)
    parser.add_argument("--seconds", type=float, default=float("inf"))
    parser.add_argument("--seed", type=int, default=4475)
    asked = parser.parse_args()
    try:
        tried, read = run(asked.inputs, asked.seconds, asked.seed)
    except AssertionError as difference_found:
        sys.exit(f"the twins differ\n{difference_found}")
    print(f"{tried} inputs, about {read} of them messages: the twins never differ")


if __name__ == "__main__":
    main()
