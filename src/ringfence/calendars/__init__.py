"""Days and hours where a callee is: national calendars, time zones, and the hours that are open there. Pure."""

from ringfence.calendars.calendar import Calendar, CalendarError, Day
from ringfence.calendars.calendar_file import CalendarFile
from ringfence.calendars.hours import Hours
from ringfence.calendars.packaged import packaged, packaged_names
from ringfence.calendars.places import Places
from ringfence.calendars.settings import CalendarsSettings

__all__ = [
    "Calendar",
    "CalendarError",
    "CalendarFile",
    "CalendarsSettings",
    "Day",
    "Hours",
    "Places",
    "packaged",
    "packaged_names",
]
