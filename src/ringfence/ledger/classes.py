"""What the ledger has to know of a number's class; the numbering plan says it."""

from __future__ import annotations

from typing import NamedTuple, Protocol


class NumberClass(NamedTuple):
    """A class of numbers.

    shortest_prefix: fewest digits of a prefix that may stand for many of its numbers, country code included.
    originates: whether such a number may be a caller at all.
    """

    name: str
    shortest_prefix: int
    originates: bool = True


class Classifier(Protocol):
    """Whatever tells a number's class: the numbering plan."""

    def classify(self, value: str) -> NumberClass:
        """The class of a number, given as `Number.value`; of a prefix, that of the numbers that begin so."""
        ...


class AccessCodes:
    """The classes that the ledger's own checks need where there is no plan that knows more (DOMAIN §2.3)."""

    _ACCESS = (("+86400", "shared_cost"), ("+86800", "toll_free"))  # translate inbound, are never a caller

    def classify(self, value: str) -> NumberClass:
        """400 and 800 numbers; everything else may call."""
        for leading, name in self._ACCESS:
            if value.startswith(leading):
                return NumberClass(name, len(leading) - 1, originates=False)
        if value.startswith("+"):
            return NumberClass("international", 4)  # +44 alone would be a country
        return NumberClass("code", 4)
