"""What a plan file may not say."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from ringfence.numbering import Numbering, NumberingSettings, PlanError, PlanSettings
from ringfence.numbering.plan_settings import ClassSettings, DiallingSettings, ProvinceSettings, expanded


def plan(**parts: Any) -> PlanSettings:
    """A small whole plan with some parts replaced."""
    whole: dict[str, Any] = {
        "plan": "test", "country": "XX", "country_code": "999", "date": "2026-01-01", "title": "a test's country",
        "sources": {"test": "invented"}, "dialling": {"trunk_prefix": "0", "international_prefixes": ["00"]},
        "subscriber_starts": "2345",
        "provinces": {"A": {"name": "A", "areas": {"7": ["20-22"]}}},
        "classes": {
            "fixed": {"title": "fixed", "form": "area"},
            "mobile": {"title": "mobile", "prefixes": ["5"], "digits": [8]},
            "code": {"title": "code", "form": "code", "prefixes": ["1"], "digits": [3]},
        },
    }  # fmt: skip
    return PlanSettings.model_validate({**whole, **parts})


def classes(**more: Any) -> dict[str, Any]:
    return {"fixed": {"title": "fixed", "form": "area"}, **more}


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"country_code": "+86"}, "pattern"),
        ({"country_code": "0"}, "pattern"),
        ({"date": "someday"}, "date"),
        ({"colour": "red"}, "Extra inputs"),
        ({"sources": {}}, "at least 1"),
        ({"classes": {}}, "at least 1"),
        ({"subscriber_starts": ""}, "subscriber_starts is missing"),
        ({"provinces": {}}, "area codes and a class of form area"),
        ({"provinces": {"A": {"name": "A", "areas": {"8-7": ["20"]}}}}, "the first length is the smaller one"),
        ({"provinces": {"A": {"name": "A", "areas": {"7": ["22-20"]}}}}, "a range goes up"),
        ({"other_areas": {"7": ["1-2-3"]}}, "pattern"),
        ({"dialling": {"carrier_selection": ["9-1"]}}, "a range goes up"),
        ({"classes": classes(more={"title": "more", "form": "area"})}, "fixed and more: one class alone"),
        ({"classes": classes(none={"title": "x", "prefixes": ["5"], "digits": [8]})}, "none is what is no number"),
        ({"classes": {"fixed": {"title": "fixed", "form": "area", "digits": [8]}}}, "neither prefixes nor digits"),
        ({"classes": classes(x={"title": "x", "prefixes": ["5"]})}, "digits are missing"),
        ({"classes": classes(x={"title": "x", "prefixes": ["123456"], "digits": [5]})}, "longer than a number of the"),
        ({"classes": classes(x={"title": "x", "prefixes": ["5"], "digits": [8], "shared": True})}, "are for codes"),
        ({"classes": classes(x={"title": "x", "prefixes": ["5"], "digits": [21]})}, "less than or equal to 20"),
        ({"classes": classes(x={"title": "x", "digits": [8], "sources": ["nobody"]})}, "x: no such source: nobody"),
        ({"classes": classes(x={"title": "x", "digits": [8], "caller": "maybe"})}, "'allowed', 'inbound_only'"),
    ],
)
def test_faults(parts: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        plan(**parts)


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        (
            {"classes": classes(a={"title": "a", "prefixes": ["5"], "digits": [8]},
                                b={"title": "b", "prefixes": ["6", "5"], "digits": [7, 8]})},
            "classes.b.prefixes[1]: 5 with 8 digits is also a",
        ),
        (
            {"classes": classes(a={"title": "a", "prefixes": ["20"], "digits": [9]})},
            "classes.a.prefixes[0]: 20 with 9 digits is also fixed",
        ),
        (
            {"other_areas": {"7": ["23", "21"]}},
            "other_areas.7[1]: area code 21 is given twice",
        ),
        (
            {"other_areas": {"7": ["2300000"]}},
            "other_areas.7[0]: 2300000 is longer than an area code",
        ),
        (
            {"classes": classes(a={"title": "a", "prefixes": ["05"], "digits": [8]})},
            "classes.a.prefixes[0]: 05 begins like the prefixes that are dialled before a number",
        ),
        (
            {"classes": classes(a={"title": "a", "form": "code", "prefixes": ["1", "001"], "digits": [5]})},
            "classes.a.prefixes[1]: 001 begins like the prefixes that are dialled before a number",
        ),
    ],
)  # fmt: skip
def test_contradictions(parts: dict[str, Any], message: str) -> None:
    with pytest.raises(PlanError) as caught:
        Numbering(NumberingSettings(), plan(**parts))
    assert [str(fault) for fault in caught.value.faults] == [message]
    assert all(fault.own for fault in caught.value.faults)


@pytest.mark.parametrize(("entry", "prefixes"), [("10", ["10"]), ("08-11", ["08", "09", "10", "11"]), ("5-5", ["5"])])
def test_ranges_of_prefixes(entry: str, prefixes: list[str]) -> None:
    assert list(expanded(entry)) == prefixes


def models() -> Iterator[type[BaseModel]]:
    yield from (PlanSettings, ClassSettings, DiallingSettings, ProvinceSettings)


@pytest.mark.parametrize("model", models())
def test_every_field_is_described(model: type[BaseModel]) -> None:
    assert [name for name, field in model.model_fields.items() if not field.description] == []
