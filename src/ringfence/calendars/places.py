"""Where a callee is, as far as its number tells: time zones and the calendar of its country."""

from __future__ import annotations

from collections.abc import Iterable

from ringfence.calendars.calendar import Calendar
from ringfence.numbering import Number, PlanSettings
from ringfence.numbering.zones import zones_of


class Places:
    """What a national plan and calendars say of where numbers are.

    home: ISO 3166 code of the plan's country. provinces: those of the plan. calendars: by country.
    """

    __slots__ = ("_plan_zones", "_province_zones", "calendars", "home", "provinces")

    def __init__(self, plan: PlanSettings, calendars: Iterable[Calendar]) -> None:
        """calendars: of several for one country the last counts."""
        self.home = plan.country
        self.provinces = frozenset(plan.provinces)
        self.calendars = {calendar.country: calendar for calendar in calendars}
        self._plan_zones = plan.zones
        self._province_zones = {name: province.zones for name, province in plan.provinces.items() if province.zones}

    def country(self, number: Number) -> str:
        """Where a number is: the plan's country, that of its country code, "" if unknown.

        A number that cannot be read and was not written as a foreign one is dialled at home.
        """
        return number.country or ("" if number.marked else self.home)

    def zones(self, number: Number) -> tuple[str, ...]:
        """Every zone that a number may be in; () where nobody knows.

        At home the plan says it for the province or for all; where it does not, and abroad, the first digits do.
        """
        if self.country(number) == self.home:
            zones = self._province_zones.get(number.province, self._plan_zones)
            if zones:
                return zones
        return zones_of(number.value)
