"""A plan that contradicts itself is refused."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from ringfence.numbering import NumberingSettings


@pytest.mark.parametrize(
    ("part", "message"),
    [
        ({"country_code": "+86"}, "pattern"),
        ({"national": {"least": 11, "most": 10}}, "least is more"),
        ({"area_lengths": {"755": 2}}, "cannot have 2 digits"),
        ({"codes": {"95": {"least": 5, "most": 10}}}, "shorter than a national"),
        ({"codes": {"01": {"least": 3, "most": 5}}}, "looks like a trunk"),
        ({"anonymous": ["not a word"]}, "pattern"),
        ({"max_digits": 16}, "less than or equal"),
        ({"colour": "red"}, "Extra inputs"),
    ],
)
def test_faults(part: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        NumberingSettings.model_validate(part)


def test_every_field_is_described() -> None:
    assert all(field.description for field in NumberingSettings.model_fields.values())
