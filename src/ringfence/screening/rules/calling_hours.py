"""Marketing calls outside the hours in which the callee may be called, by sector and place, in the callee's time."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, StringConstraints

from ringfence.calendars import Day, Hours, Places
from ringfence.calendars.hours import Opening, Windows, minutes_of
from ringfence.ledger import Trunk
from ringfence.numbering import Number
from ringfence.screening.call import Call
from ringfence.screening.facts import Facts
from ringfence.screening.rule import Finding, Refusal, Rule, RuleSettings, Unfit
from ringfence.sectors import Sector
from ringfence.settings_types import Frozen

Window = Annotated[
    str, StringConstraints(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]-(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$")
]


def _in_order(texts: tuple[str, ...]) -> tuple[str, ...]:
    minutes_of(texts)
    return texts


WindowTexts = Annotated[tuple[Window, ...], AfterValidator(_in_order)]
ProvinceCode = Annotated[str, StringConstraints(pattern=r"^[A-Z0-9]{1,8}$")]
CountryCode = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")]
_USUAL = ("09:00-12:00", "14:00-20:00")


class EverydayHours(Frozen):
    """Hours for everybody who has no others; the defaults are an unproven proposal (DOMAIN §5.2)."""

    workday: WindowTexts = Field(default=_USUAL, description="on days that are worked, shifted working days too")
    weekend: WindowTexts = Field(default=_USUAL, description="on days of rest that are no public holidays")
    holiday: WindowTexts = Field(default=(), description="on public holidays; empty: no calls")

    def hours(self) -> Hours:
        """As minutes."""
        return Hours(minutes_of(self.workday), minutes_of(self.weekend), minutes_of(self.holiday))


class OtherHours(Frozen):
    """Hours in place of others; a kind of day that is not written keeps those."""

    workday: WindowTexts | None = Field(default=None, description="on days that are worked; none: as otherwise")
    weekend: WindowTexts | None = Field(default=None, description="on days of rest; none: as otherwise")
    holiday: WindowTexts | None = Field(default=None, description="on public holidays; none: as otherwise")

    def over(self, hours: Hours) -> Hours:
        """As minutes, in place of `hours`."""
        return Hours(
            *(_or(said, kept) for said, kept in zip((self.workday, self.weekend, self.holiday), hours, strict=True))
        )


def _or(said: tuple[str, ...] | None, kept: Windows) -> Windows:
    return kept if said is None else minutes_of(said)


class PlaceHours(OtherHours):
    """Hours of a province or country, and what sectors have otherwise there."""

    sectors: dict[Sector, OtherHours] = Field(default={}, description="hours of a sector there, in place of all others")


class CallingHours(RuleSettings):
    """When marketing calls may be made, in the callee's time.

    A sector's hours and a place's take the place of `hours`; a call that has both must be within both, unless the place
    says what the sector's hours are there.
    """

    hours: EverydayHours = Field(default=EverydayHours(), description="for everybody who has no others")
    sectors: dict[Sector, OtherHours] = Field(
        default={}, description="by what a call sells: its trunk's or grant's sector"
    )
    provinces: dict[ProvinceCode, PlaceHours] = Field(
        default={},
        description="by the callee's province, as the numbering plan knows it: by area codes, not of mobiles",
    )
    countries: dict[CountryCode, PlaceHours] = Field(
        default={}, description="by a foreign callee's country: the main user of its country code (ISO 3166)"
    )
    unknown_zone: Literal["refuse", "allow"] = Field(
        default="refuse",
        description="of callees whose time zone nobody knows, as of satellite telephones; where several are possible, "
        "all must be open",
    )
    unknown_day: Literal["weekday", "holiday"] = Field(
        default="weekday",
        description="of days in a year, or in a country, that no calendar covers: as their weekday says, or all as "
        "public holidays",
    )


class Prepared:
    """The rule's settings with the places that there are: openings made when a callee is first there, then kept.

    There are never more than sectors times zones of the world.
    """

    __slots__ = ("_general", "_openings", "_places", "_settings")

    def __init__(self, settings: CallingHours, places: Places) -> None:
        """Raises Unfit for a province that the plan does not have."""
        for name in settings.provinces:
            if name not in places.provinces:
                known = ", ".join(sorted(places.provinces)) or "none"
                raise Unfit(("provinces", name), f"no such province; the plan has: {known}")
        if places.home in settings.countries:
            raise Unfit(("countries", places.home), "this is the plan's own country: its hours stand under hours")
        self._settings = settings
        self._general = settings.hours.hours()
        self._places = places
        self._openings: dict[tuple[Sector | None, str, str, tuple[str, ...]], tuple[Opening, ...]] = {}

    def at(self, callee: Number, sector: Sector | None) -> tuple[Opening, ...]:
        """The callee's hours in every zone that it may be in; () where none is known."""
        places = self._places
        country, zones = places.country(callee), places.zones(callee)
        key = (sector, country, callee.province, zones)
        made = self._openings.get(key)
        if made is None:
            hours = self._hours(sector, callee.province if country == places.home else "", country)
            unknown: Day | None = "holiday" if self._settings.unknown_day == "holiday" else None
            calendar = places.calendars.get(country)
            made = self._openings[key] = tuple(Opening(hours, zone, calendar, unknown) for zone in zones)
        return made

    @property
    def refuses_unknown(self) -> bool:
        """Whether a call to nobody knows where is refused."""
        return self._settings.unknown_zone == "refuse"

    def _hours(self, sector: Sector | None, province: str, country: str) -> Hours:
        settings, general = self._settings, self._general
        place = settings.provinces.get(province) if province else settings.countries.get(country)
        own = settings.sectors.get(sector) if sector else None
        if place is None:
            return general if own is None else own.over(general)
        here = place.over(general)
        there = place.sectors.get(sector) if sector else None
        if there is not None:
            return there.over(here)
        return here if own is None else here.within(own.over(general))


def judge(call: Call, facts: Facts, settings: Prepared) -> Finding | None:
    """Speak when it is not open where the callee is, or may be; or when nobody knows where that is."""
    openings = settings.at(call.callee, call.sector())
    at = call.at
    for opening in openings:
        if not opening.open(at):
            closed = opening.closed(at)
            assert closed is not None
            reason = closed.day if closed.never and closed.day != "workday" else "outside_hours"
            return Finding(reason, f"{closed.clock} of a {closed.day} in {closed.zone}")
    if not openings and settings.refuses_unknown:
        return Finding("unknown_zone")
    return None


def applies(trunk: Trunk, settings: CallingHours) -> bool:
    """To marketing trunks only, as `consent`."""
    return trunk.marketing


RULE = Rule(
    settings=CallingHours,
    judge=judge,
    prepare=Prepared,
    answers=dict.fromkeys(("outside_hours", "weekend", "holiday", "unknown_zone"), Refusal.LATER),
    rank=28,
    applies=applies,
)
