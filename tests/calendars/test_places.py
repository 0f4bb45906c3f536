"""Where a callee is: by the plan at home, by first digits abroad, and nowhere where nobody knows."""

from __future__ import annotations

import pytest
from tests.support.places import PLACES, SINGAPORE

from ringfence.calendars import Places
from ringfence.numbering import Numbering, NumberingSettings, PlanSettings
from ringfence.numbering.packaged import packaged

PLANS = {"cn": (Numbering(NumberingSettings()), PLACES), "sg": (Numbering(NumberingSettings(plan="sg")), SINGAPORE)}


@pytest.mark.parametrize(
    ("plan", "text", "country", "zones"),
    [
        ("cn", "+8613912345678", "CN", ("Asia/Shanghai",)),
        ("cn", "+869912345678", "CN", ("Asia/Shanghai",)),  # Urumqi: China is one zone
        ("cn", "95588", "CN", ("Asia/Shanghai",)),
        ("cn", "12", "CN", ("Asia/Shanghai",)),  # dialled at home, readable or not
        ("cn", "+6591234567", "SG", ("Asia/Singapore",)),
        ("cn", "+85291234567", "HK", ("Asia/Hong_Kong",)),
        ("cn", "+33612345678", "FR", ("Europe/Paris",)),
        ("cn", "+12125550100", "US", ("America/New_York",)),
        ("cn", "+13105550100", "US", ("America/Los_Angeles",)),
        ("cn", "+881612345678", "001", ()),  # a satellite telephone
        ("cn", "+999", "", ()),
        ("sg", "+6591234567", "SG", ("Asia/Singapore",)),
        ("sg", "91234567", "SG", ("Asia/Singapore",)),
        ("sg", "+8613912345678", "CN", ("Asia/Shanghai",)),
    ],
)
def test_table(plan: str, text: str, country: str, zones: tuple[str, ...]) -> None:
    numbering, places = PLANS[plan]
    number = numbering.read(text)
    assert (places.country(number), places.zones(number)) == (country, zones)


def test_a_number_that_may_be_in_many_zones() -> None:
    zones = PLACES.zones(PLANS["cn"][0].read("+61412345678"))
    assert {"Australia/Perth", "Australia/Sydney"} <= set(zones)


def test_a_plan_of_several_zones() -> None:
    said = packaged("cn").model_dump(by_alias=True)
    said["zones"] = ("Asia/Shanghai", "Asia/Urumqi")
    said["provinces"]["XJ"]["zones"] = ("Asia/Urumqi",)
    places = Places(PlanSettings.model_validate(said), [])
    read = PLANS["cn"][0].read
    assert places.zones(read("+869912345678")) == ("Asia/Urumqi",)
    assert places.zones(read("+8613912345678")) == ("Asia/Shanghai", "Asia/Urumqi")


def test_a_plan_that_names_no_zone_has_those_of_its_digits() -> None:
    said = packaged("cn").model_dump(by_alias=True)
    said["zones"] = ()
    assert Places(PlanSettings.model_validate(said), []).zones(PLANS["cn"][0].read("+8613912345678")) == (
        "Asia/Shanghai",
    )
