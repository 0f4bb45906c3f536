"""harassment_score: two steps, silent while unknown."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from ringfence.screening import Facts, Score, Unknown
from ringfence.screening.rules.harassment_score import RULE, HarassmentScore


@pytest.mark.parametrize(
    ("score", "reason", "strength"),
    [
        (Score(0), None, 0),
        (Score(59.9), None, 0),
        (Score(60), "elevated", 0.6),
        (Score(79.9), "elevated", 0.6),
        (Score(80), "high", 1.0),
        (Score(100), "high", 1.0),
        (Unknown("deadline"), None, 0),
    ],
)
def test_table(make_call: Any, score: Score | Unknown, reason: str | None, strength: float) -> None:
    finding = RULE.judge(make_call(), Facts(score=score), HarassmentScore())
    assert (finding.reason if finding else None) == reason
    assert (finding.strength if finding else 0) == strength
    assert reason is None or reason in RULE.answers


def test_thresholds_are_settings(make_call: Any) -> None:
    settings = HarassmentScore(tag_at=10, reject_at=10, elevated_strength=0.1)
    finding = RULE.judge(make_call(), Facts(score=Score(10)), settings)
    assert finding is not None and finding.reason == "high" and finding.detail == "score 10"
    with pytest.raises(ValidationError, match="tag_at is above reject_at"):
        HarassmentScore(tag_at=81)
