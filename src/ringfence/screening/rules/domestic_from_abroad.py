"""A number of home comes in from another country: forged, unless its subscriber roams there."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from ringfence.ledger import Trunk
from ringfence.ledger.settings import TrunkKind
from ringfence.numbering import FOREIGN, NO_CLASS, Number
from ringfence.screening.call import Call
from ringfence.screening.facts import Facts, Need, Unknown
from ringfence.screening.rule import Finding, Refusal, Rule, RuleSettings


class DomesticFromAbroad(RuleSettings):
    """Which trunks come from abroad, and what is done when nobody can say where a subscriber is."""

    kinds: tuple[TrunkKind, ...] = Field(
        default=("international",), description="kinds of trunks that carry calls from other countries"
    )
    when_unknown: Literal["refuse", "forward"] = Field(
        default="refuse",
        description="mobile numbers while the roaming check does not answer: refuse (480, come again) or forward",
    )


def look(call: Call, settings: DomesticFromAbroad) -> Finding | None:
    """Speak at once about what never roams: fixed lines, codes, numbers that are called. Both numbers count, the
    judged one and the one that the callee would see."""
    for number in (call.caller, call.shown):
        if _at_home(number) and number.class_.from_abroad == "never":
            return Finding("code" if number.class_.form == "code" else "never_roams", number.class_.title)
    return None


def judge(call: Call, facts: Facts, settings: DomesticFromAbroad) -> Finding | None:
    """Speak about a mobile number unless its subscriber is known to roam; without an answer as the settings say."""
    caller, shown = call.caller, call.shown
    if not _at_home(caller):
        # Nobody was asked about the number in From: the caller who is vouched for is not at home at all.
        return (
            Finding("shown_at_home", "From says a number of home beside a foreign identity")
            if _at_home(shown)
            else None
        )
    if _at_home(shown) and shown.value != caller.value:
        return Finding("two_numbers", "From says another number of home")
    roaming = facts.roaming
    if isinstance(roaming, Unknown):
        return Finding("roaming_unknown", roaming.reason) if settings.when_unknown == "refuse" else None
    return None if roaming.abroad else Finding("not_roaming")


def _at_home(number: Number) -> bool:
    return bool(number.value) and number.class_ is not FOREIGN and number.class_ is not NO_CLASS


def applies(trunk: Trunk, settings: DomesticFromAbroad) -> bool:
    """To trunks that come from abroad."""
    return trunk.kind in settings.kinds


RULE = Rule(
    settings=DomesticFromAbroad,
    needs=frozenset({Need.ROAMING}),
    look=look,
    judge=judge,
    answers={
        **dict.fromkeys(("code", "never_roams", "shown_at_home", "two_numbers", "not_roaming"), Refusal.FORBIDDEN),
        "roaming_unknown": Refusal.LATER,
    },
    rank=8,
    applies=applies,
)
