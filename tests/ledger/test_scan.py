"""Regular lines read in one go, in Python and in C: what they say, and which lines are left for a closer look."""

from __future__ import annotations

from array import array
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ringfence.ledger import chosen, scan
from ringfence.ledger.pack import unpack
from ringfence.ledger.scan import Scan

TWINS: list[Callable[..., Scan]] = [scan.scan]
if chosen.COMPILED:
    TWINS.append(chosen.scan)
ROLES = b"knftxo"  # a key, number, from, to, prefix, note


def rows(found: Scan) -> list[tuple[str, str, bytes, int, int]]:
    lows, highs = memoryview(found[0]).cast("q"), memoryview(found[1]).cast("q")
    contexts, lines = memoryview(found[2]).cast("I"), memoryview(found[3]).cast("I")
    return [
        (unpack(low), unpack(high), found[5][context], line, noted)
        for low, high, context, line, noted in zip(lows, highs, contexts, lines, found[4], strict=True)
    ]


def odd(found: Scan, data: bytes) -> list[tuple[int, bytes]]:
    places = memoryview(found[7]).cast("Q")
    return [(places[at], data[places[at + 1] : places[at + 2]]) for at in range(0, len(places), 3)]


@pytest.mark.parametrize("twin", TWINS)
def test_numbers_ranges_notes_and_contexts(twin: Callable[..., Scan]) -> None:
    data = (
        "skipped\n"
        "a,+8613800138000,,,,\r\n"
        "\n"
        "# b,+8613800138000,,,,\n"
        "b,,+862160000000,+862160000999,, 备注\n"
        "a,+442079460001,,,,   \n"
        "   \t\n"
        "a,+8613800138001,,,,x"
    ).encode()
    found = twin(data, 8, 2, ROLES, b"")
    assert rows(found) == [
        ("+8613800138000", "+8613800138000", b"a\x1f", 2, 0),
        ("+862160000000", "+862160000999", b"b\x1f", 5, 1),
        ("+442079460001", "+442079460001", b"a\x1f", 6, 0),
        ("+8613800138001", "+8613800138001", b"a\x1f", 8, 1),
    ]
    assert odd(found, data) == []
    shapes = sorted(memoryview(found[6]).cast("q"))
    assert shapes == sorted(lead * 16 + size for lead, size in ((8613800, 13), (8621600, 12), (4420794, 12)))


@pytest.mark.parametrize("twin", TWINS)
@pytest.mark.parametrize(
    "line",
    [
        b"a,13800138000,,,,",
        b"a,+0613800138000,,,,",
        b"a,+86138001,,,,",
        b"a,+861380013800012345,,,,",
        b"a,+86 138 0013 8000,,,,",
        b"a, +8613800138000,,,,",
        b'a,"+8613800138000",,,,',
        b"a,,,,+8621,",
        b"a,+8613800138000,,,+86138,",
        b"a,+8613800138000,+8613800138000,+8613800138000,,",
        b"a,,+8613800138000,,,",
        b"a,,,+8613800138000,,",
        b"a,,+8613800138009,+8613800138000,,",
        b"a,,+8613800138000,+86138001380001,,",
        b"a,,+862160000000,+862169999999,,",
        b"a,+8613800138000,,,",
        b"a,+8613800138000,,,,,",
        b"a,,,,,",
        b"a,+8613800138000,,,,\xff",
        b"a,+8613800138000,,,,\xc0\x80",
        b"a,+8613800138000,,,,\xed\xa0\x80",
        b"a,+8613800138000,,,,\xf5\x80\x80\x80",
        b"a,+8613800138000,,,,\xe4\xb8",
        b"a,+8613800138000,,,,\x07",
        b"a,+8613800138000,,,,a\tb",
        b"a,+8613800138000,,,," + b"x" * 257,
        b"a,+8613800138000,,,," + b"x" * 5000,
        b"a",
    ],
)
def test_everything_else_is_odd(twin: Callable[..., Scan], line: bytes) -> None:
    data = b"ok,+8613800138000,,,,\n" + line + b"\nok,+8613800138001,,,,\n"
    found = twin(data, 0, 1, ROLES, b"")
    assert [row[3] for row in rows(found)] == [1, 3]
    assert odd(found, data) == [(2, line)]


@pytest.mark.parametrize("twin", TWINS)
def test_refused_shapes_are_odd(twin: Callable[..., Scan]) -> None:
    data = b"a,+8613800138000,,,,\na,+8613900138000,,,,\na,+861380013800,,,,\n"
    found = twin(data, 0, 1, ROLES, array("q", [8613800 * 16 + 13, 8699999 * 16 + 13]))
    assert [row[3] for row in rows(found)] == [2, 3]
    assert [line for line, _ in odd(found, data)] == [1]


@pytest.mark.parametrize("twin", TWINS)
@pytest.mark.parametrize(("start", "roles"), [(-1, b"n"), (9, b"n"), (0, b""), (0, b"n" * 33)])
def test_no_such_columns_or_place(twin: Callable[..., Scan], start: int, roles: bytes) -> None:
    with pytest.raises(ValueError, match="no such columns"):
        twin(b"x", start, 1, roles, b"")


@pytest.mark.skipif(len(TWINS) == 1, reason="not compiled here")
@settings(max_examples=400, deadline=None)
@given(
    st.lists(
        st.one_of(
            st.text('ab,+0123456789"#\r\t 备', max_size=40).map(str.encode),
            st.binary(max_size=30),
            st.builds(
                lambda key, low, size: f"{key},,+86{low},+86{low + size},,".encode(),
                st.sampled_from("abc"), st.integers(13800000000, 13800002000), st.integers(-5, 2000),
            ),
        ),
        max_size=12,
    ).map(b"\n".join)
)  # fmt: skip
def test_the_twins_say_the_same(data: bytes) -> None:
    assert TWINS[0](data, 0, 1, ROLES, b"") == TWINS[1](data, 0, 1, ROLES, b"")


@pytest.mark.parametrize("twin", TWINS)
def test_many_contexts_and_shapes(twin: Callable[..., Scan]) -> None:
    lines = [f"key-{each},+86{13_000_000_000 + each * 10_000},,,," for each in range(5_000)]
    found = twin("\n".join(lines).encode(), 0, 1, ROLES, b"")
    assert [row[2] for row in rows(found)] == [f"key-{each}\x1f".encode() for each in range(5_000)]
    assert len(set(memoryview(found[6]).cast("q"))) == len(memoryview(found[6]).cast("q")) == 50
