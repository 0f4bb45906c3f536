"""A caller without a usable number. What the plan has to say of one is `irregular_number`'s."""

from __future__ import annotations

from pydantic import Field

from ringfence.numbering import Kind
from ringfence.screening.call import Call
from ringfence.screening.facts import Facts
from ringfence.screening.rule import Finding, Mode, Refusal, Rule, RuleSettings

_UNUSABLE = {
    Kind.EMPTY: "missing",
    Kind.ANONYMOUS: "anonymous",
    Kind.MALFORMED: "malformed",
    Kind.TOO_LONG: "too_long",
    Kind.SERVICE: "malformed",
}


class CallerNumber(RuleSettings):
    """What every call needs: a caller who can be called to account."""

    mode: Mode = Field(default="enforce", description=RuleSettings.model_fields["mode"].description)


def judge(call: Call, facts: Facts, settings: CallerNumber) -> Finding | None:
    """Speak when the judged identity has no number, or From beside a usable one is none and not lawfully withheld.

    A withheld From is lawful when a trusted trunk asserts a number beside it and asks for privacy (RFC 3325 §9.3): the
    caller is hidden, yet known. Whether the trunk may use that number is `caller_authorised`'s question.
    """
    kind = call.caller.kind
    if kind is not Kind.E164 and kind is not Kind.SHORT:
        return Finding(_UNUSABLE[kind])
    if call.asserted is None:
        return None
    kind = call.shown.kind
    if kind is Kind.E164 or kind is Kind.SHORT:
        return None
    if kind is Kind.EMPTY or kind is Kind.ANONYMOUS:
        if call.private:
            return None
        return Finding(_UNUSABLE[kind], "From withholds the number and no privacy is asked for")
    return Finding(_UNUSABLE[kind], "From, beside a usable P-Asserted-Identity")


RULE = Rule(
    settings=CallerNumber,
    judge=judge,
    answers=dict.fromkeys(("missing", "anonymous", "malformed", "too_long"), Refusal.FORBIDDEN),
    rank=10,
)
