"""Numbers masked for whoever need not know them, and as an index holds them."""

from __future__ import annotations

import pytest

from ringfence.warehouse.numbers import Digests, is_number, masked


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("+8613900000001", "+8613******001"),
        ("95588", "95588"),
        ("110", "110"),
        ("01012345678", "0101****678"),
        ('"Bank" <sip:+861062345678@192.0.2.1:5060>;tag=a1', '"Bank" <sip:+8610*****678@192.0.2.1:5060>;tag=a1'),
        ("<tel:+86-139-0000-0001>", "<tel:+8613******001>"),
        ("<tel:+86(139)0000.0001>", "<tel:+8613******001>"),
        ("+86 139 0000 0001", "+8613******001"),
        ("sip:%31%33%39%30%30%30%30%30%30%30%31@host", "sip:%3139*****001@host"),
        ("sip:1%3390000%30001@host", "sip:1390****001@host"),
        ("from 198.51.100.123 port 50600", "from 198.51.100.123 port 50600"),
        ("139.0000.0001", "1390****001"),
        ("nobody", "nobody"),
        ("", ""),
    ],
)
def test_masked(written: str, shown: str) -> None:
    assert masked(written) == shown


def test_a_long_text_does_not_hold_anybody_up() -> None:
    assert masked("1 " * 20_000)[:6] == "1111**"
    assert masked("1.2.3." * 5_000)[:6] == "1231**"


def test_digests_are_the_key_s() -> None:
    one, other = Digests(bytes(32)), Digests(bytes(range(32)))
    assert one.of("+8613900000001") == one.of("+8613900000001") != one.of("+8613900000002")
    assert one.of("+8613900000001") != other.of("+8613900000001")
    assert 0 <= (one.of("x") or 0) < 2**47
    assert one.of("") is None


def test_what_can_be_looked_for() -> None:
    assert [is_number(text) for text in ("+8613900000001", "110", "anonymous", "", "+", "1" * 19)] == [
        True, True, False, False, False, False,
    ]  # fmt: skip
