"""suffix_subletting: digits behind a code that the ledger knows, and that nobody filed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.support.ledgers import load

from ringfence.screening import Facts
from ringfence.screening.rules.suffix_subletting import RULE, SuffixSubletting

FILES = {
    "resources.csv": "holder,number,from,to\nBank,955881,,\nBank,,9558820,9558829\n",
    "grants.csv": "trunk,number,from,to,direction\nbank,95588,,,\nbank,,9558820,9558824,\n"
    "bank,+864001234567,,,receive\n",
}


@pytest.mark.parametrize(
    ("trunk", "number", "reason"),
    [
        ("bank", "95588", None),
        ("bank", "955881", None),
        ("bank", "9558820", None),
        ("bank", "9558829", None),
        ("bank", "955883", "suffix_not_filed"),
        ("bank", "9558812", "suffix_not_filed"),
        ("bank", "95588123", "suffix_not_filed"),
        ("bank", "+8640012345671", None),  # the plan reads no 400 number with more digits: `caller_number` refuses it
        ("bank", "+864001239999", None),
        ("shop", "95588", None),
        ("shop", "955883", "suffix_of_another"),
        ("shop", "9558820", None),
        ("shop", "95577123", None),
        ("shop", "+862170000001", None),
        ("shop", "96110", None),
        ("shop", "anonymous", None),
    ],
)
def test_table(tmp_path: Path, make_call: Any, trunk: str, number: str, reason: str | None) -> None:
    ledger = load(tmp_path, FILES).ledger
    finding = RULE.judge(make_call(number, trunk=ledger.trunks[trunk]), Facts(), SuffixSubletting())
    assert (finding.reason if finding else None) == reason
    if finding is not None:
        assert reason in RULE.answers and finding.detail == "code of Bank"


def test_which_codes_is_a_setting(tmp_path: Path, make_call: Any) -> None:
    trunk = load(tmp_path, FILES).ledger.trunks["bank"]
    call = make_call("95588123", trunk=trunk)
    assert RULE.judge(call, Facts(), SuffixSubletting(codes={"96": (5,)})) is None
