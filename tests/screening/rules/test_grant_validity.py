"""grant_validity: a grant holds from its first day to its last, while nobody suspends it and a certificate covers it."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from tests.support.ledgers import HOLDERS, load

from ringfence.screening import Facts
from ringfence.screening.rules.grant_validity import RULE, GrantValidity

CHINA = timezone(timedelta(hours=8))
GRANTS = """\
    trunk,number,from,to,valid_from,valid_until,suspended,note
    bank,+862160000001,,,,,,
    bank,+862160000002,,,2026-03-01,2026-03-31,,
    bank,+862160000003,,,,,true,
    bank,+862160000004,,,2026-03-01,2026-03-31,,first
    bank,+862160000004,,,2026-05-01,,,second
    bank,+862160000005,,,,2026-03-31,,over
    bank,+862160000005,,,,,true,suspended
    bank,+862160000006,,,,,,
"""


def at(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=CHINA).timestamp()


@pytest.mark.parametrize(
    ("number", "when", "reason"),
    [
        ("+862160000001", "2026-03-15", None),
        ("+862160000002", "2026-03-01T00:00:00", None),
        ("+862160000002", "2026-03-31T23:59:59", None),
        ("+862160000002", "2026-02-28T23:59:59", "not_yet_valid"),
        ("+862160000002", "2026-04-01T00:00:00", "expired"),
        ("+862160000003", "2026-03-15", "suspended"),
        ("+862160000004", "2026-03-15", None),
        ("+862160000004", "2026-04-15", "not_yet_valid"),
        ("+862160000004", "2026-05-01", None),
        ("+862160000005", "2026-04-15", "suspended"),
        ("+862160000006", "2026-06-30T23:59:59", None),
        ("+862160000006", "2026-07-01T00:00:00", "certificate_expired"),
        ("+862160000006", "2025-12-31T23:59:59", "certificate_expired"),
        ("+862160000099", "2026-03-15", None),
        ("anonymous", "2026-03-15", None),
    ],
)
def test_days(tmp_path: Path, make_call: Any, number: str, when: str, reason: str | None) -> None:
    holders = HOLDERS.replace(
        '{from: "+862160000000", to: "+862160009999", certificate: C-1}',
        '{from: "+862160000000", to: "+862160000005", certificate: C-1}\n'
        '      - {number: "+862160000006", certificate: C-9, valid_from: 2026-01-01, valid_until: 2026-06-30}',
    )
    trunk = load(tmp_path, {"holders.yaml": holders, "grants.csv": GRANTS}).ledger.trunks["bank"]
    finding = RULE.judge(make_call(number, trunk=trunk, at=at(when)), Facts(), GrantValidity())
    assert (finding.reason if finding else None) == reason
    assert reason is None or reason in RULE.answers
    if reason == "certificate_expired":
        assert finding is not None and finding.detail == "certificate C-9"


def test_a_trunk_of_the_settings_is_taken_at_its_word(make_call: Any) -> None:
    assert RULE.judge(make_call(), Facts(), GrantValidity()) is None


def test_a_diverted_call_answers_by_the_number_of_who_diverted_it(tmp_path: Path, make_call: Any) -> None:
    trunk = load(tmp_path, {"grants.csv": GRANTS}).ledger.trunks["bank"]
    call = make_call("+862160000001", trunk=trunk, at=at("2026-03-15"))
    assert RULE.judge(call, Facts(), GrantValidity()) is None
    call.accountable = make_call("+862160000003", trunk=trunk).caller
    finding = RULE.judge(call, Facts(), GrantValidity())
    assert finding is not None and finding.reason == "suspended"
