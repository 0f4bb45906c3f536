"""What libphonenumber knows of a foreign number; for people, never on the call path (66 µs and 60 ms of import)."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

REMEMBERED = 4096  # numbers; the same foreign callers come again and again in a report


class Foreign(NamedTuple):
    """region: ISO 3166, "" where nobody has the number. valid: whether the number is assigned to anybody there.
    kind: mobile, fixed_line, toll_free, …; written: as people write it, "+44 20 7946 0001"."""

    region: str
    valid: bool
    kind: str
    written: str


@lru_cache(maxsize=REMEMBERED)
def foreign(value: str) -> Foreign | None:
    """Of a number in E.164; None where libphonenumber can make nothing of it."""
    import phonenumbers

    try:
        number = phonenumbers.parse(value)
    except phonenumbers.NumberParseException:
        return None
    return Foreign(
        phonenumbers.region_code_for_number(number) or "",
        phonenumbers.is_valid_number(number),
        phonenumbers.PhoneNumberType.to_string(phonenumbers.number_type(number)).lower(),
        phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.INTERNATIONAL),
    )
