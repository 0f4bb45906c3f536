"""The service numbers by which subscribers refuse marketing calls."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from ringfence.sectors import Sector
from ringfence.settings_types import Duration, Frozen

Holder = Annotated[str, StringConstraints(min_length=1, max_length=200)]


class LineSettings(Frozen):
    """One service number, or one prefix with a number for each of several holders behind it."""

    number: str = Field(
        pattern=r"^\+?[0-9]{2,20}$",
        description="what is dialled; with holders: what stands in front of their codes",
    )
    refuses: Literal["everybody", "sector", "holder", "last_caller"] = Field(
        description="whose marketing calls are refused by dialling it; last_caller: the holder whose marketing call "
        "reached the dialling number last"
    )
    sector: Sector | None = Field(default=None, description="of `refuses: sector`: which one")
    holder: Holder | None = Field(default=None, description="of `refuses: holder`: the trunk's holder")
    holders: dict[Annotated[str, StringConstraints(pattern=r"^[0-9]{1,16}$")], Holder] = Field(
        default={}, description="of `refuses: holder`, instead of holder: code behind the number to trunk's holder"
    )
    announcement: str | None = Field(
        default=None,
        description="gateway group that a recorded refusal is forwarded to, so that the caller hears it confirmed; "
        "none: 603 with the reason `refusal recorded`",
    )
    announcement_uri: str | None = Field(
        default=None,
        pattern=r"^sips?:[!-;=?-~]{1,200}$",
        description="Request-URI that the announcement is asked for by; none: that of the call",
    )

    @model_validator(mode="after")
    def _sound(self) -> Self:
        if (self.refuses == "sector") != (self.sector is not None):
            raise ValueError("sector belongs to `refuses: sector`, and to no other")
        if (self.refuses == "holder") != bool(self.holder or self.holders) or (self.holder and self.holders):
            raise ValueError("`refuses: holder`, and no other, has either holder or holders")
        if self.announcement_uri is not None and self.announcement is None:
            raise ValueError("announcement_uri needs an announcement to be asked for")
        return self

    def dialled(self) -> dict[str, str]:
        """Each number to the scope that it refuses, as the registry writes scopes; LAST_CALLER for `last_caller`."""
        match self.refuses:
            case "everybody":
                return {self.number: EVERYBODY}
            case "sector":
                return {self.number: f"sector:{self.sector}"}
            case "last_caller":
                return {self.number: LAST_CALLER}
            case "holder":
                named = {"": self.holder} if self.holder else self.holders
                return {f"{self.number}{code}": f"holder:{holder}" for code, holder in named.items()}


EVERYBODY = "*"
LAST_CALLER = "last_caller"


class VoiceSettings(Frozen):
    """Refusals by dialling a service number: recorded by a process beside the SIP process, then confirmed."""

    lines: tuple[LineSettings, ...] = Field((), description="the service numbers; none: nobody refuses by dialling")
    deadline: Duration = Field(
        2.0, gt=0, le=30, description="longest wait for the record; then 480, and nothing is claimed"
    )
    max_pending: int = Field(
        200, ge=1, le=10_000, description="refusals that wait for their record at once; the next gets 480"
    )
    per_caller_per_hour: float = Field(
        12.0,
        gt=0,
        description="calls to service numbers that one caller is served on average, half of them at once; the next "
        "gets 480",
    )
    per_trunk_per_second: float = Field(
        20.0, gt=0, description="calls to service numbers that one trunk is served on average"
    )
    last_caller_kept: Duration = Field(
        86_400.0,
        ge=60,
        le=30 * 86_400,
        description="how long the store knows whose marketing call reached a number last; kept where a line needs it",
    )
