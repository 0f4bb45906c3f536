"""A number that the trunk was granted, but not for calling, or not for calls of this purpose."""

from __future__ import annotations

from pydantic import Field

from ringfence.screening.call import Call
from ringfence.screening.facts import Facts
from ringfence.screening.rule import Finding, Mode, Refusal, Rule, RuleSettings


class GrantScope(RuleSettings):
    """A call's purpose is its trunk's (`purpose`, or `marketing`)."""

    mode: Mode = Field(default="enforce", description=RuleSettings.model_fields["mode"].description)


def judge(call: Call, facts: Facts, settings: GrantScope) -> Finding | None:
    """Speak when every grant that holds now is for receiving calls only, or for other purposes.

    Without a grant that holds, `caller_authorised` and `grant_validity` have said what there is to say.
    """
    trunk = call.trunk
    now = call.at
    reason = ""
    for terms in trunk.standing(call.accountable.value).terms:
        if terms.suspended or not terms.since <= now < terms.until:
            continue
        if not terms.originate:
            reason = reason or "receive_only"
        elif terms.purposes and trunk.purpose not in terms.purposes:
            reason = "other_purpose"
        else:
            return None
    if not reason:
        return None
    return Finding(reason, f"the trunk's purpose is {trunk.purpose}" if reason == "other_purpose" else "")


RULE = Rule(
    settings=GrantScope,
    judge=judge,
    answers=dict.fromkeys(("receive_only", "other_purpose"), Refusal.FORBIDDEN),
    rank=22,
)
