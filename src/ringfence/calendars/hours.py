"""Hours of a day by its kind, and whether they are open at a moment in one time zone."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

from ringfence.calendars.calendar import Calendar, Day

Windows = tuple[tuple[int, int], ...]
"""Minutes of the day, from included, to not; in order, without touching each other."""

MINUTES = 24 * 60
_QUARTER = 900  # seconds; every zone's clock is changed at a quarter of an hour
_EPOCH = datetime(1970, 1, 1).toordinal()
_DAY = 86_400
_EARLIEST, _LATEST = 0.0, 7_258_118_400.0  # to the year 2200: what lies outside is no time of a call


class Hours(NamedTuple):
    """Open hours by the kind of day."""

    workday: Windows
    weekend: Windows
    holiday: Windows

    def within(self, other: Hours) -> Hours:
        """What both leave open."""
        return Hours(*(_both(one, two) for one, two in zip(self, other, strict=True)))


def _both(one: Windows, two: Windows) -> Windows:
    return tuple(
        (max(a, c), min(b, d)) for a, b in one for c, d in two if max(a, c) < min(b, d)
    )  # in order, as both are


class Closed(NamedTuple):
    """Why a moment is not open. day: its kind. clock: the time there, `21:05`."""

    day: Day
    clock: str
    zone: str
    never: bool  # nothing of such a day is open


class Opening:
    """Open hours in one zone.

    It keeps the stretch of time that its last answer holds for, so that a call costs two comparisons; the zone's data
    are asked at the end of a stretch, a few times a day.
    """

    __slots__ = ("_calendar", "_closed", "_day_unknown", "_hours", "_since", "_until", "_zone", "zone")

    def __init__(self, hours: Hours, zone: str, calendar: Calendar | None, day_unknown: Day | None) -> None:
        """calendar: the country's, None where there is none. day_unknown: what a day is that no calendar knows; None:
        as its weekday says."""
        self._hours = hours
        self._calendar = calendar
        self._day_unknown = day_unknown
        self.zone = zone
        self._zone = ZoneInfo(zone)
        self._since = self._until = 0.0
        self._closed: Day | None = None

    def open(self, at: float) -> bool:
        """Whether it is open. at: epoch seconds."""
        if not self._since <= at < self._until:
            self._turn_to(at)
        return self._closed is None

    def closed(self, at: float) -> Closed | None:
        """Why it is not open; None when it is."""
        if self.open(at):
            return None
        assert self._closed is not None
        local = datetime.fromtimestamp(_within(at), self._zone)
        day = self._closed
        return Closed(day, local.strftime("%H:%M"), self.zone, not getattr(self._hours, day))

    def _turn_to(self, at: float) -> None:
        """Find the answer and the stretch that it holds for."""
        at = _within(at)
        offset = self._offset(at)
        days, second = divmod(int(at) + offset, _DAY)
        day = self._kind(_EPOCH + days)
        minute = second // 60
        begin, end, is_open = _stretch(getattr(self._hours, day), minute)
        midnight = int(at) - second
        since, until = midnight + begin * 60, midnight + end * 60
        if self._offset(since) != offset or self._offset(until) != offset:
            # The clock is changed within: what holds is the quarter of an hour, in which none is.
            quarter = int(at) // _QUARTER * _QUARTER
            since, until = max(since, quarter), min(until, quarter + _QUARTER)
        self._since, self._until = float(since), float(until)
        self._closed = None if is_open else day

    def _offset(self, at: float) -> int:
        away = datetime.fromtimestamp(at, self._zone).utcoffset()
        assert away is not None
        return int(away.total_seconds())

    def _kind(self, ordinal: int) -> Day:
        calendar = self._calendar
        if calendar is not None and calendar.covers(datetime.fromordinal(ordinal).year):
            return calendar.day(ordinal)
        if self._day_unknown is not None:
            return self._day_unknown
        if calendar is not None:
            return calendar.day(ordinal)
        return "weekend" if (ordinal - 1) % 7 >= 5 else "workday"


def _stretch(windows: Windows, minute: int) -> tuple[int, int, bool]:
    """The longest stretch of a day around a minute that is all open or all closed: (from, to, open)."""
    begin = 0
    for start, end in windows:
        if minute < start:
            return begin, start, False
        if minute < end:
            return start, end, True
        begin = end
    return begin, MINUTES, False


def _within(at: float) -> float:
    return min(max(at, _EARLIEST), _LATEST)


def minutes_of(texts: Sequence[str]) -> Windows:
    """`09:00-12:00` and the like as windows. Raises ValueError for what is no window, or out of order."""
    windows: list[tuple[int, int]] = []
    for text in texts:
        first, _, last = text.partition("-")
        begin, end = _minute(first), _minute(last)
        if begin >= end:
            raise ValueError(f"{text}: ends before it begins: what passes midnight is two windows, one up to 24:00")
        if windows and begin <= windows[-1][1]:
            raise ValueError(f"{text}: windows are in order and leave time between them")
        windows.append((begin, end))
    return tuple(windows)


def _minute(text: str) -> int:
    hour, _, minute = text.partition(":")
    return int(hour) * 60 + int(minute)
