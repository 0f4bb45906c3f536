"""A caller whose harassment score is high."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from ringfence.screening.call import Call
from ringfence.screening.facts import Facts, Need, Unknown
from ringfence.screening.rule import Finding, Refusal, Rule, RuleSettings


class HarassmentScore(RuleSettings):
    """Two steps, so that the sum stays explainable: elevated adds a part of the points, high all of them."""

    tag_at: float = Field(default=60.0, ge=0, le=100, description="score from which a caller is elevated")
    reject_at: float = Field(default=80.0, ge=0, le=100, description="score from which a caller is high")
    elevated_strength: float = Field(
        default=0.6,
        gt=0,
        le=1,
        description="part of the points that an elevated score adds; with 100 points 0.6 reaches screening.tag_at",
    )

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.tag_at > self.reject_at:
            raise ValueError("tag_at is above reject_at")
        return self


def judge(call: Call, facts: Facts, settings: HarassmentScore) -> Finding | None:
    """Speak from `tag_at` on; silent while the score is unknown."""
    score = facts.score
    if isinstance(score, Unknown) or score.points < settings.tag_at:
        return None
    if score.points >= settings.reject_at:
        return Finding("high", f"score {score.points:g}")
    return Finding("elevated", f"score {score.points:g}", settings.elevated_strength)


RULE = Rule(
    settings=HarassmentScore,
    needs=frozenset({Need.SCORE}),
    judge=judge,
    answers={"high": Refusal.ANALYTICS, "elevated": Refusal.ANALYTICS},
    rank=40,
)
