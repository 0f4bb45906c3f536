"""Identities of one call that say different numbers (RFC 3325, and Remote-Party-ID which came before it)."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from ringfence.numbering import Number
from ringfence.screening.call import Call
from ringfence.screening.facts import Facts
from ringfence.screening.rule import Finding, Mode, Refusal, Rule, RuleSettings

Compared = Literal["asserted", "preferred", "remote_party"]


class IdentityConflict(RuleSettings):
    """What is held against From, or against the asserted identity of a trusted trunk."""

    mode: Mode = Field(default="enforce", description=RuleSettings.model_fields["mode"].description)
    compare: frozenset[Compared] = Field(
        default=frozenset(("asserted", "preferred", "remote_party")),
        description="fields that must say the caller's number: asserted (P-Asserted-Identity, of trusted trunks "
        "alone), preferred (P-Preferred-Identity), remote_party (Remote-Party-ID); leave asserted out for trunks that "
        "may show a main number of theirs instead of the line's",
    )


def judge(call: Call, facts: Facts, settings: IdentityConflict) -> Finding | None:
    """Speak about the first field that contradicts the judged identity; what has no number contradicts nothing.

    RFC 3325 §4: the P-Asserted-Identity of a trunk outside the trust domain was never read. Its wishes were, and a
    caller who says two numbers of himself is not believed in either.
    """
    caller = call.caller.value
    if not caller:
        return None
    compare = settings.compare
    if call.asserted is not None and "asserted" in compare:
        shown = call.shown.value
        if shown and shown != caller:
            return Finding("asserted", "From and P-Asserted-Identity differ")
        # RFC 3325 §9.1: two values, one sip and one tel, of one identity.
        if _differs(call.identities, caller):
            return Finding("asserted_values", "P-Asserted-Identity values differ")
    if call.preferred and "preferred" in compare and _differs(call.preferred, caller):
        return Finding("preferred", "P-Preferred-Identity says another number")
    if call.remote_party and "remote_party" in compare and _differs(call.remote_party, caller):
        return Finding("remote_party", "Remote-Party-ID says another number")
    return None


def _differs(numbers: tuple[Number, ...], value: str) -> bool:
    return any(number.value and number.value != value for number in numbers)


RULE = Rule(
    settings=IdentityConflict,
    judge=judge,
    answers=dict.fromkeys(("asserted", "asserted_values", "preferred", "remote_party"), Refusal.FORBIDDEN),
    rank=11,
)
