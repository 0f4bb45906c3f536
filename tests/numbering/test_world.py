"""Country codes: no two say one number, and libphonenumber agrees."""

from __future__ import annotations

import phonenumbers
import pytest

from ringfence.numbering import FOREIGN, Kind, Numbering, NumberingSettings
from ringfence.numbering.foreign import foreign
from ringfence.numbering.world import LONGEST_CODE, countries

CHINA = Numbering(NumberingSettings())


def test_no_code_begins_another() -> None:
    codes = set(countries())
    assert not [code for code in codes for size in range(1, len(code)) if code[:size] in codes]
    assert max(map(len, codes)) == LONGEST_CODE


def test_libphonenumber_knows_the_same_codes() -> None:
    assert set(countries()) == {str(code) for code in phonenumbers.COUNTRY_CODE_TO_REGION_CODE}


@pytest.mark.parametrize(
    "code", sorted(set(countries()) - {"86", "800", "808", "870", "878", "881", "882", "883", "888", "979"})
)
def test_an_example_of_every_country_is_regular(code: str) -> None:
    example = phonenumbers.example_number(countries()[code].region)
    text = phonenumbers.format_number(example, phonenumbers.PhoneNumberFormat.E164)
    number = CHINA.read(text)
    assert (number.value, number.kind, number.class_, number.irregular) == (text, Kind.E164, FOREIGN, "")
    assert number.country == countries()[code].region
    assert number.marked


@pytest.mark.parametrize(
    ("text", "irregular"),
    [("+999123456789", "unknown_country"), ("+2100123456", "unknown_country"), ("+4420794600", "foreign_length")],
)
def test_numbers_of_nobody(text: str, irregular: str) -> None:
    number = CHINA.read(text)
    assert (number.value, number.class_, number.irregular) == (text, FOREIGN, irregular)


def test_what_libphonenumber_says_for_people() -> None:
    known = foreign("+442079460001")
    assert known is not None
    assert (known.region, known.valid, known.kind, known.written) == ("GB", True, "fixed_line", "+44 20 7946 0001")
    assert foreign("+999123456789") is None
    unlikely = foreign("+4420794600")
    assert unlikely is None or not unlikely.valid


def test_a_number_without_its_mark_is_told_by_code_and_length() -> None:
    number = CHINA.read("442079460001")
    assert (number.value, number.irregular, number.country, number.marked) == ("", "unmarked_foreign", "GB", False)
