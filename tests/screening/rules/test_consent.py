"""consent: closed when unknown, a refusal beats a consent, other trunks are not concerned."""

from __future__ import annotations

from typing import Any

import pytest

from ringfence.screening import Consent, Facts, Refusal, Unknown
from ringfence.screening.rules.consent import RULE, ConsentRequired


@pytest.mark.parametrize(
    ("consent", "reason"),
    [
        (Consent(True), None),
        (Consent(True, None, 1000.5), None),
        (Consent(True, None, 1000.0), "expired"),
        (Consent(True, None, 3.0), "expired"),
        (Consent(False), "no_consent"),
        (Consent(False, None, 2000.0), "no_consent"),
        (Consent(False, "everybody"), "refused"),
        (Consent(True, "everybody"), "refused"),
        (Consent(True, "everybody", 3.0), "refused"),
        (Consent(True, "sector"), "refused_sector"),
        (Consent(True, "holder"), "refused_holder"),
        (Consent(True, None, None, "everybody"), "wish"),
        (Consent(False, None, None, "sector"), "wish_sector"),
        (Consent(True, None, 3.0, "holder"), "wish_holder"),
        (Consent(True, "sector", None, "everybody"), "refused_sector"),
        (Unknown("deadline"), "unknown_consent"),
        (Unknown("breaker_open"), "unknown_consent"),
        (Unknown("not_asked"), "unknown_consent"),
    ],
)
def test_table(make_call: Any, consent: Consent | Unknown, reason: str | None) -> None:
    finding = RULE.judge(make_call(at=1000.0), Facts(consent=consent), ConsentRequired())
    assert (finding.reason if finding else None) == reason
    assert reason is None or reason in RULE.answers


def test_the_reason_for_not_knowing_is_kept(make_call: Any) -> None:
    finding = RULE.judge(make_call(), Facts(consent=Unknown("breaker_open")), ConsentRequired())
    assert finding is not None and finding.detail == "breaker_open"


@pytest.mark.parametrize("marketing", [True, False])
def test_only_marketing_trunks_are_concerned(make_trunk: Any, marketing: bool) -> None:
    assert RULE.applies is not None
    assert RULE.applies(make_trunk(marketing=marketing), ConsentRequired()) is marketing


def test_only_the_callee_declines() -> None:
    assert [reason for reason, refusal in RULE.answers.items() if refusal is Refusal.DECLINED] == [
        "refused", "refused_sector", "refused_holder", "wish", "wish_sector", "wish_holder",
    ]  # fmt: skip
