"""A national calendar, ready to be asked what kind of day a day is."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Literal, get_args

from ringfence.calendars.calendar_file import CalendarFile, Weekday, YearSettings
from ringfence.errors import RingfenceError

Day = Literal["workday", "weekend", "holiday"]
"""workday: worked, a shifted one too. weekend: a day of rest as every week has them. holiday: a public one."""

Location = tuple[str | int, ...]
_WEEKDAYS: tuple[Weekday, ...] = get_args(Weekday)


class CalendarFault:
    """A value that cannot be. location: from the file's root."""

    __slots__ = ("location", "message")

    def __init__(self, location: Location, message: str) -> None:
        self.location = location
        self.message = message


class CalendarError(RingfenceError):
    """A calendar contradicts itself; `faults` holds every contradiction."""

    def __init__(self, faults: list[CalendarFault]) -> None:
        self.faults = faults
        super().__init__("; ".join(fault.message for fault in faults))


class Calendar:
    """One country's days.

    name, country: as the file has them. complete: years of which everything is known; partial: those of which shifted
    days are not published.
    """

    __slots__ = ("_days", "_rest", "complete", "country", "name", "partial")

    def __init__(self, said: CalendarFile) -> None:
        """Raises CalendarError with every fault."""
        faults: list[CalendarFault] = []
        self._days: dict[int, Day] = {}
        self._rest = frozenset(_WEEKDAYS.index(name) for name in said.rest_days)
        for number, year in said.years.items():
            if year.source not in said.sources:
                faults.append(CalendarFault(("years", str(number), "source"), f"no such source: {year.source}"))
            faults += self._enter(number, year)
        if faults:
            raise CalendarError(faults)
        self.name = said.calendar
        self.country = said.country
        self.complete = frozenset(number for number, year in said.years.items() if year.complete)
        self.partial = frozenset(said.years) - self.complete

    def _enter(self, number: int, year: YearSettings) -> Iterator[CalendarFault]:
        first, last = date(number, 1, 1).toordinal(), date(number, 12, 31).toordinal()
        for place, holiday in enumerate(year.holidays):
            where = ("years", str(number), "holidays", place)
            days = holiday.days
            if days[0] < first or days[-1] > last:
                yield CalendarFault(where, f"{holiday.name}: not within {number}: write its days under their own year")
                continue
            for day in days:
                if day in self._days:
                    yield CalendarFault(where, f"{date.fromordinal(day)} is in another holiday already")
                self._days[day] = "holiday"
        for place, worked in enumerate(year.working_days):
            where = ("years", str(number), "working_days", place)
            day = worked.toordinal()
            if not first <= day <= last:
                yield CalendarFault(where, f"{worked} is not in {number}")
            elif day in self._days:
                yield CalendarFault(where, f"{worked} is a holiday, or named twice")
            elif worked.weekday() not in self._rest:
                yield CalendarFault(where, f"{worked} is a {_WEEKDAYS[worked.weekday()]}, which is worked anyway")
            self._days[day] = "workday"

    def day(self, ordinal: int) -> Day:
        """What kind of day it is (proleptic ordinal); where no year is known, as its weekday says."""
        known = self._days.get(ordinal)
        if known is not None:
            return known
        return "weekend" if (ordinal - 1) % 7 in self._rest else "workday"

    def covers(self, year: int) -> bool:
        """Whether the year's holidays are known, of a partial one those that the law fixes."""
        return year in self.complete or year in self.partial
