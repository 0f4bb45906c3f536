"""What may be asked about a call that is not made."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

LONGEST_MESSAGE = 65_535  # bytes: what fits into a datagram


class Question(BaseModel):
    """A call to be judged without being made, by its numbers or by its INVITE."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    trunk: str | None = Field(default=None, max_length=128, description="trunk it comes from; none: the only one")
    caller: str = Field(
        default="", max_length=256, description="number or URI shown as caller; `anonymous`; empty: none"
    )
    callee: str | None = Field(default=None, max_length=256, description="number or URI called")
    display: str = Field(default="", max_length=256, description="display name shown")
    asserted: str | None = Field(
        default=None, max_length=256, description="number or URI in P-Asserted-Identity; counts on trusted trunks"
    )
    private: bool = Field(default=False, description="Privacy: id, the number is withheld")
    message: str | None = Field(
        default=None, max_length=LONGEST_MESSAGE, description="a raw INVITE instead of all these but the trunk"
    )
    at: float | None = Field(
        default=None, ge=0, le=253_402_300_799, description="time of the call, Unix seconds; none: now"
    )
    consent: Literal["yes", "no", "refused"] | None = Field(
        default=None, description="the callee's consent; none: what the store has"
    )
    score: float | None = Field(
        default=None, ge=0, le=100, description="the caller's harassment score; none: what the store has"
    )
    attempts: int | None = Field(
        default=None, ge=0, description="the caller's calls in the window, this one too; none: what the store has"
    )
    earlier: int | None = Field(
        default=None,
        ge=0,
        le=100,
        description="calls of the trunk's holder to the callee just before; none: what the store has",
    )
    roaming: bool | None = Field(
        default=None, description="the caller is known to be abroad; none: what the roaming check has"
    )

    @model_validator(mode="after")
    def _one_call(self) -> Self:
        described = bool(self.caller or self.callee or self.display or self.asserted or self.private)
        if self.message is not None and described:
            raise ValueError("a message says its numbers itself: give either")
        if self.message is None and not self.callee:
            raise ValueError("callee or message is missing")
        return self
