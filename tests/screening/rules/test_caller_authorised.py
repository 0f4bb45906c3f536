"""caller_authorised: the trunk's numbers are the measure, for what is asserted and for what is shown."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.support.ledgers import load
from tests.support.trunks import ledger_of

from ringfence.screening import Facts
from ringfence.screening.rules.caller_authorised import RULE, CallerAuthorised

OWN, OTHER, STRANGER = "+862162345678", "+862162345679", "+8613800138000"


@pytest.mark.parametrize(
    ("shown", "asserted", "reason"),
    [
        (OWN, (), None),
        (OTHER, (), None),
        ("02162345678", (), None),
        (STRANGER, (), "unknown_holder"),
        ("+8621623456780", (), "no_number"),
        ("95588", (), "unknown_holder"),
        ("", (), "no_number"),
        ("anonymous", (), "no_number"),
        ("alice", (), "no_number"),
        (OWN, OWN, None),
        (OWN, OTHER, None),
        ("anonymous", OWN, None),
        ("", OWN, None),
        (OWN, STRANGER, "unknown_holder"),
        ("anonymous", STRANGER, "unknown_holder"),
        (STRANGER, OWN, "shown_unknown_holder"),
        ("95588", OWN, "shown_unknown_holder"),
        (OWN, "alice", "no_number"),
    ],
)
def test_table(make_call: Any, shown: str, asserted: str | tuple[str, ...], reason: str | None) -> None:
    finding = RULE.judge(make_call(shown, asserted=asserted), Facts(), CallerAuthorised())
    assert (finding.reason if finding else None) == reason
    assert reason is None or reason in RULE.answers


def test_a_trunk_without_numbers_may_show_none(make_call: Any, make_trunk: Any) -> None:
    finding = RULE.judge(make_call(trunk=make_trunk(numbers=[])), Facts(), CallerAuthorised())
    assert finding is not None and finding.reason == "unknown_holder"


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


def test_the_reason_says_whose_number_it_is(tmp_path: Path, make_call: Any) -> None:
    grants = "trunk,number,from,to,valid_until\nbank,+862160000001,,,\nshop,+862170000001,,,\nshop,+862170000002,,,2020-01-01\n"
    ledger = load(tmp_path, {"grants.csv": grants}).ledger
    cases = [
        ("+862160000001", "", ""),
        ("+862160000002", "held_not_granted", "held by Bank"),
        ("+862170000001", "held_by_another", "held by Shop"),
        ("+862170009999", "held_by_another", "held by Shop"),
        ("+862180000001", "unknown_holder", ""),
    ]
    for number, reason, detail in cases:
        finding = RULE.judge(make_call(number, trunk=ledger.trunks["bank"]), Facts(), CallerAuthorised())
        assert (finding.reason, finding.detail) == (reason, detail) if finding else not reason
        asserted = RULE.judge(
            make_call(number, asserted="+862160000001", trunk=ledger.trunks["bank"]), Facts(), CallerAuthorised()
        )
        assert (asserted.reason if asserted else "") == (reason and f"shown_{reason}")


def test_numbers_of_other_trunks_in_the_settings_are_known_too(make_call: Any) -> None:
    one, two = {"name": "one", "numbers": [{"number": OWN}]}, {"name": "two", "numbers": [{"number": OTHER}]}
    ledger = ledger_of(one, {**two, "holder": "Somebody"}, {"name": "three", "holder": "Somebody"})
    found = {
        name: RULE.judge(make_call(OTHER, trunk=ledger.trunks[name]), Facts(), CallerAuthorised())
        for name in ledger.trunks
    }
    assert {name: finding.reason if finding else None for name, finding in found.items()} == {
        "one": "held_by_another",
        "three": "held_not_granted",
        "two": None,
    }
