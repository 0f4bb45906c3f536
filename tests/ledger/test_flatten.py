"""Overlapping rows to disjoint ranges, in Python and in C, against a plain model."""

from __future__ import annotations

import itertools
from array import array
from collections.abc import Callable
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ringfence.ledger import chosen, flatten, intervals
from ringfence.ledger.flatten import DEPTH, INLINE, LEDGER, MAX_REPORTS, NOBODY, TITLE, Flat

Flatten = Callable[..., Flat]
TWINS: list[Flatten] = [flatten.flatten]
INTERVALS = [intervals.Intervals]
if chosen.COMPILED:
    TWINS.append(chosen.flatten)
    INTERVALS.append(chosen.Intervals)


class Row(NamedTuple):
    low: int
    high: int
    bag: int
    noted: bool = False


def flat(twin: Flatten, rows: list[Row], families: list[int], holders: list[int]) -> Flat:
    return twin(
        array("q", [row.low for row in rows]), array("q", [row.high for row in rows]),
        array("I", [row.bag for row in rows]), bytes(row.noted for row in rows), bytes(families), array("I", holders),
    )  # fmt: skip


def covered(found: Flat) -> dict[int, set[int]]:
    """Every number that is covered, with its bags."""
    bounds, covers = memoryview(found[0]).cast("q"), memoryview(found[1]).cast("I")
    assert list(bounds) == sorted(set(bounds))
    assert not covers or covers[-1] == 0
    return {
        number: set(memoryview(found[2][cover - 1]).cast("I"))
        for place, cover in enumerate(covers)
        if cover
        for number in range(bounds[place], bounds[place + 1])
    }


def numbers(data: bytes) -> list[int]:
    return list(memoryview(data).cast("I"))


row_lists = st.lists(
    st.builds(
        lambda low, size, bag, noted: Row(low, low + size, bag, noted),
        st.integers(0, 120), st.integers(0, 30), st.integers(0, 5), st.booleans(),
    ),
    max_size=14,
)  # fmt: skip
FAMILIES = [TITLE, TITLE, LEDGER, LEDGER, INLINE, INLINE]
HOLDERS = [1, 2, 1, 2, NOBODY, NOBODY]


@pytest.mark.parametrize("twin", TWINS)
@settings(max_examples=300, deadline=None)
@given(rows=row_lists)
def test_same_as_a_plain_model(twin: Flatten, rows: list[Row]) -> None:
    found = flat(twin, rows, FAMILIES, HOLDERS)
    model: dict[int, set[int]] = {}
    for row in rows:
        for number in range(row.low, row.high + 1):
            model.setdefault(number, set()).add(row.bag)
    assert covered(found) == model
    # Neighbours with one cover are one range.
    covers = numbers(found[1])
    assert all(one != other for one, other in itertools.pairwise(covers))
    clashes = {tuple(numbers(found[3])[at : at + 2]) for at in range(0, len(numbers(found[3])), 2)}
    assert clashes == {
        (one, other)
        for other in range(len(rows))
        for one in range(other)
        if rows[one].low <= rows[other].high and rows[other].low <= rows[one].high and clash(rows[one], rows[other])
    }
    assert set(numbers(found[4])) == {
        place
        for place, row in enumerate(rows)
        if FAMILIES[row.bag] == LEDGER
        and any(not titled(model[number], HOLDERS[row.bag]) for number in range(row.low, row.high + 1))
    }
    assert found[5] == -1


def clash(one: Row, other: Row) -> bool:
    if FAMILIES[one.bag] != FAMILIES[other.bag]:
        return False
    if FAMILIES[one.bag] == INLINE:
        return one.bag == other.bag
    return not (one.noted or other.noted)


def titled(bags: set[int], holder: int) -> bool:
    return any(FAMILIES[bag] == TITLE and HOLDERS[bag] == holder for bag in bags)


@pytest.mark.skipif(len(TWINS) == 1, reason="not compiled here")
@settings(max_examples=200, deadline=None)
@given(rows=row_lists)
def test_the_twins_say_the_same(rows: list[Row]) -> None:
    one, other = (flat(twin, rows, FAMILIES, HOLDERS) for twin in TWINS)
    assert one == other


@pytest.mark.parametrize("twin", TWINS)
@pytest.mark.parametrize("make", INTERVALS)
@settings(max_examples=100, deadline=None)
@given(rows=row_lists, probe=st.lists(st.integers(0, 170), min_size=20, max_size=20))
def test_look_ups_find_what_covers_a_number_and_nothing_in_its_complement(
    twin: Flatten, make: Callable[..., intervals.Intervals], rows: list[Row], probe: list[int]
) -> None:
    shifted = [row._replace(low=row.low + 2_000, high=row.high + 2_000) for row in rows]  # codes of three digits
    found = flat(twin, shifted, FAMILIES, HOLDERS)
    find = make(found[0] + found[1], 0, len(found[0]) // 8).find
    for number in probe:
        bags = {row.bag for row in rows if row.low <= number <= row.high}
        cover = find(f"{number:03}")
        assert (set(memoryview(found[2][cover - 1]).cast("I")) if cover else set()) == bags


@pytest.mark.parametrize("twin", TWINS)
def test_too_deep_is_said_and_ends_it(twin: Flatten) -> None:
    rows = [Row(1, 9, 4, True)] * (DEPTH + 1)
    assert flat(twin, rows, FAMILIES, HOLDERS)[5] == DEPTH
    assert flat(twin, rows[:-1], FAMILIES, HOLDERS)[5] == -1


@pytest.mark.parametrize("twin", TWINS)
def test_reports_are_bounded(twin: Flatten) -> None:
    rows = [Row(number, number, 2) for number in range(3 * MAX_REPORTS) for _ in range(2)]
    found = flat(twin, rows, FAMILIES, HOLDERS)
    assert len(numbers(found[3])) == 2 * MAX_REPORTS and len(numbers(found[4])) == MAX_REPORTS


@pytest.mark.parametrize("twin", TWINS)
def test_numbers_far_apart_are_sorted(twin: Flatten) -> None:
    lows = [10**15 + 7, 5, 2**40, 10**9, 10**15, 77]
    found = flat(twin, [Row(low, low, 0) for low in lows], [TITLE], [0])
    assert sorted(covered(found)) == sorted(lows)


@pytest.mark.parametrize("twin", TWINS)
@pytest.mark.parametrize(
    ("lows", "highs", "bags", "noted", "holders"),
    [
        ([1], [], [0], b"\0", [0]),
        ([1], [1], [], b"\0", [0]),
        ([1], [1], [0], b"", [0]),
        ([1], [1], [0], b"\0", []),
        ([1], [1], [1], b"\0", [0]),
        ([2], [1], [0], b"\0", [0]),
        ([-1], [1], [0], b"\0", [0]),
    ],
)
def test_columns_that_do_not_fit_are_refused(
    twin: Flatten, lows: list[int], highs: list[int], bags: list[int], noted: bytes, holders: list[int]
) -> None:
    with pytest.raises(ValueError, match="do not fit"):
        twin(array("q", lows), array("q", highs), array("I", bags), noted, bytes([TITLE]), array("I", holders))
