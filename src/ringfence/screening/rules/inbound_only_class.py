"""A number that is called and does not call: 400 and 800 numbers, call-centre codes without an undertaking."""

from __future__ import annotations

from pydantic import Field

from ringfence.numbering import Number
from ringfence.numbering.plan_settings import Digits
from ringfence.screening.call import Call
from ringfence.screening.facts import Facts
from ringfence.screening.rule import Finding, Refusal, Rule, RuleSettings


class InboundOnlyClass(RuleSettings):
    """The plan says which classes; undertakings are the operator's to know."""

    undertakings: tuple[Digits, ...] = Field(
        default=(),
        description="how codes begin whose holder filed an undertaking to call out by them: `95013`; on one trunk, "
        "under trunks[].rules, they count there alone",
    )


def judge(call: Call, facts: Facts, settings: InboundOnlyClass) -> Finding | None:
    """Speak about the judged identity, then about the number that the callee would see."""
    finding = _of(call.caller, settings)
    if finding is None and call.asserted is not None and call.shown.value != call.caller.value:
        finding = _of(call.shown, settings)
    return finding


def _of(number: Number, settings: InboundOnlyClass) -> Finding | None:
    class_ = number.class_
    if class_.caller == "inbound_only":
        return Finding("never_calls", class_.title)
    if class_.caller == "undertaking" and not number.value.startswith(settings.undertakings):
        return Finding("no_undertaking", class_.title)
    return None


RULE = Rule(
    settings=InboundOnlyClass,
    judge=judge,
    answers=dict.fromkeys(("never_calls", "no_undertaking"), Refusal.FORBIDDEN),
    rank=15,
)
