"""What the ledger has to know of a number's class, by the numbering plan."""

from __future__ import annotations

from typing import NamedTuple

from ringfence.numbering import Numbering

_NEVER = frozenset({"inbound_only", "no_voice", "unassigned"})  # what a class may not be to call at all
_ABROAD = 4  # +44 alone would be a country
_CODE = 4  # 95 alone would be everybody's codes


class NumberClass(NamedTuple):
    """A class of numbers.

    shortest_prefix: fewest digits of a prefix that may stand for many of its numbers, country code included.
    originates: whether such a number may be a caller at all, be it by an undertaking of its holder's.
    """

    name: str
    shortest_prefix: int
    originates: bool = True


class Classes:
    """The classes of a plan, as titles and grants are checked by."""

    def __init__(self, numbering: Numbering) -> None:
        self._numbering = numbering
        self._home = "+" + numbering.plan.country_code

    def classify(self, value: str) -> NumberClass:
        """The class of a number, given as `Number.value`; of a prefix, that of the numbers that begin so."""
        if value[0] == "+" and not value.startswith(self._home):
            return NumberClass("foreign", _ABROAD)
        class_, prefix, shortest = self._numbering.beginning(value)
        number = self._numbering.read(value)
        if number.value == value:
            class_ = number.class_
        least = prefix + len(self._home) - 1 if value[0] == "+" else max(prefix, min(_CODE, shortest))
        return NumberClass(class_.name, least, class_.caller not in _NEVER)

    def differ_behind(self, lead: str) -> bool:
        """Whether numbers of one length that begin with these digits, country code included, may differ in class."""
        code = self._home[1:]
        return lead.startswith(code) and self._numbering.differ_behind(lead[len(code) :])
