"""Numbers as integers: no two numbers are one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringfence.ledger.pack import pack, unpack


@pytest.mark.parametrize(
    ("low", "high"), [("+10086", "10086"), ("10086", "+10086"), ("+8613", "+86130"), ("110", "0110")]
)
def test_packing_keeps_kind_and_length(low: str, high: str) -> None:
    assert pack(low) != pack(high)


def test_packing_fits_the_columns() -> None:
    assert pack("+" + "9" * 15) in range(2**63) and pack("9" * 15) in range(2**63)


@given(st.from_regex(r"\+?[0-9]{1,15}", fullmatch=True))
def test_unpacking_gives_the_value_back(value: str) -> None:
    assert unpack(pack(value)) == value
