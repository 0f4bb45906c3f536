"""Numbers compare by content and keep digits out of logs."""

from __future__ import annotations

from ringfence.numbering import Kind, Number


def test_equal_by_all_three() -> None:
    number = Number("110", "110", Kind.SHORT)
    assert number == Number("110", "110", Kind.SHORT)
    assert hash(number) == hash(Number("110", "110", Kind.SHORT))
    assert number != Number("021110", "110", Kind.SHORT)
    assert number != Number("110", "", Kind.SHORT)
    assert number != Number("110", "110", Kind.E164)
    assert number != "110"


def test_repr_has_no_digits_of_the_number() -> None:
    assert "138" not in repr(Number("+8613800138000", "+8613800138000", Kind.E164))
