"""A callee whom one holder calls too often, over all of the holder's trunks."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from ringfence.ledger import Trunk
from ringfence.screening.call import Call
from ringfence.screening.facts import Facts, Need, Unknown
from ringfence.screening.rule import Finding, Refusal, Rule, RuleSettings
from ringfence.settings_types import Duration, Frozen

MOST_CALLS = 100  # each stands in the store, 10 bytes a call
LONGEST = 366 * 86_400.0  # seconds


class CalleeLimit(Frozen):
    """So many calls within so long a time before a call, that one not counted."""

    calls: Annotated[int, Field(ge=1, le=MOST_CALLS)] = Field(description="calls that are still usual")
    window: Annotated[Duration, Field(ge=1, le=LONGEST)] = Field(description="time in which they are")


class CalleeFrequency(RuleSettings):
    """Limits of calls by one holder to one callee; the defaults are an unproven proposal (DOMAIN §5.2).

    What counts are calls that were forwarded, tagged ones too, whatever became of them behind that: refused ones did
    not ring. A call is refused when any limit is used up.
    """

    limits: Annotated[tuple[CalleeLimit, ...], Field(min_length=1, max_length=8)] = Field(
        default=(CalleeLimit(calls=1, window=86_400.0), CalleeLimit(calls=4, window=30 * 86_400.0)),
        description="all of them hold; a trunk may have others, and its holder's calls on all trunks count",
    )


def judge(call: Call, facts: Facts, settings: CalleeFrequency) -> Finding | None:
    """Speak when a limit is used up; silent while the earlier calls are unknown, as for all counters of behaviour."""
    earlier = facts.callee_calls
    if isinstance(earlier, Unknown):
        return None
    for limit in settings.limits:
        since = call.at - limit.window
        made = sum([time > since for time in earlier.times])
        if made >= limit.calls:
            return Finding("over_limit", f"{made} calls in the {limit.window:.0f} s before")
    return None


def applies(trunk: Trunk, settings: CalleeFrequency) -> bool:
    """To marketing trunks only, as `consent`."""
    return trunk.marketing


RULE = Rule(
    settings=CalleeFrequency,
    needs=frozenset({Need.CALLEE_CALLS}),
    judge=judge,
    answers={"over_limit": Refusal.LATER},
    rank=40,
    applies=applies,
)
