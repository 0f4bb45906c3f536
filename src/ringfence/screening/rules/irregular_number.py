"""A caller's number that the plan does not have, or that no call comes from."""

from __future__ import annotations

from pydantic import Field

from ringfence.ledger import Trunk
from ringfence.numbering import IRREGULARITIES, Kind, Number
from ringfence.screening.call import Call
from ringfence.screening.facts import Facts
from ringfence.screening.rule import Finding, Refusal, Rule, RuleSettings

_BY_CLASS = {"unassigned": "unassigned", "no_voice": "no_voice", "restricted": "restricted"}


class IrregularNumber(RuleSettings):
    """Each way to be irregular is a reason of its own."""

    restricted_strength: float = Field(
        default=0.6,
        gt=0,
        le=1,
        description="part of the points for a data line, some of which may speak; with 100 points 0.6 reaches "
        "screening.tag_at",
    )


def judge(call: Call, facts: Facts, settings: IrregularNumber) -> Finding | None:
    """Speak about the judged identity, then about the number that the callee would see."""
    finding = _of(call.caller, call.trunk, settings)
    if finding is None and call.asserted is not None and call.shown.value != call.caller.value:
        finding = _of(call.shown, call.trunk, settings)
    return finding


def _of(number: Number, trunk: Trunk, settings: IrregularNumber) -> Finding | None:
    if number.irregular:
        return Finding(number.irregular, IRREGULARITIES[number.irregular])
    class_ = number.class_
    reason = _BY_CLASS.get(class_.caller)
    if reason is not None:
        strength = settings.restricted_strength if reason == "restricted" else 1.0
        return Finding(reason, class_.title, strength)
    if class_.only_on and trunk.kind not in class_.only_on:
        return Finding("wrong_trunk_kind", f"{class_.name} does not come from a trunk of kind {trunk.kind}")
    if class_.province_bound:
        return _province(number, trunk)
    return None


def _province(number: Number, trunk: Trunk) -> Finding | None:
    """A code of one province: alone it is the trunk's province's; with an area code before it that area's.

    A trunk that carries a whole network's callers is of no province, and its codes need their area.
    """
    if number.kind is Kind.SHORT:
        return None if trunk.province else Finding("no_province", "which province's code this is cannot be known")
    if trunk.province and number.province and number.province != trunk.province:
        return Finding("other_province", f"a code of {number.province} on a trunk of {trunk.province}")
    return None


RULE = Rule(
    settings=IrregularNumber,
    judge=judge,
    answers=dict.fromkeys(
        (*IRREGULARITIES, "no_voice", "restricted", "wrong_trunk_kind", "no_province", "other_province"),
        Refusal.FORBIDDEN,
    ),
    rank=16,
)
