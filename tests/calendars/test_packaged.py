"""Calendars that come with ringfence: the files of config/calendar, day by day as independent packages have them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from importlib.resources import files
from pathlib import Path

import chinese_calendar
import holidays
import pytest

from ringfence.calendars import Calendar, CalendarsSettings, packaged, packaged_names
from ringfence.config.calendar_file import read_calendar
from ringfence.config.validation import validate
from ringfence.config.yaml_source import read_yaml

FOLDER = Path(__file__).resolve().parents[2] / "config/calendar"


def days(year: int) -> Iterator[date]:
    day = date(year, 1, 1)
    while day.year == year:
        yield day
        day += timedelta(1)


def test_they_are_what_the_configuration_shows() -> None:
    assert packaged_names() == sorted(path.stem for path in FOLDER.glob("*.yaml")) == ["cn", "sg"]
    assert list(CalendarsSettings().shipped) == packaged_names()


@pytest.mark.parametrize("name", packaged_names())
def test_both_ways_to_read_a_calendar_say_the_same(name: str) -> None:
    path = FOLDER / f"{name}.yaml"
    said = validate(type(packaged(name)), read_yaml(path.read_bytes(), name), name, {})[0]
    assert packaged(name) == said and said.calendar == name
    inside = files("ringfence.calendars").joinpath("shipped").joinpath(f"{name}.yaml").read_bytes()
    assert inside == path.read_bytes()
    assert read_calendar(path)[0].complete == Calendar(said).complete


@pytest.mark.parametrize("year", sorted(Calendar(packaged("cn")).complete))
def test_chinas_days_are_those_of_chinesecalendar(year: int) -> None:
    calendar = Calendar(packaged("cn"))
    for day in days(year):
        free = calendar.day(day.toordinal()) != "workday"
        assert free is chinese_calendar.is_holiday(day), day
        named = chinese_calendar.get_holiday_detail(day)
        # A day that is worked in exchange carries the holiday's name there, too.
        assert (calendar.day(day.toordinal()) == "holiday") is (named[0] and named[1] is not None), day


def test_what_the_law_fixes_for_china_is_known_before_the_notice() -> None:
    calendar = Calendar(packaged("cn"))
    assert calendar.partial == {2027}
    law = holidays.country_holidays("CN", years=2027, observed=False)
    found = [day for day in days(2027) if calendar.day(day.toordinal()) == "holiday"]
    assert found == sorted(day for day, name in law.items() if "observed" not in name)


@pytest.mark.parametrize("year", sorted(Calendar(packaged("sg")).complete))
def test_singapores_days_are_those_of_holidays(year: int) -> None:
    calendar = Calendar(packaged("sg"))
    found = [day for day in days(year) if calendar.day(day.toordinal()) == "holiday"]
    assert found == sorted(holidays.country_holidays("SG", years=year))
