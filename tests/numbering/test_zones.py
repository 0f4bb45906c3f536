"""Time zones by first digits: as libphonenumber has them, and zones that exist."""

from __future__ import annotations

import phonenumbers
import pytest
from phonenumbers import timezone
from pydantic import TypeAdapter, ValidationError

from ringfence.numbering.world import countries
from ringfence.numbering.zones import ZoneName, zones_of

REGIONS = sorted({each.region for each in countries().values()} - {"001"})


@pytest.mark.parametrize("kind", [phonenumbers.PhoneNumberType.FIXED_LINE, phonenumbers.PhoneNumberType.MOBILE])
def test_libphonenumber_says_the_same_of_its_examples(kind: int) -> None:
    for region in REGIONS:
        example = phonenumbers.example_number_for_type(region, kind)
        if example is None:
            continue
        found = zones_of(phonenumbers.format_number(example, phonenumbers.PhoneNumberFormat.E164))
        known = timezone.time_zones_for_number(example)
        assert set(found) >= set(known) - {timezone.UNKNOWN_TIMEZONE}, region


@pytest.mark.parametrize("value", ["", "+", "110", "95588", "8613912345678", "+0", "+999123456789", "urn:service:sos"])
def test_nobody_knows(value: str) -> None:
    assert zones_of(value) == ()


@pytest.mark.parametrize(
    "name", ["Asia/Shanghay", "", "Asia", "../etc/passwd", "/etc/localtime", "Asia/Shanghai\0", "a" * 500]
)
def test_names_of_no_zone(name: str) -> None:
    with pytest.raises(ValidationError, match="no such time zone"):
        TypeAdapter(ZoneName).validate_python(name)
