"""A national calendar as a file says it: public holidays and shifted working days, year by year, with its sources."""

from __future__ import annotations

import datetime
from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from ringfence.settings_types import Frozen

Word = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,47}$")]
Text = Annotated[str, StringConstraints(min_length=1, max_length=400)]
Year = Annotated[int, Field(ge=2000, le=2199)]
Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]


class HolidaySettings(Frozen):
    """One holiday: a day, or days on end."""

    name: Text = Field(description="its name, for people")
    first: datetime.date = Field(alias="from", description="its first day")
    last: datetime.date | None = Field(default=None, alias="to", description="its last day; none: it is one day")

    @property
    def days(self) -> range:
        """Its days as proleptic ordinals (`date.toordinal`)."""
        return range(self.first.toordinal(), (self.last or self.first).toordinal() + 1)

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.last is not None and self.last < self.first:
            raise ValueError("to is before from")
        return self


class YearSettings(Frozen):
    """The days of one year that are not as their weekday says."""

    source: Word = Field(description="key of the source that says so")
    complete: bool = Field(
        default=True,
        description="everything is published; false: the holidays that the law fixes are known, days shifted for "
        "them are not yet, and `ringfence check` says so",
    )
    holidays: tuple[HolidaySettings, ...] = Field(description="public holidays, with the days that are shifted to them")
    working_days: tuple[datetime.date, ...] = Field(
        default=(), description="days of rest that are worked in exchange (调休)"
    )


class CalendarFile(Frozen):
    """One country's public holidays, as of a day, with the sources that say so."""

    calendar: Word = Field(description="short name, as `calendars.shipped` gives it")
    country: Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")] = Field(description="ISO 3166 code")
    date: datetime.date = Field(description="day on which the calendar was last compared with its sources")
    title: Text = Field(description="whose calendar it is, for people")
    sources: dict[Word, Text] = Field(min_length=1, description="where its days come from, by a key of choice")
    rest_days: tuple[Weekday, ...] = Field(
        default=("saturday", "sunday"), max_length=6, description="days of every week that are not worked"
    )
    years: dict[Year, YearSettings] = Field(min_length=1, description="the years that are known")
