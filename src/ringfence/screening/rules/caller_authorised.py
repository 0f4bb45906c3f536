"""Whether the trunk may show this number: the core of the mission, closed by default."""

from __future__ import annotations

from pydantic import Field

from ringfence.ledger import Standing, Trunk
from ringfence.ledger.settings import TrunkKind
from ringfence.ledger.standing import OUTCOMES
from ringfence.screening.call import Call
from ringfence.screening.facts import Facts
from ringfence.screening.rule import Finding, Mode, Refusal, Rule, RuleSettings


class CallerAuthorised(RuleSettings):
    """Where the trunk's own numbers are the measure."""

    mode: Mode = Field(default="enforce", description=RuleSettings.model_fields["mode"].description)
    exempt_kinds: tuple[TrunkKind, ...] = Field(
        default=("interconnect", "international"),
        description="kinds of trunks that carry other networks' callers, whose numbers no contract lists",
    )


def judge(call: Call, facts: Facts, settings: CallerAuthorised) -> Finding | None:
    """Speak when the judged identity, or the number that the callee will see, is none of the trunk's.

    Both count: a granted P-Asserted-Identity must not carry somebody else's number in From to the callee's screen.
    The reason says for traceback whose number it is: one that this trunk's holder holds, but not for this trunk; one of
    somebody else whom the ledger knows; or nobody's. Whether a grant holds today is `grant_validity`'s question.
    """
    value = call.accountable.value
    if not value:
        return Finding("no_number")
    standing = call.trunk.standing(value)
    if not standing.granted:
        return Finding(standing.outcome, _whose(standing))
    if call.accountable is not call.caller:
        return None  # a diverted call: the caller is somebody else's, and who diverted it answers for it
    shown = call.shown.value
    if shown and shown != value:
        standing = call.trunk.standing(shown)
        if not standing.granted:
            return Finding(f"shown_{standing.outcome}", "P-Asserted-Identity is granted, From is not")
    return None


def _whose(standing: Standing) -> str:
    return f"held by {', '.join(standing.holders)}" if standing.holders else ""


def applies(trunk: Trunk, settings: CallerAuthorised) -> bool:
    """Not to trunks between networks."""
    return trunk.kind not in settings.exempt_kinds


RULE = Rule(
    settings=CallerAuthorised,
    judge=judge,
    answers=dict.fromkeys(("no_number", *OUTCOMES, *(f"shown_{outcome}" for outcome in OUTCOMES)), Refusal.FORBIDDEN),
    rank=20,
    applies=applies,
)
