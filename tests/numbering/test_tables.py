"""Tables by prefix and length: the longest prefix that has the length counts."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ringfence.numbering.number import NumberClass
from ringfence.numbering.tables import Slot, Table

prefixes = st.dictionaries(
    st.tuples(st.from_regex(r"[1-4]{1,4}", fullmatch=True), st.integers(4, 7)), st.integers(0, 5), max_size=30
)


def table(entries: dict[tuple[str, int], int]) -> Table:
    made = Table()
    for (prefix, length), number in entries.items():
        made.add(prefix, length, Slot(NumberClass(str(number), "")))
    made.finish()
    return made


@settings(max_examples=200, deadline=None)
@given(prefixes, st.from_regex(r"[1-4]{1,8}", fullmatch=True))
def test_one_look_finds_what_a_walk_over_all_finds(entries: dict[tuple[str, int], int], digits: str) -> None:
    fitting = [prefix for prefix, length in entries if digits.startswith(prefix) and length == len(digits)]
    slot = table(entries).slot(digits)
    if fitting:
        assert slot is not None
        assert slot.class_.name == str(entries[max(fitting, key=len), len(digits)])
    else:
        assert slot is None


@settings(max_examples=200, deadline=None)
@given(prefixes, st.from_regex(r"[1-4]{0,4}", fullmatch=True), st.from_regex(r"[1-4]{4,7}", fullmatch=True))
def test_beginnings_cover_each_number_once(entries: dict[tuple[str, int], int], prefix: str, digits: str) -> None:
    made = table(entries)
    covering = [start for start, length in made.starts(prefix) if digits.startswith(start) and len(digits) == length]
    assert len(covering) == (made.slot(digits) is not None and digits.startswith(prefix))


def test_what_stands_first_stays() -> None:
    made = Table()
    one, two = Slot(NumberClass("one", "")), Slot(NumberClass("two", ""))
    assert made.add("1", 3, one) is one
    assert made.add("1", 3, two) is one
    assert made.add("1", 4, two) is two
    made.finish()
    assert (made.longest("12"), made.longest("2"), made.longest_speaking()) == (4, 0, 4)


@pytest.mark.parametrize("digits", ["", "0", "9" * 200])
def test_nothing_is_found_of_nothing(digits: str) -> None:
    assert table({("1", 3): 1}).slot(digits) is None
