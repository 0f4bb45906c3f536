"""The shape of the home numbering plan, as far as reading a number needs it."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, StringConstraints, model_validator

from ringfence.settings_types import Frozen

Digits = Annotated[str, StringConstraints(pattern=r"^[0-9]+$", max_length=15)]
Word = Annotated[str, StringConstraints(pattern=r"^[^\s;]+$", max_length=64)]


class Lengths(Frozen):
    """A range of digit counts, both ends included."""

    least: int = Field(ge=1, le=15, description="fewest digits")
    most: int = Field(ge=1, le=15, description="most digits")

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.least > self.most:
            raise ValueError("least is more than most")
        return self


class NumberingSettings(Frozen):
    """How written numbers become E.164; the defaults are mainland China's (2017 plan, DOMAIN §2.3)."""

    country_code: Digits = Field(default="86", description="country code of the home plan, without the plus")
    international_prefix: Digits = Field(default="00", description="dialled in front of a country code")
    trunk_prefix: Digits = Field(default="0", description="dialled in front of an area code")
    max_digits: int = Field(
        default=15,
        ge=8,
        le=15,
        description="most digits of an international number, country code included (E.164 §6.2)",
    )
    min_foreign_digits: int = Field(
        default=7, ge=4, le=15, description="fewest digits of a foreign number, country code included"
    )
    national: Lengths = Field(
        default=Lengths(least=10, most=11),
        description="digits of a whole national number, without the trunk prefix",
    )
    subscriber: Lengths = Field(
        default=Lengths(least=7, most=8), description="digits of a local number behind an area code"
    )
    area_lengths: dict[Digits, int] = Field(
        default={"10": 2, "2": 2, "3": 3, "4": 3, "5": 3, "6": 3, "7": 3, "8": 3, "9": 3},
        description="digits of an area code by its leading digits, the longest match counts; none: no areas",
    )
    mobile: tuple[Digits, ...] = Field(
        default=("13", "14", "15", "16", "17", "18", "19"),
        description="leading digits of numbers that have no area code: as long as national.most allows, no shorter",
    )
    codes: dict[Digits, Lengths] = Field(
        default={
            "1": Lengths(least=3, most=6),
            "95": Lengths(least=5, most=9),
            "96": Lengths(least=5, most=6),
        },
        description="digits of codes that have no international form, by leading digits; the longest match counts",
    )
    shared_codes: tuple[Digits, ...] = Field(
        default=("110", "119", "120", "122"),
        description="codes that mean the same in every area: an area code in front of them is dropped",
    )
    anonymous: tuple[Word, ...] = Field(
        default=("anonymous", "unavailable", "restricted", "unknown", "private", "withheld"),
        description="user parts that withhold the number, in any case",
    )

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        for leading, length in self.area_lengths.items():
            if length < len(leading):
                raise ValueError(f"area_lengths: codes that begin with {leading} cannot have {length} digits")
        for leading, lengths in self.codes.items():
            if lengths.most >= self.national.least:
                raise ValueError(f"codes: {leading}: a code is shorter than a national number")
            if leading.startswith((self.trunk_prefix, self.international_prefix)):
                raise ValueError(f"codes: {leading}: looks like a trunk or international prefix")
        return self
