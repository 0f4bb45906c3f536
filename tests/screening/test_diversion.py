"""Diversion and History-Info to who diverted a call last, and how often it was diverted."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ringfence.numbering import Numbering, NumberingSettings
from ringfence.screening.diversion import MAX_COUNTER, MAX_ENTRIES, NOT_DIVERTED, diverted
from ringfence.screening.intake import Intake

ONE, TWO, THREE = "+862162345678", "+862162345679", "+8675582345678"
INTAKE = Intake(Numbering(NumberingSettings()))


def read(diversion: list[str], history: list[str]) -> Any:
    lines = [text.encode() for text in diversion], [text.encode() for text in history]
    return diverted(*lines, lambda uri: INTAKE._number(uri, "021"))


@pytest.mark.parametrize(
    ("values", "by", "hops"),
    [
        ([f"<sip:{ONE}@pbx.example>;reason=unconditional"], ONE, 1),
        ([f'"Acme" <tel:{ONE}>;reason=no-answer;counter=1;privacy=off'], ONE, 1),
        (["<sip:62345678@pbx.example>;reason=user-busy"], ONE, 1),  # completed by the trunk's area
        ([f"<sip:{ONE}@pbx.example>;reason=unconditional;counter=3"], ONE, 3),
        ([f"<sip:{ONE}@pbx.example>;counter=0"], ONE, 1),
        ([f"<sip:{ONE}@pbx.example>;counter=x"], ONE, 1),
        ([f"<sip:{ONE}@pbx.example>;counter=9999"], ONE, MAX_COUNTER),
        ([f"<sip:{ONE}@p>;reason=deflection, <sip:{TWO}@p>;reason=no-answer"], ONE, 2),
        ([f"<sip:{ONE}@p>", f"<sip:{TWO}@p>;counter=2"], ONE, 3),
        (["<sip:alice@pbx.example>"], "", 1),
        (["nonsense"], "", 1),
        (["<sip:pbx.example>"], "", 1),
        (['"open <sip:x@y>'], "", 1),
    ],
)
def test_diversion(values: list[str], by: str, hops: int) -> None:
    found = read(values, [])
    assert (found.by.value, found.hops, found.contradicts) == (by, hops, False)


@pytest.mark.parametrize(
    ("values", "by", "hops"),
    [
        ([f"<sip:{ONE}@p>;index=1"], None, 0),
        ([f"<sip:{ONE}@p>;index=1, <sip:{ONE}@10.0.0.1>;index=1.1;rc=1"], None, 0),  # only where he is was found out
        ([f"<sip:{ONE}@p>;index=1, <sip:{THREE}@p>;index=1.1;mp=1"], ONE, 1),
        ([f"<sip:{ONE}@p>;index=1", f"<sip:{THREE}@p;cause=302>;index=1.1"], ONE, 1),
        ([f"<sip:{ONE}@p?Reason=SIP%3Bcause%3D302>;index=1, <sip:{THREE}@p>;index=1.1"], ONE, 1),
        ([f"<sip:{ONE}@p?Reason=SIP%3Bcause%3D200>;index=1, <sip:{THREE}@p>;index=1.1"], None, 0),
        (
            [
                f"<sip:{ONE}@p?Reason=SIP%3Bcause%3D408>;index=1, <sip:{TWO}@p;cause=408>;index=1.1;mp=1",
                f"<sip:{TWO}@10.0.0.1>;index=1.1.1;rc=1.1, <sip:{THREE}@p;cause=486>;index=1.2;mp=1.1",
            ],
            TWO,
            2,
        ),
        (["<sip:alice@p>;index=1, <sip:bob@p>;index=1.1;mp=1"], "", 1),
        (["nonsense, <sip:bob@p>;index=1.1;mp=1"], "", 1),
        (["<nonsense"], None, 0),
    ],
)
def test_history(values: list[str], by: str | None, hops: int) -> None:
    found = read([], values)
    assert (found.by.value if found.by else None, found.hops) == (by, hops)
    assert (found is NOT_DIVERTED) is (by is None)


@pytest.mark.parametrize(
    ("diversion", "history", "by", "hops", "contradicts"),
    [
        (ONE, f"<sip:{ONE}@p>;index=1, <sip:{THREE}@p>;index=1.1;mp=1", ONE, 1, False),
        (ONE, f"<sip:{TWO}@p>;index=1, <sip:{THREE}@p>;index=1.1;mp=1", ONE, 1, True),
        (ONE, f"<sip:{TWO}@p>;index=1", ONE, 1, False),
        (
            ONE,
            f"<sip:{TWO}@p>;index=1, <sip:{ONE}@p>;index=1.1;mp=1, <sip:{THREE}@p>;index=1.2;mp=1.1",
            ONE,
            2,
            False,
        ),
    ],
)
def test_both(diversion: str, history: str, by: str, hops: int, contradicts: bool) -> None:
    found = read([f"<sip:{diversion}@p>;reason=unconditional"], [history])
    assert (found.by.value, found.hops, found.contradicts) == (by, hops, contradicts)


def test_a_long_chain_is_counted_beyond_any_contract_and_read_no_further() -> None:
    values = [", ".join(f"<sip:{ONE}@p>;counter=1" for _ in range(5000))] * 3
    assert read(values, []).hops == MAX_ENTRIES + 1


@settings(max_examples=200, deadline=None)
@given(st.lists(st.binary(max_size=60), max_size=4), st.lists(st.binary(max_size=60), max_size=4))
def test_any_bytes_are_read(diversion: list[bytes], history: list[bytes]) -> None:
    found = diverted(diversion, history, lambda uri: INTAKE._number(uri, None))
    assert (found.by is None) == (found.hops == 0)
