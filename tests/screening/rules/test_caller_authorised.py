"""caller_authorised: the trunk's numbers are the measure, for what is asserted and for what is shown."""

from __future__ import annotations

from typing import Any

import pytest

from ringfence.ledger import RangeSet
from ringfence.screening import Facts
from ringfence.screening.rules.caller_authorised import RULE, CallerAuthorised

OWN, OTHER, STRANGER = "+862162345678", "+862162345679", "+8613800138000"


@pytest.mark.parametrize(
    ("shown", "asserted", "reason"),
    [
        (OWN, (), None),
        (OTHER, (), None),
        ("02162345678", (), None),
        (STRANGER, (), "not_granted"),
        ("+8621623456780", (), "no_number"),
        ("95588", (), "not_granted"),
        ("", (), "no_number"),
        ("anonymous", (), "no_number"),
        ("alice", (), "no_number"),
        (OWN, OWN, None),
        (OWN, OTHER, None),
        ("anonymous", OWN, None),
        ("", OWN, None),
        (OWN, STRANGER, "not_granted"),
        ("anonymous", STRANGER, "not_granted"),
        (STRANGER, OWN, "shown_not_granted"),
        ("95588", OWN, "shown_not_granted"),
        (OWN, "alice", "no_number"),
    ],
)
def test_table(make_call: Any, shown: str, asserted: str | tuple[str, ...], reason: str | None) -> None:
    finding = RULE.judge(make_call(shown, asserted=asserted), Facts(), CallerAuthorised())
    assert (finding.reason if finding else None) == reason
    assert reason is None or reason in RULE.answers


def test_a_trunk_without_numbers_may_show_none(make_call: Any, make_trunk: Any) -> None:
    finding = RULE.judge(make_call(trunk=make_trunk(numbers=RangeSet())), Facts(), CallerAuthorised())
    assert finding is not None and finding.reason == "not_granted"


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("enterprise", True),
        ("call_center", True),
        ("platform", True),
        ("internal", True),
        ("interconnect", False),
        ("international", False),
    ],
)
def test_kinds_it_concerns(make_trunk: Any, kind: str, expected: bool) -> None:
    assert RULE.applies is not None
    assert RULE.applies(make_trunk(kind=kind), CallerAuthorised()) is expected


def test_exempt_kinds_are_settings(make_trunk: Any) -> None:
    assert RULE.applies is not None
    assert RULE.applies(make_trunk(kind="interconnect"), CallerAuthorised(exempt_kinds=()))
