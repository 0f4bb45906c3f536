"""Open hours in a zone: every edge of a day, changes of the clock, and stretches that are kept without being wrong."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringfence.calendars import Calendar, Hours, packaged
from ringfence.calendars.calendar import Day
from ringfence.calendars.hours import Opening, minutes_of

CHINA = Calendar(packaged("cn"))
USUAL = Hours(minutes_of(["09:00-12:00", "14:00-20:00"]), minutes_of(["10:00-18:00"]), ())
ZONES = (
    "Asia/Shanghai",
    "America/New_York",
    "Asia/Kolkata",
    "Australia/Lord_Howe",
    "Pacific/Chatham",
    "Asia/Kathmandu",
)


def moment(text: str, zone: str = "Asia/Shanghai", fold: int = 0) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone), fold=fold).timestamp()


@pytest.mark.parametrize(
    ("text", "closed"),
    [
        ("2026-02-13 08:59:59", "workday 08:59"),
        ("2026-02-13 09:00:00", None),
        ("2026-02-13 11:59:59", None),
        ("2026-02-13 12:00:00", "workday 12:00"),
        ("2026-02-13 14:00:00", None),
        ("2026-02-13 20:00:00", "workday 20:00"),
        ("2026-02-13 23:59:59", "workday 23:59"),
        ("2026-02-14 00:00:00", "workday 00:00"),
        ("2026-02-14 09:30:00", None),  # a worked Saturday has the hours of a workday
        ("2026-02-14 19:59:59", None),
        ("2026-02-14 23:59:59.9", "workday 23:59"),
        ("2026-02-15 00:00:00", "holiday 00:00"),
        ("2026-02-15 10:00:00", "holiday 10:00"),
        ("2026-02-23 23:59:59", "holiday 23:59"),
        ("2026-02-24 00:00:00", "workday 00:00"),
        ("2026-02-24 09:00:00", None),
        ("2026-03-01 09:30:00", "weekend 09:30"),
        ("2026-03-01 10:00:00", None),
        ("2026-03-01 18:00:00", "weekend 18:00"),
    ],
)
def test_around_a_holiday(text: str, closed: str | None) -> None:
    why = Opening(USUAL, "Asia/Shanghai", CHINA, None).closed(moment(text))
    assert (why and f"{why.day} {why.clock}") == closed
    assert why is None or (why.zone, why.never) == ("Asia/Shanghai", why.day == "holiday")


def test_the_whole_day_and_none_of_it() -> None:
    all_day = Opening(Hours(minutes_of(["00:00-24:00"]), (), ()), "Asia/Shanghai", None, None)
    assert [all_day.open(moment(f"2026-03-02 {clock}")) for clock in ("00:00", "12:00", "23:59:59")] == [True] * 3
    assert not all_day.open(moment("2026-03-01 23:59:59")) and not all_day.open(moment("2026-03-07 00:00"))


@pytest.mark.parametrize(
    ("text", "fold", "is_open"),
    [
        # 2026-03-08: from 02:00 EST to 03:00 EDT.
        ("2026-03-07 01:59", 0, False), ("2026-03-08 01:59:59", 0, False), ("2026-03-08 03:00", 0, True),
        ("2026-03-08 03:29:59", 0, True), ("2026-03-08 03:30", 0, False), ("2026-03-09 02:00", 0, True),
        # 2026-11-01: from 02:00 EDT back to 01:00 EST; 01:30 comes twice.
        ("2026-11-01 01:30", 0, False), ("2026-11-01 01:30", 1, False), ("2026-11-01 02:00", 0, True),
        ("2026-11-01 03:29:59", 0, True), ("2026-11-01 03:30", 0, False),
    ],
)  # fmt: skip
def test_where_the_clock_is_changed(text: str, fold: int, is_open: bool) -> None:
    early = minutes_of(["02:00-03:30"])
    opening = Opening(Hours(early, early, early), "America/New_York", None, None)
    assert opening.open(moment(text, "America/New_York", fold)) is is_open


@pytest.mark.parametrize(
    ("calendar", "unknown", "text", "day"),
    [
        (CHINA, None, "2028-10-02 10:00", None),  # a Monday, whatever it will be
        (CHINA, "holiday", "2028-10-02 10:00", "holiday"),
        (CHINA, "holiday", "2026-10-12 10:00", None),
        (CHINA, None, "2027-10-01 10:00", "holiday"),  # known by the law, before the notice
        (None, None, "2026-10-01 10:00", None),
        (None, None, "2026-10-03 09:30", "weekend"),
        (None, "holiday", "2026-10-12 10:00", "holiday"),
    ],
)
def test_days_that_no_calendar_knows(
    calendar: Calendar | None, unknown: Day | None, text: str, day: str | None
) -> None:
    why = Opening(USUAL, "Asia/Shanghai", calendar, unknown).closed(moment(text))
    assert (why and why.day) == day


@given(
    st.sampled_from(ZONES),
    st.lists(
        st.integers(moment_0 := 1_767_225_600, moment_0 + 366 * 86_400)
        | st.integers(0, 365).map(lambda day: moment_0 + day * 86_400 + 50_400),
        min_size=1, max_size=20,
    ),
    st.lists(st.integers(0, 96), min_size=2, max_size=8, unique=True).filter(lambda found: len(found) % 2 == 0),
)  # fmt: skip
def test_a_kept_stretch_never_answers_wrong(zone: str, moments: list[int], edges: list[int]) -> None:
    edges.sort()
    windows = tuple((a * 15, b * 15) for a, b in zip(edges[::2], edges[1::2], strict=True))
    kept = Opening(Hours(windows, windows, windows), zone, None, None)
    for at in [*moments, *(one + step for one in moments for step in (1, 900, 3600, -1))]:
        local = datetime.fromtimestamp(at, ZoneInfo(zone))
        minute = local.hour * 60 + local.minute
        assert kept.open(at) is any(begin <= minute < end for begin, end in windows)


@pytest.mark.parametrize("at", [-1e18, -1.0, 0.0, 7.3e9, 1e18])
def test_a_time_that_is_none_raises_nothing(at: float) -> None:
    assert Opening(USUAL, "Asia/Shanghai", CHINA, None).open(at) in (True, False)


def test_what_both_leave_open() -> None:
    one, two = minutes_of(["09:00-12:00", "14:00-20:00"]), minutes_of(["08:00-10:00", "11:00-15:00", "20:00-21:00"])
    both = Hours(one, one, one).within(Hours(two, (), one))
    assert both == Hours(minutes_of(["09:00-10:00", "11:00-12:00", "14:00-15:00"]), (), one)


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (["20:00-08:00"], "20:00-08:00: ends before it begins: what passes midnight is two windows, one up to 24:00"),
        (["09:00-09:00"], "ends before it begins"),
        (["09:00-12:00", "12:00-13:00"], "12:00-13:00: windows are in order and leave time between them"),
        (["14:00-15:00", "09:00-12:00"], "in order"),
    ],
)
def test_windows_that_are_none(texts: list[str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        minutes_of(texts)
