"""Sets of numbers against a plain model."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ringfence.ledger.ranges import RangeSet, pack


@pytest.mark.parametrize(
    ("low", "high"), [("+10086", "10086"), ("10086", "+10086"), ("+8613", "+86130"), ("110", "0110")]
)
def test_packing_keeps_kind_and_length(low: str, high: str) -> None:
    assert pack(low) != pack(high)


def test_packing_fits_the_array() -> None:
    assert pack("+" + "9" * 15) in range(2**63) and pack("9" * 15) in range(2**63)
    assert "+" + "9" * 15 in RangeSet([(pack("+" + "9" * 15), pack("+" + "9" * 15))])


@pytest.mark.parametrize(
    ("value", "inside"),
    [
        ("+862162340000", True),
        ("+862162349999", True),
        ("+862162345678", True),
        ("+862162339999", False),
        ("+862162350000", False),
        ("+86216234567", False),
        ("+8621623456789", False),
        ("862162345678", False),
        ("", False),
        ("110", False),
    ],
)
def test_edges(value: str, inside: bool) -> None:
    numbers = RangeSet([(pack("+862162340000"), pack("+862162349999"))])
    assert (value in numbers) is inside


def test_empty() -> None:
    assert "+8613800138000" not in RangeSet()
    assert len(RangeSet()) == 0
    assert repr(RangeSet([(1, 2)])) == "RangeSet(1 ranges)"


def test_touching_and_overlapping_are_merged() -> None:
    assert len(RangeSet([(30, 40), (10, 19), (20, 29), (35, 36), (50, 50)])) == 2


spans = st.lists(
    st.tuples(st.integers(100, 300), st.integers(0, 40)).map(lambda pair: (pair[0], pair[0] + pair[1])), max_size=12
)


@settings(max_examples=150, deadline=None)
@given(spans)
def test_same_as_a_plain_set(pairs: list[tuple[int, int]]) -> None:
    # Packed codes: a leading 2 and two digits.
    plain = {number for low, high in pairs for number in range(low, high + 1)}
    numbers = RangeSet(pairs)
    assert {number for number in range(200, 300) if str(number)[1:] in numbers} == plain & set(range(200, 300))
