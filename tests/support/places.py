"""Where numbers are by the plans and calendars that come with ringfence."""

from __future__ import annotations

from ringfence.calendars import Calendar, Places, packaged, packaged_names
from ringfence.numbering.packaged import packaged as packaged_plan

CALENDARS = [Calendar(packaged(name)) for name in packaged_names()]
PLACES = Places(packaged_plan("cn"), CALENDARS)
SINGAPORE = Places(packaged_plan("sg"), CALENDARS)
