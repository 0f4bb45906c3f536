"""The calendars that come with ringfence: files of config/calendar/."""

from __future__ import annotations

from ringfence.calendars.calendar_file import CalendarFile
from ringfence.shipped import Shipped

_CALENDARS = Shipped("ringfence.calendars", "shipped", CalendarFile)


def packaged_names() -> list[str]:
    """The names of all calendars, sorted."""
    return _CALENDARS.names()


def packaged(name: str) -> CalendarFile:
    """A calendar by its name, read once. Raises KeyError."""
    return _CALENDARS.get(name)
