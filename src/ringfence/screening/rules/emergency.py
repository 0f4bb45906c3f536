"""Emergency calls are forwarded, first and whatever else is known (DESIGN, fail modes)."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints

from ringfence.numbering import Kind
from ringfence.screening.call import Call
from ringfence.screening.facts import Facts
from ringfence.screening.rule import Finding, Refusal, Rule
from ringfence.settings_types import Frozen


class Emergency(Frozen):
    """There is no mode: emergency calls cannot be switched off."""

    numbers: tuple[Annotated[str, StringConstraints(pattern=r"^\+?[0-9]{2,15}$")], ...] = Field(
        default=("110", "119", "120", "122"),
        min_length=1,
        description="emergency numbers as the plan reads them; forms with +86 or an area code in front are meant too",
    )


def judge(call: Call, facts: Facts, settings: Emergency) -> Finding | None:
    """Speak when the callee is an emergency number or service (RFC 5031 §4.2, `urn:service:sos` and below)."""
    callee = call.callee
    if callee.value in settings.numbers:
        return Finding("called")
    if callee.kind is Kind.SERVICE:
        service = callee.value
        if service == "urn:service:sos" or service.startswith("urn:service:sos."):
            return Finding("called")
    return None


RULE = Rule(
    settings=Emergency,
    judge=judge,
    answers={"called": Refusal.FORBIDDEN},
    rank=0,
    settles=True,
    fixed=frozenset({"numbers"}),
)
