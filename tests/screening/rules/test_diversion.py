"""diversion: who sent a call on answers for it, as often as the contract says."""

from __future__ import annotations

from typing import Any

import pytest

from ringfence.screening import Facts
from ringfence.screening.rules.diversion import RULE, Diversion

OWN, STRANGER, CALLEE = "+862162345678", "+8613800138000", "+8613912345678"


@pytest.mark.parametrize(
    ("by", "hops", "allowed", "contradicts", "reason"),
    [
        (None, 0, 0, False, None),
        (None, 0, 2, False, None),
        (OWN, 1, 1, False, None),
        (OWN, 2, 2, False, None),
        (OWN, 1, 0, False, "not_in_contract"),
        (OWN, 2, 1, False, "too_many_hops"),
        (OWN, 1, 1, True, "contradiction"),
        ("alice", 1, 1, False, "no_number"),
        ("anonymous", 1, 1, False, "no_number"),
        ("+862112345678", 1, 1, False, "irregular_number"),
        ("4001234567", 1, 1, False, "irregular_number"),
        ("2612345678", 1, 1, False, "irregular_number"),
        (CALLEE, 1, 1, False, "diverted_to_itself"),
    ],
)
def test_table(
    make_call: Any, make_trunk: Any, by: str | None, hops: int, allowed: int, contradicts: bool, reason: str | None
) -> None:
    trunk = make_trunk(diversion_hops=allowed)
    call = make_call(STRANGER, trunk=trunk, diverted_by=by, hops=hops, contradicts=contradicts)
    finding = RULE.judge(call, Facts(), Diversion())
    assert (finding.reason if finding else None) == reason
    assert reason is None or reason in RULE.answers


@pytest.mark.parametrize(
    ("by", "hops", "allowed", "accountable"),
    [(None, 0, 1, STRANGER), (OWN, 1, 0, STRANGER), (OWN, 2, 1, STRANGER), (OWN, 1, 1, OWN), (OWN, 2, 3, OWN)],
)
def test_who_must_be_allowed_to_call(
    make_call: Any, make_trunk: Any, by: str | None, hops: int, allowed: int, accountable: str
) -> None:
    call = make_call(STRANGER, trunk=make_trunk(diversion_hops=allowed), diverted_by=by, hops=hops)
    assert call.accountable.value == accountable
    assert call.caller.value == STRANGER  # who is judged by his score stays who calls


@pytest.mark.parametrize(
    ("kind", "hops", "expected"),
    [("enterprise", 0, True), ("interconnect", 0, False), ("interconnect", 1, True), ("international", 0, False)],
)
def test_trunks_it_concerns(make_trunk: Any, kind: str, hops: int, expected: bool) -> None:
    assert RULE.applies is not None
    assert RULE.applies(make_trunk(kind=kind, diversion_hops=hops), Diversion()) is expected
