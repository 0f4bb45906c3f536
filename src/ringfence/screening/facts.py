"""What rules may ask the world, and what it answers."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal, NamedTuple

from mypy_extensions import mypyc_attr


class Need(StrEnum):
    """A question about a call that takes a look-up; its value is the name of its place in `Facts`."""

    CONSENT = "consent"  # did the callee agree to be called by this holder, or refuse
    SCORE = "score"  # the caller's harassment score
    CALLER_RATE = "caller_rate"  # the caller's attempts in the window, this call included
    CALLEE_CALLS = "callee_calls"  # when the holder's earlier calls to the callee were forwarded
    ROAMING = "roaming"  # is the caller's subscriber abroad


class Unknown(NamedTuple):
    """A fact that did not come. reason: `not_asked`, `deadline`, `breaker_open`, …"""

    reason: str


Scope = Literal["everybody", "sector", "holder"]
"""Whose calls a refusal or a wish is about: of all holders, of those in a sector, of one."""


class Consent(NamedTuple):
    """What the register says about a callee and a holder.

    granted: a consent is on record. until: epoch s when the consent ends, None: never.
    refused: the callee refused, and whom; wish: a standing wish not to be called, and by whom; None: nothing of the
    kind stands against the consent.
    """

    granted: bool
    refused: Scope | None = None
    until: float | None = None
    wish: Scope | None = None


class Score(NamedTuple):
    """points: 0..100, how surely the caller harasses."""

    points: float


class Rate(NamedTuple):
    """attempts: calls in the last `window` seconds, this one included."""

    attempts: int
    window: float


class CalleeCalls(NamedTuple):
    """times: epoch seconds at which earlier calls of the holder to the callee were forwarded, oldest first.

    As many of them as the limits ask for.
    """

    times: tuple[int, ...]


class CalleeMemory(NamedTuple):
    """How much of that has to be remembered: so many calls, for so many seconds after the last."""

    calls: int
    seconds: float


class Roaming(NamedTuple):
    """abroad: the subscriber of the caller's number is known to be in another country."""

    abroad: bool


NOT_ASKED = Unknown("not_asked")


@mypyc_attr(acyclic=True)
class Facts:
    """Everything that was learned about one call; the look-ups fill the places they were asked for."""

    __slots__ = ("callee_calls", "caller_rate", "consent", "roaming", "score")

    def __init__(
        self,
        consent: Consent | Unknown = NOT_ASKED,
        score: Score | Unknown = NOT_ASKED,
        caller_rate: Rate | Unknown = NOT_ASKED,
        roaming: Roaming | Unknown = NOT_ASKED,
        callee_calls: CalleeCalls | Unknown = NOT_ASKED,
    ) -> None:
        self.consent = consent
        self.score = score
        self.caller_rate = caller_rate
        self.roaming = roaming
        self.callee_calls = callee_calls

    def copy(self) -> Facts:
        """The same facts, to be filled up apart."""
        return Facts(self.consent, self.score, self.caller_rate, self.roaming, self.callee_calls)
