"""A national numbering plan as a file says it; the engine knows no country but through one of these."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from ringfence.numbering.number import Caller, Form, FromAbroad
from ringfence.numbering.zones import ZoneName
from ringfence.settings_types import Frozen

MOST_DIGITS = 20  # SMS ports reach this far; what is longer is no number of any plan
MAX_RANGE = 1000  # prefixes that one `130-139` may stand for: all three-digit ones

Digits = Annotated[str, StringConstraints(pattern=r"^[0-9]+$", max_length=15)]
Prefixes = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,12}(-[0-9]{1,12})?$")]
Word = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,47}$")]
Text = Annotated[str, StringConstraints(min_length=1, max_length=400)]
DigitCount = Annotated[int, Field(ge=1, le=MOST_DIGITS)]
AreaLengths = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,2}(-[0-9]{1,2})?$")]

_RESERVED = frozenset({"none", "foreign"})  # classes of what is no home number


def expanded(entry: str) -> Iterator[str]:
    """Every prefix that `138` or `130-139` stands for. Raises ValueError for a range that is none."""
    first, _, last = entry.partition("-")
    if not last:
        yield first
        return
    if len(first) != len(last) or first > last:
        raise ValueError(f"{entry}: a range goes up, between prefixes of one length")
    if int(last) - int(first) >= MAX_RANGE:
        raise ValueError(f"{entry}: more than {MAX_RANGE} prefixes: name a shorter one")
    for number in range(int(first), int(last) + 1):
        yield str(number).rjust(len(first), "0")


def lengths_of(text: str) -> range:
    """`7`, `7-8` as digit counts."""
    first, _, last = text.partition("-")
    return range(int(first), int(last or first) + 1)


class DiallingSettings(Frozen):
    """What is dialled before a number at home."""

    international_prefixes: tuple[Digits, ...] = Field(
        default=(), description="dialled before a country code; also what marks a number as one from abroad"
    )
    trunk_prefix: Annotated[str, StringConstraints(pattern=r"^[0-9]{0,4}$")] = Field(
        default="", description="dialled before a national number; empty: nothing is"
    )
    carrier_selection: tuple[Prefixes, ...] = Field(
        default=(), description="dialled before a whole number to choose a carrier; taken off when numbers are compared"
    )

    @model_validator(mode="after")
    def _readable(self) -> Self:
        for entry in self.carrier_selection:
            list(expanded(entry))
        return self


class ProvinceSettings(Frozen):
    """One province and its area codes."""

    name: Text = Field(description="its name, for people")
    areas: dict[AreaLengths, tuple[Prefixes, ...]] = Field(
        description="area codes without the trunk prefix, by the digits of subscriber numbers behind them: "
        '`8: ["10"]`, `7-8: ["433"]`; `312-319` is every code between'
    )
    zones: tuple[ZoneName, ...] = Field(
        default=(), description="time zones of its numbers, where they are not those of the whole plan"
    )

    @model_validator(mode="after")
    def _readable(self) -> Self:
        _check_areas(self.areas)
        return self


def _check_areas(areas: dict[str, tuple[str, ...]]) -> None:
    for sizes, entries in areas.items():
        if not lengths_of(sizes):
            raise ValueError(f"{sizes}: the first length is the smaller one")
        for entry in entries:
            list(expanded(entry))


class ClassSettings(Frozen):
    """One class of numbers: how to know it, and what it may do in the calling position."""

    title: Text = Field(description="what it is, for people")
    form: Form = Field(
        default="number",
        description="number: has an international form; code: has none (110, 95588); area: an area code of the plan "
        "and a subscriber number",
    )
    prefixes: tuple[Prefixes, ...] = Field(
        default=(),
        description="how its national numbers begin, without the trunk prefix; `130-139` is every prefix between; "
        "the longest match counts; for form area none; empty: the operator names them (numbering.assigned)",
    )
    digits: tuple[DigitCount, ...] = Field(
        default=(), description="how many digits they have, the prefix included; for form area none"
    )
    caller: Caller = Field(
        default="allowed",
        description="allowed: it calls; inbound_only: it is called and never calls; undertaking: it calls only where "
        "its holder filed that; restricted: data lines, some of which may speak; no_voice: no call comes from it; "
        "unassigned: it is nobody's",
    )
    from_abroad: FromAbroad = Field(
        default="never",
        description="whether it may come in on an international trunk: never, or roaming: with a subscriber abroad",
    )
    only_on: tuple[Word, ...] = Field(
        default=(), description="kinds of trunk that calls of the class may come from; none: every kind"
    )
    province_bound: bool = Field(default=False, description="a code that each province gives to somebody else")
    suffix: bool = Field(default=False, description="a code of another class with more digits behind it")
    shared: bool = Field(
        default=False, description="a code that means the same in every area: an area code before it is dropped"
    )
    behind_area: bool = Field(default=False, description="a code that may stand behind an area code")
    features: tuple[Word, ...] = Field(
        default=(), description="words for reports, such as mvno; no rule blocks by them"
    )
    sources: tuple[Word, ...] = Field(default=(), description="keys of the plan's sources that say so")
    surety: Literal["high", "medium", "low"] = Field(default="high", description="how sure those sources are")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.form == "area":
            if self.prefixes or self.digits:
                raise ValueError("a class of form area has neither prefixes nor digits: provinces say both")
        elif not self.digits:
            raise ValueError("digits are missing")
        for entry in self.prefixes:
            for prefix in expanded(entry):
                if any(len(prefix) > count for count in self.digits):
                    raise ValueError(f"{prefix} is longer than a number of the class")
        if self.form != "code" and (self.shared or self.behind_area or self.province_bound):
            raise ValueError("shared, behind_area and province_bound are for codes")
        return self


class PlanSettings(Frozen):
    """One country's numbering plan, as of a day, with the sources that say so."""

    plan: Word = Field(description="short name, as `numbering.plan` gives it")
    country: Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")] = Field(description="ISO 3166 code")
    country_code: Annotated[str, StringConstraints(pattern=r"^[1-9][0-9]{0,2}$")] = Field(
        description="code of the country in E.164, without the plus"
    )
    date: datetime.date = Field(description="day on which the plan was last compared with its sources")
    title: Text = Field(description="whose plan it is, for people")
    sources: dict[Word, Text] = Field(min_length=1, description="where the plan's facts come from, by a key of choice")
    zones: tuple[ZoneName, ...] = Field(
        default=(),
        description="time zones that its numbers may be in; none: those that libphonenumber's table gives a number",
    )
    dialling: DiallingSettings = Field(default=DiallingSettings(), description="what is dialled before a number")
    subscriber_starts: Annotated[str, StringConstraints(pattern=r"^[0-9]{0,10}$")] = Field(
        default="", description="first digits that subscriber numbers behind an area code may have, as one text"
    )
    provinces: dict[Annotated[str, StringConstraints(pattern=r"^[A-Z0-9]{1,8}$")], ProvinceSettings] = Field(
        default={}, description="area codes by province; the key is ISO 3166-2's without the country"
    )
    other_areas: dict[AreaLengths, tuple[Prefixes, ...]] = Field(
        default={}, description="area codes of which no province is known, as under a province"
    )
    classes: dict[Word, ClassSettings] = Field(min_length=1, description="every class of numbers, by its name")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        _check_areas(self.other_areas)
        with_areas = [name for name, each in self.classes.items() if each.form == "area"]
        has_areas = bool(self.provinces or self.other_areas)
        if len(with_areas) > 1:
            raise ValueError(f"classes: {' and '.join(with_areas)}: one class alone has the form area")
        if has_areas != bool(with_areas):
            raise ValueError("area codes and a class of form area: both or neither")
        if has_areas and not self.subscriber_starts:
            raise ValueError("subscriber_starts is missing: first digits of numbers behind an area code")
        for name, each in self.classes.items():
            if name in _RESERVED:
                raise ValueError(f"classes: {name} is what is no number of the plan: choose another name")
            unknown = sorted(set(each.sources) - self.sources.keys())
            if unknown:
                raise ValueError(f"classes: {name}: no such source: {', '.join(unknown)}")
        return self
