"""National calendars of the operator's own: read with the line of every fault, as the settings are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path

from ringfence.calendars import Calendar, CalendarError, CalendarFile, CalendarsSettings, Places, packaged
from ringfence.config.faults import ConfigError, Fault
from ringfence.config.files import Files
from ringfence.config.schema_tree import Schema, schema_of
from ringfence.config.validation import Source, validate
from ringfence.config.yaml_source import read_yaml
from ringfence.numbering import Numbering

NEXT_YEAR_FROM = 11  # month: by November the next year's days are usually published
_RULE = "its days are taken as the rule calling_hours says under unknown_day"


def calendar_schema() -> Schema:
    """JSON Schema (draft 2020-12) of a calendar file, for editors."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **schema_of(CalendarFile),
        "title": "ringfence calendar",
    }


def read_calendar(path: Path, files: Files | None = None) -> tuple[Calendar, Source]:
    """A calendar file, and where its values stand. Raises ConfigError with every fault."""
    return calendar_from((files or Files()).read_config(path), str(path))


def calendar_from(data: bytes, name: str) -> tuple[Calendar, Source]:
    """A calendar file's bytes, as `read_calendar`."""
    said, source = validate(CalendarFile, read_yaml(data, name), name, {})
    try:
        return Calendar(said), source
    except CalendarError as error:
        raise ConfigError([source.fault(fault.location, fault.message) for fault in error.faults]) from None


def build_places(
    settings: CalendarsSettings, numbering: Numbering, source: Source, files: Files
) -> tuple[Places, dict[str, Source]]:
    """Where numbers are, by the plan and the calendars that the settings name; and the file of each country's calendar.

    source: of the settings, for faults there. files: learns what was read. Raises ConfigError with every fault.
    """
    calendars = [Calendar(packaged(name)) for name in settings.shipped]
    sources: dict[str, Source] = {}
    faults: list[Fault] = []
    for position, path in enumerate(settings.files):
        try:
            calendar, own = read_calendar(path, files)
        except ConfigError as error:
            faults += error.faults
            continue
        if calendar.country in sources:
            message = f"a calendar of {calendar.country} is {sources[calendar.country].file} already"
            faults.append(source.fault(("calendars", "files", position), message))
        sources[calendar.country] = own
        calendars.append(calendar)
    if faults:
        raise ConfigError(faults)
    return Places(numbering.plan, calendars), sources


def gaps(places: Places, sources: Mapping[str, Source], day: date) -> Iterator[Fault]:
    """What the calendars do not know of the year of a day and, in its last two months, of the year to come.

    sources: of the operator's own calendars, by country.
    """
    if places.home not in places.calendars:
        yield Fault("calendars", 0, "", f"none is of {places.home}, the numbering plan's country: {_RULE}")
    for country, calendar in places.calendars.items():
        for year in (day.year, day.year + 1)[: 1 + (day.month >= NEXT_YEAR_FROM)]:
            if year in calendar.complete:
                continue
            if year in calendar.partial:
                message = f"of {year} only the holidays that the law fixes are known, no days shifted for them"
            else:
                message = f"{year} is not covered: {_RULE}"
            if country in sources:
                yield sources[country].fault(("years", str(year)), message)
            else:
                yield Fault(f"calendar {calendar.name}", 0, f"years.{year}", message)
