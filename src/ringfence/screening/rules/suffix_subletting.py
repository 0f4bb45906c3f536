"""Digits behind an access code that nobody filed: how a 95 or 400 number is sublet (DOMAIN §2.3)."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints

from ringfence.ledger import Trunk
from ringfence.screening.call import Call
from ringfence.screening.facts import Facts
from ringfence.screening.rule import Finding, Mode, Refusal, Rule, RuleSettings


class SuffixSubletting(RuleSettings):
    """Which codes may be sublet so, and how long they are by themselves."""

    mode: Mode = Field(default="enforce", description=RuleSettings.model_fields["mode"].description)
    codes: dict[Annotated[str, StringConstraints(pattern=r"^\+?[0-9]{2,15}$")], tuple[int, ...]] = Field(
        default={"95": (5, 6), "+86400": (12,)},
        description="digits of a whole code, country code included, by its leading digits",
    )


def judge(call: Call, facts: Facts, settings: SuffixSubletting) -> Finding | None:
    """Speak when the caller is a code of somebody's with more digits behind it, and that number is not on file.

    On file is a number that the ledger knows with these very digits, whoever's it is; a code alone does not cover what
    begins with it. Codes that the ledger does not know are `caller_authorised`'s business.
    """
    value = call.caller.value
    for leading, lengths in settings.codes.items():
        if value.startswith(leading):
            return _beyond(call.trunk, value, lengths)
    return None


def _beyond(trunk: Trunk, value: str, lengths: tuple[int, ...]) -> Finding | None:
    plus = value[0] == "+"
    digits = len(value) - plus
    if digits <= min(lengths) or trunk.standing(value).holders:
        return None
    for length in sorted(lengths, reverse=True):
        if length < digits:
            code = trunk.standing(value[: length + plus])
            if code.holders:
                own = code.granted or trunk.holder in code.holders
                return Finding("suffix_not_filed" if own else "suffix_of_another", f"code of {', '.join(code.holders)}")
    return None


RULE = Rule(
    settings=SuffixSubletting,
    judge=judge,
    answers=dict.fromkeys(("suffix_not_filed", "suffix_of_another"), Refusal.FORBIDDEN),
    rank=19,
)
