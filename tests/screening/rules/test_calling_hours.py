"""calling_hours: by sector and place, in the callee's time, on marketing trunks alone."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from pydantic import ValidationError
from tests.support.places import PLACES, SINGAPORE

from ringfence.calendars import Places
from ringfence.numbering import Numbering, NumberingSettings
from ringfence.screening import Call, Facts, Refusal
from ringfence.screening.rule import Unfit
from ringfence.screening.rules.calling_hours import RULE, CallingHours, Prepared

SHANGHAI, BEIJING, MOBILE = "+862162345678", "+861062345678", "+8613912345678"
OTHERS: dict[str, Any] = {
    "sectors": {"finance": {"workday": ["10:00-19:00"]}, "travel": {"workday": ["08:00-22:00"]}},
    "provinces": {
        "SH": {"workday": ["09:30-21:00"], "sectors": {"travel": {"workday": ["07:00-08:00"]}}},
        "BJ": {"holiday": ["10:00-11:00"]},
    },
    "countries": {"FR": {"workday": ["10:00-13:00", "14:00-20:00"], "weekend": []}},
}


def finding(call: Call, settings: dict[str, Any] | None = None, places: Places = PLACES) -> tuple[str, str]:
    found = RULE.judge(call, Facts(), Prepared(CallingHours.model_validate(settings or {}), places))
    assert found is None or found.reason in RULE.answers
    return ("", "") if found is None else (found.reason, found.detail)


def at(text: str, zone: str = "Asia/Shanghai") -> float:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp()


@pytest.mark.parametrize(
    ("text", "reason", "detail"),
    [
        ("2026-11-27 08:59", "outside_hours", "08:59 of a workday in Asia/Shanghai"),
        ("2026-11-27 09:00", "", ""),
        ("2026-11-27 13:00", "outside_hours", "13:00 of a workday in Asia/Shanghai"),
        ("2026-11-28 10:00", "", ""),
        ("2026-10-01 10:00", "holiday", "10:00 of a holiday in Asia/Shanghai"),
        ("2026-10-10 21:00", "outside_hours", "21:00 of a workday in Asia/Shanghai"),
    ],
)
def test_the_usual_hours(make_call: Any, text: str, reason: str, detail: str) -> None:
    assert finding(make_call(at=at(text))) == (reason, detail)


def test_a_day_without_hours(make_call: Any) -> None:
    closed = {"hours": {"weekend": [], "workday": []}}
    assert finding(make_call(at=at("2026-11-28 10:00")), closed)[0] == "weekend"
    assert finding(make_call(at=at("2026-11-27 10:00")), closed)[0] == "outside_hours"


@pytest.mark.parametrize(
    ("callee", "sector", "open_at", "closed_at"),
    [
        (MOBILE, None, ["09:00", "19:59"], ["12:00", "20:00"]),
        (MOBILE, "finance", ["10:00", "12:30", "18:59"], ["09:30", "19:00"]),
        (MOBILE, "retail", ["09:00"], ["12:00"]),
        (SHANGHAI, None, ["09:30", "13:00", "20:59"], ["09:00", "21:00"]),
        (SHANGHAI, "retail", ["13:00"], ["09:00"]),
        (SHANGHAI, "finance", ["10:00", "18:59"], ["09:45", "19:00"]),  # within both
        (SHANGHAI, "travel", ["07:30"], ["08:00", "10:00"]),  # what the province says of the sector
        (BEIJING, None, ["09:00"], ["12:00"]),
        (BEIJING, "travel", ["09:00", "19:59"], ["08:00", "12:30"]),
    ],
)
def test_sector_and_province(
    make_call: Any, make_trunk: Any, callee: str, sector: str | None, open_at: list[str], closed_at: list[str]
) -> None:
    trunk = make_trunk(sector=sector)
    for clocks, reason in ((open_at, ""), (closed_at, "outside_hours")):
        for clock in clocks:
            call = make_call(callee=callee, trunk=trunk, at=at(f"2026-11-27 {clock}"))
            assert finding(call, OTHERS)[0] == reason, clock


def test_a_kind_of_day_that_is_not_written_stays(make_call: Any) -> None:
    assert finding(make_call(callee=BEIJING, at=at("2026-10-01 10:30")), OTHERS)[0] == ""
    assert finding(make_call(callee=SHANGHAI, at=at("2026-10-01 10:30")), OTHERS)[0] == "holiday"


@pytest.mark.parametrize(
    ("callee", "text", "reason"),
    [
        ("+33612345678", "2026-11-27 16:59", ""),  # 09:59 in Paris … of a Friday
        ("+6591234567", "2026-11-09 10:00", "holiday"),  # Deepavali's Monday in Singapore
        ("+6591234567", "2026-10-01 10:00", ""),  # China's holiday is none there
        ("+12125550100", "2026-11-27 10:00", "outside_hours"),  # 21:00 in New York
        ("+12125550100", "2026-11-27 22:30", ""),  # 09:30 there
        ("+12125550100", "2026-07-03 21:30", ""),  # 09:30 there, in summer
        ("+12125550100", "2026-07-03 20:30", "outside_hours"),
        ("+61412345678", "2026-11-27 09:30", "outside_hours"),  # 12:30 in Sydney, 09:30 in Perth
        ("+61412345678", "2026-11-27 15:30", ""),  # 18:30 in Sydney, 15:30 in Perth, 14:00 on the Cocos Islands
        ("+881612345678", "2026-11-27 10:00", "unknown_zone"),
    ],
)
def test_foreign_callees(make_call: Any, callee: str, text: str, reason: str) -> None:
    assert finding(make_call(callee=callee, at=at(text)))[0] == reason


def test_hours_of_a_foreign_country(make_call: Any) -> None:
    call = make_call(callee="+33612345678", at=at("2026-11-27 09:59", "Europe/Paris"))
    assert finding(call)[0] == "" and finding(call, OTHERS) == ("outside_hours", "09:59 of a workday in Europe/Paris")
    assert finding(make_call(callee="+33612345678", at=at("2026-11-28 10:30", "Europe/Paris")), OTHERS)[0] == "weekend"


def test_whose_zone_nobody_knows(make_call: Any) -> None:
    call = make_call(callee="+881612345678", at=at("2026-11-27 03:00"))
    assert finding(call, {"unknown_zone": "allow"})[0] == ""


def test_a_year_that_no_calendar_covers(make_call: Any) -> None:
    call = make_call(at=at("2031-10-01 10:00"))
    assert finding(call)[0] == "" and finding(call, {"unknown_day": "holiday"})[0] == "holiday"


def test_singapore_at_home(make_call: Any, make_trunk: Any) -> None:
    read = Numbering(NumberingSettings(plan="sg")).read
    moments = {"2026-11-09 10:00": "holiday", "2026-11-10 10:00": "", "2026-11-10 20:00": "outside_hours"}
    for text, reason in moments.items():
        call = Call(make_trunk(), read("61234567"), read("91234567"), at=at(text, "Asia/Singapore"))
        assert finding(call, None, SINGAPORE)[0] == reason


def test_one_set_of_openings_answers_alternating_sectors(make_call: Any, make_trunk: Any) -> None:
    prepared = Prepared(CallingHours.model_validate(OTHERS), PLACES)
    finance, other = make_trunk(sector="finance"), make_trunk()
    moment = at("2026-11-27 09:15")
    for _ in range(2):
        for trunk, reason in ((finance, "outside_hours"), (other, None)):
            found = RULE.judge(make_call(trunk=trunk, at=moment), Facts(), prepared)
            assert (found and found.reason) == reason


@pytest.mark.parametrize(
    ("settings", "location", "message"),
    [
        ({"provinces": {"ZZ": {}}}, ("provinces", "ZZ"), "no such province; the plan has: AH, BJ"),
        ({"countries": {"CN": {}}}, ("countries", "CN"), "this is the plan's own country"),
    ],
)
def test_places_that_are_not_there(settings: dict[str, Any], location: tuple[str, ...], message: str) -> None:
    with pytest.raises(Unfit) as raised:
        Prepared(CallingHours.model_validate(settings), PLACES)
    assert raised.value.location == location and raised.value.message.startswith(message)


@pytest.mark.parametrize(
    "bad",
    [
        {"hours": {"workday": ["9:00-12:00"]}}, {"hours": {"workday": ["09:00-24:01"]}},
        {"hours": {"workday": ["20:00-08:00"]}}, {"sectors": {"gambling": {}}}, {"sectors": {"finance": {"friday": []}}},
        {"countries": {"France": {}}}, {"unknown_zone": "home"},
    ],
)  # fmt: skip
def test_settings_that_cannot_be(bad: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        CallingHours.model_validate(bad)


@pytest.mark.parametrize(
    ("trunk", "concerned"), [({"marketing": True}, True), ({"purpose": "marketing"}, True), ({}, False)]
)
def test_only_marketing_trunks_are_concerned(make_trunk: Any, trunk: dict[str, Any], concerned: bool) -> None:
    assert RULE.applies is not None
    assert RULE.applies(make_trunk(**trunk), CallingHours()) is concerned


def test_all_of_it_passes_with_time() -> None:
    assert set(RULE.answers.values()) == {Refusal.LATER} and not RULE.needs
