"""What the operator adds to a plan is held against the plan."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from ringfence.numbering import NoSuchPlan, Numbering, NumberingSettings, PlanError


@pytest.mark.parametrize(
    ("part", "message"),
    [
        ({"country_code": "86"}, "Extra inputs"),
        ({"anonymous": ["not a word"]}, "pattern"),
        ({"assigned": {"Fixed": []}}, "pattern"),
        ({"assigned": {"fixed": ["+86"]}}, "pattern"),
        ({"plan": "../cn"}, "pattern"),
    ],
)
def test_faults(part: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        NumberingSettings.model_validate(part)


def test_every_field_is_described() -> None:
    assert all(field.description for field in NumberingSettings.model_fields.values())


def numbering(**assigned: list[str]) -> Numbering:
    return Numbering(NumberingSettings.model_validate({"assigned": assigned}))


def test_assigned_prefixes_count_before_the_plans_own() -> None:
    known = numbering(
        middle_number=["1705550-1705559"], fixed=["100000"], customer_service_code=["95110"], data_card=["198000"]
    )
    assert known.read("17055551234").class_.name == "middle_number"
    assert known.read("17055601234").class_.name == "mobile_virtual"
    invented = known.read("+861000000101")
    assert (invented.class_.name, invented.irregular, invented.area, invented.province) == ("fixed", "", "10", "BJ")
    assert known.read("+861001000101").irregular == "bad_subscriber"
    assert known.read("95110").class_.name == "customer_service_code"  # what the operator knows beats the plan
    assert known.read("19800012345").class_.caller == "restricted"


@pytest.mark.parametrize(
    ("assigned", "message"),
    [
        ({"nonsense": ["1"]}, r"assigned\.nonsense: the plan has no such class; there are: area_unassigned, "),
        ({"fixed": ["600000"]}, r"assigned\.fixed\[0\]: 600000: no number of the class fixed begins so"),
        ({"mobile": ["138001380001"]}, r"assigned\.mobile\[0\]: 138001380001: no number of the class mobile"),
        ({"mobile": ["139-138"]}, r"assigned\.mobile\[0\]: 139-138: a range goes up"),
        ({"mobile": ["0-999999"]}, r"assigned\.mobile\[0\]: 0-999999: a range goes up, between prefixes of one length"),
        ({"mobile": ["1000-3000"]}, r"more than 1000 prefixes"),
        ({"mobile": ["1380"], "machine": ["1390"], "middle_number": ["1380"]}, r"1380 is also assigned to mobile"),
    ],
)
def test_what_cannot_be_assigned(assigned: dict[str, list[str]], message: str) -> None:
    with pytest.raises(PlanError, match=message) as caught:
        numbering(**assigned)
    assert not any(fault.own for fault in caught.value.faults)


def test_no_such_plan() -> None:
    with pytest.raises(NoSuchPlan, match="no plan xx comes with ringfence; there are: cn, sg"):
        Numbering(NumberingSettings(plan="xx"))
