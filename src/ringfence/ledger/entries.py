"""The entries of the ledger's files: holders with contracts, titles to numbers, sets, trunks with grants, defaults."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, JsonValue, StringConstraints, model_validator

from ringfence.ledger.settings import (
    DiversionHops,
    NumberSettings,
    NumberText,
    Province,
    SourceSettings,
    TrunkKind,
    TrunkSettings,
)
from ringfence.ledger.terms import Direction, Purpose
from ringfence.sectors import Sector
from ringfence.settings_types import Frozen

HolderName = Annotated[str, StringConstraints(pattern=r"^\S(.{0,198}\S)?$")]
SetName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_.-]{0,63}$")]
MAX_NOTE = 256
UNEXPLAINED = "somebody else's numbers need a note that says by what right"


def listed(value: object) -> object:
    """`a; b` of a CSV field as a list; what YAML made a list stays one."""
    return [part.strip() for part in value.split(";") if part.strip()] if isinstance(value, str) else value


class Contract(Frozen):
    """What was agreed with a holder."""

    number: str = Field(default="", max_length=100, description="the contract's number")
    valid_from: date | None = Field(default=None, description="first day")
    valid_until: date | None = Field(default=None, description="last day")
    calls_per_hour: int | None = Field(
        default=None, gt=0, description="calls of one caller in an hour; takes the place of the rule rate's limit"
    )
    sanctions: Annotated[tuple[str, ...], BeforeValidator(listed)] = Field(
        default=(), description="what follows a breach, in the order of the steps"
    )


class Holder(Frozen):
    """Somebody who answers for calls. name: as trunks, titles, consents and records call him."""

    name: HolderName
    legal_name: str = Field(default="", max_length=200, description="as the licence has it")
    licence: str = Field(default="", max_length=100, description="number of the licence")
    sector: Sector | None = Field(
        default=None, description="what he sells; that of his trunks which name none themselves: `finance`"
    )
    contact: str = Field(default="", max_length=200, description="whom to ask around the clock")
    contract: Contract = Contract()
    numbers: list[TitleEntry] = Field(default=[], description="number resources that were assigned to him")


class Dated(Frozen):
    """Something that holds from a day to a day, both included."""

    valid_from: date | None = Field(default=None, description="first day; none: always")
    valid_until: date | None = Field(default=None, description="last day; none: without an end")

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.valid_from and self.valid_until and self.valid_from > self.valid_until:
            raise ValueError("valid_until is before valid_from")
        return self


class TitleEntry(NumberSettings, Dated):
    """Numbers that a holder was assigned."""

    certificate: str = Field(default="", max_length=100, description="number of the certificate (码号证书)")
    note: str = Field(default="", max_length=MAX_NOTE, description="why a number stands twice; for people")


class MemberEntry(NumberSettings):
    """Numbers of a set."""

    note: str = Field(default="", max_length=MAX_NOTE, description="why a number stands twice; for people")


class SetEntry(Frozen):
    """Numbers that several trunks show, written once."""

    name: SetName
    holder: HolderName
    numbers: list[MemberEntry] = Field(default=[])


class TermsEntry(Dated):
    """Under which terms a trunk may show numbers."""

    holder: HolderName | None = Field(
        default=None, description="whose numbers they are, when they are not the trunk's holder's; needs a note"
    )
    purpose: Annotated[tuple[Purpose, ...], BeforeValidator(listed)] = Field(
        default=(), description="kinds of calls they are for; none: all"
    )
    direction: Annotated[tuple[Direction, ...], BeforeValidator(listed)] = Field(
        default=("originate", "receive"), description="originate, receive or both"
    )
    suspended: bool = Field(default=False, description="not to be shown for now")
    sector: Sector | None = Field(default=None, description="what calls from them sell; none: what the trunk's do")


class GrantEntry(NumberSettings, TermsEntry):
    """What a trunk may show: numbers or a set, under terms."""

    forms = (*NumberSettings.forms, "set")

    set: SetName | None = Field(default=None, description="name of a set")
    note: str = Field(default="", max_length=MAX_NOTE, description="why a number stands twice; for people")

    @model_validator(mode="after")
    def _explained(self) -> Self:
        if self.holder is not None and not self.note:
            raise ValueError(UNEXPLAINED)
        return self


class TrunkEntry(TrunkSettings):
    """A trunk of the ledger's files; its sources may also stand in sources.csv, its grants in grants.csv."""

    sources: list[SourceSettings] = Field(default=[])
    numbers: list[GrantEntry] = Field(default=[])  # type: ignore[assignment]  # narrower, and frozen


class Defaults(Frozen):
    """What a trunk has unless it says otherwise: given to all, or to all of a kind, from their birth on."""

    gateways: str | None = None
    marketing: bool | None = None
    purpose: Purpose | None = None
    sector: Sector | None = None
    trust_identity: bool | None = None
    area: NumberText | None = None
    province: Province | None = None
    diversion_hops: DiversionHops | None = None
    explain: Literal["opaque", "explained"] | None = None
    network_blocked: bool | None = None
    connected_by: str | None = None
    place: str | None = None
    rules: dict[str, dict[str, JsonValue]] = Field(default={})
    numbers: list[GrantEntry] = Field(default=[], description="grants that every such trunk has besides its own")


class LedgerFile(Frozen):
    """One YAML file of the ledger's folder; what several files say is put together."""

    defaults: dict[Literal["all"] | TrunkKind, Defaults] = Field(default={})
    holders: list[Holder] = Field(default=[])
    sets: list[SetEntry] = Field(default=[])
    trunks: list[TrunkEntry] = Field(default=[])


Holder.model_rebuild()

__all__ = [
    "Contract", "Dated", "Defaults", "GrantEntry", "Holder", "LedgerFile", "MemberEntry", "SetEntry", "TermsEntry",
    "TitleEntry", "TrunkEntry",
]  # fmt: skip
