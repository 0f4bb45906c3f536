"""A caller who shows the number that he calls: a trick to reach voice mail, and never a call."""

from __future__ import annotations

from pydantic import Field

from ringfence.screening.call import Call
from ringfence.screening.facts import Facts
from ringfence.screening.rule import Finding, Mode, Refusal, Rule, RuleSettings


class CallerIsCallee(RuleSettings):
    """Whoever means to ring his own mailbox dials its number."""

    mode: Mode = Field(default="enforce", description=RuleSettings.model_fields["mode"].description)


def judge(call: Call, facts: Facts, settings: CallerIsCallee) -> Finding | None:
    """Speak when the judged identity, or the number that the callee would see, is the callee's own."""
    callee = call.callee.value
    if callee and (call.caller.value == callee or call.shown.value == callee):
        return Finding("same_number")
    return None


RULE = Rule(settings=CallerIsCallee, judge=judge, answers={"same_number": Refusal.FORBIDDEN}, rank=12)
