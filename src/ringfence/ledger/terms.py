"""What the ledger says of a number on a trunk: grants with their terms, titles with their certificates."""

from __future__ import annotations

from typing import Literal, NamedTuple

FOREVER = float("inf")

Purpose = Literal["service", "marketing", "notification", "verification", "internal"]
Direction = Literal["originate", "receive"]

HELD_HERE = "held_not_granted"
HELD_ELSEWHERE = "held_by_another"
UNKNOWN = "unknown_holder"
OUTCOMES = (HELD_HERE, HELD_ELSEWHERE, UNKNOWN)


class Terms(NamedTuple):
    """Under which terms a trunk may show a number.

    purposes: kinds of calls it is for, none: all. since, until: epoch seconds, until not included.
    """

    purposes: tuple[Purpose, ...] = ()
    originate: bool = True
    receive: bool = True
    since: float = 0.0
    until: float = FOREVER
    suspended: bool = False
    note: str = ""


class Title(NamedTuple):
    """Whose a number is, and by which certificate. since, until: epoch seconds, until not included."""

    holder: str
    certificate: str = ""
    since: float = 0.0
    until: float = FOREVER


class Standing:
    """A number on a trunk; shared between calls, so never changed after it was made.

    terms: every grant of the number to the trunk; none: it may not show it. titles: whose number it is.
    outcome: for traceback: "" where granted, else who holds it: the trunk's own holder (HELD_HERE), somebody else that
    the ledger knows (HELD_ELSEWHERE), or nobody (UNKNOWN). holders: who holds it, or shows it by a grant.
    """

    __slots__ = ("granted", "holders", "outcome", "terms", "titles")

    def __init__(self, terms: tuple[Terms, ...], titles: tuple[Title, ...], holders: tuple[str, ...], own: str) -> None:
        self.terms = terms
        self.titles = titles
        self.holders = holders
        self.granted = bool(terms)
        self.outcome = "" if terms else HELD_HERE if own in holders else HELD_ELSEWHERE if holders else UNKNOWN


NOWHERE = Standing((), (), (), "")
"""Of a number that the ledger does not know."""
