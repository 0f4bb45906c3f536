"""A foreign caller whose number does not say that it is one: the mark in front was taken off on the way."""

from __future__ import annotations

from pydantic import Field

from ringfence.ledger import Trunk
from ringfence.ledger.settings import TrunkKind
from ringfence.numbering import Number
from ringfence.numbering.number import UNMARKED_FOREIGN
from ringfence.screening.call import Call
from ringfence.screening.facts import Facts
from ringfence.screening.rule import Finding, Refusal, Rule, RuleSettings


class ForeignNotMarked(RuleSettings):
    """A number from abroad carries a plus or the international prefix, and nobody may take it off."""

    kinds: tuple[TrunkKind, ...] = Field(
        default=("international", "interconnect"), description="kinds of trunks that foreign callers come in by"
    )


def judge(call: Call, facts: Facts, settings: ForeignNotMarked) -> Finding | None:
    """Speak when the caller's digits are a foreign number by country code and length, without a mark before them."""
    for number in (call.caller, call.shown):
        finding = _of(number)
        if finding is not None:
            return finding
    return None


def _of(number: Number) -> Finding | None:
    if number.irregular != UNMARKED_FOREIGN:
        return None
    return Finding("no_prefix", f"reads like a number of {number.country}")


def applies(trunk: Trunk, settings: ForeignNotMarked) -> bool:
    """To trunks that foreign callers come in by."""
    return trunk.kind in settings.kinds


RULE = Rule(
    settings=ForeignNotMarked,
    judge=judge,
    answers={"no_prefix": Refusal.FORBIDDEN},
    rank=9,
    applies=applies,
)
