"""Calendars: the kind of each day, shifted working days, and every contradiction of a file."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from pydantic import ValidationError

from ringfence.calendars import Calendar, CalendarError, CalendarFile, packaged

CHINA = Calendar(packaged("cn"))


def calendar(year: dict[str, Any], **more: Any) -> Calendar:
    said = {"calendar": "t", "country": "TT", "date": "2026-01-01", "title": "t", "sources": {"law": "l"}, **more}
    return Calendar(CalendarFile.model_validate({**said, "years": {"2026": {"source": "law", "holidays": [], **year}}}))


@pytest.mark.parametrize(
    ("day", "kind"),
    [
        ("2026-02-13", "workday"),  # the Friday before the Spring Festival
        ("2026-02-14", "workday"),  # a Saturday that is worked
        ("2026-02-15", "holiday"),  # a Sunday, the first day off
        ("2026-02-20", "holiday"),  # a Friday off in exchange
        ("2026-02-23", "holiday"),  # the last day off, a Monday
        ("2026-02-24", "workday"),
        ("2026-02-28", "workday"),  # a Saturday that is worked
        ("2026-03-01", "weekend"),
        ("2026-09-19", "weekend"),
        ("2026-09-20", "workday"),  # a Sunday that is worked for the National Day
        ("2026-10-01", "holiday"),
        ("2026-10-07", "holiday"),
        ("2026-10-08", "workday"),
        ("2026-10-10", "workday"),  # a Saturday that is worked
        ("2026-10-11", "weekend"),
        ("2028-10-01", "weekend"),  # a Sunday of a year that is not known
        ("2028-10-02", "workday"),
    ],
)
def test_days_around_chinas_holidays(day: str, kind: str) -> None:
    assert CHINA.day(date.fromisoformat(day).toordinal()) == kind


def test_what_is_known() -> None:
    assert [CHINA.covers(year) for year in (2024, 2025, 2026, 2027, 2028)] == [False, True, True, True, False]
    assert 2027 not in CHINA.complete


def test_other_days_of_rest() -> None:
    gulf = calendar({}, rest_days=["friday", "saturday"])
    assert [gulf.day(date(2026, 3, day).toordinal()) for day in (5, 6, 7, 8)] == [
        "workday",
        "weekend",
        "weekend",
        "workday",
    ]


@pytest.mark.parametrize(
    ("year", "faults"),
    [
        ({"source": "rumour"}, [(("source",), "no such source: rumour")]),
        ({"holidays": [{"name": "h", "from": "2025-12-31", "to": "2026-01-01"}]},
         [(("holidays", 0), "h: not within 2026: write its days under their own year")]),
        ({"holidays": [{"name": "h", "from": "2026-05-01", "to": "2026-05-03"}, {"name": "i", "from": "2026-05-03"}]},
         [(("holidays", 1), "2026-05-03 is in another holiday already")]),
        ({"holidays": [{"name": "h", "from": "2026-05-03"}], "working_days": ["2026-05-03"]},
         [(("working_days", 0), "2026-05-03 is a holiday, or named twice")]),
        ({"working_days": ["2026-05-09", "2026-05-09", "2027-05-09"]},
         [(("working_days", 1), "2026-05-09 is a holiday, or named twice"),
          (("working_days", 2), "2027-05-09 is not in 2026")]),
        ({"working_days": ["2026-05-08"]}, [(("working_days", 0), "2026-05-08 is a friday, which is worked anyway")]),
    ],
)  # fmt: skip
def test_every_contradiction_is_named(year: dict[str, Any], faults: list[Any]) -> None:
    with pytest.raises(CalendarError) as raised:
        calendar(year)
    assert [(fault.location[2:], fault.message) for fault in raised.value.faults] == faults
    assert all(fault.location[:2] == ("years", "2026") for fault in raised.value.faults)


def test_a_holiday_does_not_end_before_it_begins() -> None:
    with pytest.raises(ValidationError, match="to is before from"):
        calendar({"holidays": [{"name": "h", "from": "2026-05-03", "to": "2026-05-01"}]})
