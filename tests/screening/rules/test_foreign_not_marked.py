"""foreign_not_marked: a number from abroad says that it is from abroad."""

from __future__ import annotations

from typing import Any

import pytest

from ringfence.screening import Facts
from ringfence.screening.rules.foreign_not_marked import RULE, ForeignNotMarked

FOREIGNER = "+442079460001"


@pytest.mark.parametrize(
    ("shown", "asserted", "speaks"),
    [
        (FOREIGNER, (), False),
        ("00442079460001", (), False),
        ("442079460001", (), True),
        ("44-20-7946-0001", (), True),
        ("85223456789", (), True),  # Hong Kong
        ("12025550123", (), True),
        ("442079460001", FOREIGNER, True),
        (FOREIGNER, "442079460001", True),
        ("13800138000", (), False),  # a number of home: domestic_from_abroad speaks
        ("+8613800138000", (), False),
        ("4420794600", (), False),  # no number of any country
        ("anonymous", (), False),
        ("alice", (), False),
    ],
)
def test_table(make_call: Any, shown: str, asserted: Any, speaks: bool) -> None:
    finding = RULE.judge(make_call(shown, asserted=asserted), Facts(), ForeignNotMarked())
    assert (finding is not None and finding.reason == "no_prefix") is speaks


@pytest.mark.parametrize(
    ("kind", "expected"),
    [("international", True), ("interconnect", True), ("enterprise", False), ("platform", False)],
)
def test_trunks_it_concerns(make_trunk: Any, kind: str, expected: bool) -> None:
    assert RULE.applies is not None
    assert RULE.applies(make_trunk(kind=kind), ForeignNotMarked()) is expected
