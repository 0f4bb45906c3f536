"""What the ledger says of one number on one trunk."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ringfence.ledger.terms import Terms, Title

if TYPE_CHECKING:
    from ringfence.ledger.ledger import Ledger

HELD_HERE = "held_not_granted"
HELD_ELSEWHERE = "held_by_another"
UNKNOWN = "unknown_holder"
OUTCOMES = (HELD_HERE, HELD_ELSEWHERE, UNKNOWN)


class Standing:
    """A number on a trunk; shared between calls.

    terms: every grant of the number to the trunk; none: it may not show it. granted: whether there is one.
    What few calls ask for (`titles`, `holders`, `outcome`) is looked up when it is asked for, once.
    """

    __slots__ = ("_cover", "_holders", "_ledger", "_own", "_titles", "granted", "terms")

    def __init__(self, ledger: Ledger | None, cover: int, own: str, terms: tuple[Terms, ...]) -> None:
        """ledger, cover: where the number lies; None and 0 for nowhere. own: the trunk's holder."""
        self._ledger = ledger
        self._cover = cover
        self._own = own
        self._titles: tuple[Title, ...] | None = None
        self._holders: tuple[str, ...] = ()
        self.terms = terms
        self.granted = bool(terms)

    @property
    def titles(self) -> tuple[Title, ...]:
        """Whose number it is, by which certificates."""
        if self._titles is None:
            self._look()
        assert self._titles is not None
        return self._titles

    @property
    def holders(self) -> tuple[str, ...]:
        """Who was assigned the number, or is written as its holder where it is granted."""
        if self._titles is None:
            self._look()
        return self._holders

    @property
    def outcome(self) -> str:
        """For traceback: "" where granted, else who holds it.

        The trunk's own holder (HELD_HERE), somebody else whom the ledger knows (HELD_ELSEWHERE), or nobody (UNKNOWN).
        """
        if self.granted:
            return ""
        holders = self.holders
        return HELD_HERE if self._own in holders else HELD_ELSEWHERE if holders else UNKNOWN

    def _look(self) -> None:
        titles: tuple[Title, ...] = ()
        holders: tuple[str, ...] = ()
        if self._ledger is not None:
            for bag in self._ledger.bags_of(self._cover):
                said = self._ledger.bag(bag)
                if isinstance(said, Title):
                    titles += (said,)
                if said.holder not in holders:
                    holders += (said.holder,)
        self._titles = titles
        self._holders = holders


NOWHERE = Standing(None, 0, "", ())
"""Of a number that the ledger does not know."""
