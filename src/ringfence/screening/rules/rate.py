"""A caller that calls too often (超频)."""

from __future__ import annotations

from pydantic import Field

from ringfence.screening.call import Call
from ringfence.screening.facts import Facts, Need, Unknown
from ringfence.screening.rule import Finding, Refusal, Rule, RuleSettings
from ringfence.settings_types import Duration


class CallerRate(RuleSettings):
    """A limit in a sliding window; the default is an unproven proposal (DOMAIN §5.2)."""

    points: float = Field(default=60.0, ge=0, le=1000, description=RuleSettings.model_fields["points"].description)
    limit: int = Field(default=60, gt=0, description="calls of one caller within the window that are still usual")
    window: Duration = Field(
        default=3600.0, gt=0, description="length of the window; one for the whole node, no trunk may differ"
    )


def judge(call: Call, facts: Facts, settings: CallerRate) -> Finding | None:
    """Speak when the caller went over the limit; silent while the rate is unknown.

    The figure of the holder's contract, an hour's, takes the place of the limit.
    """
    rate = facts.caller_rate
    if isinstance(rate, Unknown):
        return None
    agreed = call.trunk.calls_per_hour
    if rate.attempts <= (settings.limit if agreed is None else agreed * settings.window / 3600.0):
        return None
    return Finding("over_limit", f"{rate.attempts} calls in {rate.window:.0f} s")


RULE = Rule(
    settings=CallerRate,
    needs=frozenset({Need.CALLER_RATE}),
    judge=judge,
    answers={"over_limit": Refusal.ANALYTICS},
    rank=50,
    fixed=frozenset({"window"}),
)
