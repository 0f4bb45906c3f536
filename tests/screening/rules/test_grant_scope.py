"""grant_scope: numbers that are for receiving calls, or for calls of another purpose."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.support.ledgers import load

from ringfence.screening import Facts
from ringfence.screening.rules.grant_scope import RULE, GrantScope

NOON = 1_800_000_000.0
TRUNKS = """\
    trunks:
      - name: bank
        holder: Bank
        kind: enterprise
        sources: [{{address: 192.0.2.1}}]
        {more}
      - {{name: shop, holder: Shop, kind: call_center, sources: [{{address: 192.0.2.2}}]}}
"""
GRANTS = """\
    trunk,number,purpose,direction,suspended,note
    bank,+862160000001,,,,
    bank,+862160000002,,receive,,
    bank,+862160000003,,originate,,
    bank,+862160000004,service;notification,,,
    bank,+862160000005,marketing,,,a
    bank,+862160000005,,receive,,b
    bank,+862160000006,,receive,,a
    bank,+862160000006,,,true,b
    bank,+862160000007,,receive,,a
    bank,+862160000007,service,,,b
"""


@pytest.mark.parametrize(
    ("number", "more", "reason"),
    [
        ("+862160000001", "", None),
        ("+862160000002", "", "receive_only"),
        ("+862160000003", "", None),
        ("+862160000004", "", None),
        ("+862160000004", "marketing: true", "other_purpose"),
        ("+862160000004", "purpose: notification", None),
        ("+862160000004", "purpose: internal", "other_purpose"),
        ("+862160000004", "{marketing: true, purpose: service}", None),
        ("+862160000005", "marketing: true", None),
        ("+862160000005", "", "other_purpose"),
        ("+862160000006", "", "receive_only"),
        ("+862160000007", "", None),
        ("+862160000099", "", None),
        ("anonymous", "", None),
    ],
)
def test_table(tmp_path: Path, make_call: Any, number: str, more: str, reason: str | None) -> None:
    lines = more.strip("{}").replace(", ", "\n            ")
    trunks = TRUNKS.format(more=lines.replace("\n            ", "\n        "))
    trunk = load(tmp_path, {"trunks.yaml": trunks, "grants.csv": GRANTS}).ledger.trunks["bank"]
    finding = RULE.judge(make_call(number, trunk=trunk, at=NOON), Facts(), GrantScope())
    assert (finding.reason if finding else None) == reason
    assert reason is None or reason in RULE.answers
