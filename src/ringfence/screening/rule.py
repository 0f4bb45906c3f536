"""The shape of a rule: one pure function with its settings, in one file of `rules/`."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any, Generic, Literal, NamedTuple, TypeVar

from pydantic import Field

from ringfence.calendars import Places
from ringfence.ledger import Trunk
from ringfence.screening.call import Call
from ringfence.screening.facts import Facts, Need
from ringfence.settings_types import Frozen

Mode = Literal["off", "observe", "enforce"]

_REASON = re.compile(r"[a-z][a-z0-9_]{0,47}")


class Refusal(Enum):
    """What kind of no a reason is; `answer.py` gives each its response (DOMAIN §5, response choice)."""

    FORBIDDEN = "forbidden"  # authorisation, plan, missing consent: certain, do not try again
    ANALYTICS = "analytics"  # score or behaviour: probable, open to redress
    DECLINED = "declined"  # the callee's own refusal
    LATER = "later"  # cannot be decided now: try again


class RuleSettings(Frozen):
    """What every rule has; a new rule starts in observe."""

    mode: Mode = Field(
        default="observe", description="off: not asked; observe: counted, weighs nothing; enforce: its points count"
    )
    points: float = Field(
        default=100.0, ge=0, le=1000, description="what a finding of full strength adds to the call's sum"
    )


class Finding(NamedTuple):
    """What a rule has to say against a call.

    reason: one of the rule's declared reasons. detail: for the record, without phone numbers. strength: 0..1, how sure.
    """

    reason: str
    detail: str = ""
    strength: float = 1.0


class Unfit(ValueError):
    """Settings of a rule that do not fit the places that there are. location: of the value, in the rule's settings."""

    def __init__(self, location: tuple[str | int, ...], message: str) -> None:
        super().__init__(message)
        self.location = location
        self.message = message


S = TypeVar("S", bound=Frozen)


class Rule(Generic[S]):
    """One rule; its name is its file's.

    settings: its model; RuleSettings, or Frozen for a rule that settles (it has neither mode nor points).
    needs: what it must know; a rule without needs looks before anything is asked.
    look: what it can say before anything is asked, of a rule with needs; a call that it speaks about is not judged by
    the rule again.
    judge: pure; None when there is nothing to say. It may not raise, and is counted and skipped when it does. Its last
    argument is what `prepare` made of the settings, else the settings.
    prepare: what is worked out of the settings and the places once a generation, before any call; raises Unfit.
    answers: each reason it may give, with the kind of refusal that it leads to.
    rank: rules are asked and listed by rank; of findings with equal points the lowest rank names the verdict.
    settles: a finding forwards the call at once, whatever other rules would say.
    applies: whether it concerns a trunk at all; where it does not, nothing is asked for it. It sees a trunk that stands
    for all of its profile: without name, holder, sources and numbers.
    fixed: names of settings that one trunk may not have differently, as the whole node shares them.
    """

    __slots__ = ("answers", "applies", "fixed", "judge", "look", "needs", "prepare", "rank", "settings", "settles")

    def __init__(
        self,
        settings: type[S],
        judge: Callable[[Call, Facts, Any], Finding | None],
        answers: Mapping[str, Refusal],
        needs: frozenset[Need] = frozenset(),
        rank: int = 100,
        settles: bool = False,
        applies: Callable[[Trunk, S], bool] | None = None,
        fixed: frozenset[str] = frozenset(),
        look: Callable[[Call, S], Finding | None] | None = None,
        prepare: Callable[[S, Places], object] | None = None,
    ) -> None:
        for reason in answers:
            # Reasons stand in header lines and metric labels.
            if not _REASON.fullmatch(reason):
                raise ValueError(f"{reason!r} is no reason: lower-case letters, digits and underscores")
        if look is not None and not needs:
            raise ValueError("a rule without needs has nothing to look at beforehand")
        if look is not None and prepare is not None:
            raise ValueError("a look is given the settings as they are written")
        if settles and needs:
            raise ValueError("a rule that settles may not wait for look-ups")
        if not settles and not issubclass(settings, RuleSettings):
            raise TypeError("a rule that weighs has mode and points: derive its settings from RuleSettings")
        self.settings = settings
        self.judge = judge
        self.answers = answers
        self.needs = needs
        self.rank = rank
        self.settles = settles
        self.applies = applies
        self.fixed = fixed
        self.look = look
        self.prepare = prepare
