"""A caller without a usable number, or with numbers that contradict each other."""

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
    """Which irregular numbers are spoken about."""

    mode: Mode = Field(default="enforce", description=RuleSettings.model_fields["mode"].description)
    compare_identities: bool = Field(
        default=True,
        description="From and every P-Asserted-Identity of a trusted trunk must say one number; "
        "off for trunks that may show a main number of theirs instead of the line's",
    )


def judge(call: Call, facts: Facts, settings: CallerNumber) -> Finding | None:
    """Speak about the judged identity's shape, then about From against P-Asserted-Identity, then about a self-call.

    A withheld From is lawful when a trusted trunk asserts a number beside it and asks for privacy (RFC 3325 §9.3): the
    caller is hidden, yet known. Whether the trunk may use that number is `caller_authorised`'s question.
    """
    caller = call.caller
    kind = caller.kind
    if kind is not Kind.E164 and kind is not Kind.SHORT:
        return Finding(_UNUSABLE[kind])
    if call.asserted is not None:
        finding = _against_asserted(call, settings)
        if finding is not None:
            return finding
    if caller.value == call.callee.value:
        return Finding("same_as_callee")
    return None


def _against_asserted(call: Call, settings: CallerNumber) -> Finding | None:
    shown = call.shown
    kind = shown.kind
    if kind is Kind.E164 or kind is Kind.SHORT:
        if settings.compare_identities and shown.value != call.caller.value:
            return Finding("identity_mismatch", "From and P-Asserted-Identity differ")
    elif kind is Kind.EMPTY or kind is Kind.ANONYMOUS:
        if not call.private:
            return Finding(_UNUSABLE[kind], "From withholds the number and no privacy is asked for")
    else:
        return Finding(_UNUSABLE[kind], "From, beside a usable P-Asserted-Identity")
    if settings.compare_identities and len(call.identities) > 1:
        # RFC 3325 §9.1: two values, one sip and one tel, of one identity.
        for other in call.identities:
            if other.value and other.value != call.caller.value:
                return Finding("identity_mismatch", "P-Asserted-Identity values differ")
    return None


RULE = Rule(
    settings=CallerNumber,
    judge=judge,
    answers=dict.fromkeys(
        ("missing", "anonymous", "malformed", "too_long", "identity_mismatch", "same_as_callee"), Refusal.FORBIDDEN
    ),
    rank=10,
)
