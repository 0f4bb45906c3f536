"""Settings of the whole screening: thresholds, contact for redress, tagging, and every rule that exists."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, create_model, model_validator

from ringfence.screening.discovery import RULES
from ringfence.screening.rules.emergency import Emergency
from ringfence.screening.rules.rate import CallerRate
from ringfence.settings_types import Duration, Frozen


def _quotable(value: str) -> str:
    """Text that stands inside a quoted string of a header as it is."""
    if any(character in '"\\' or not character.isprintable() for character in value):
        raise ValueError("quotes, backslashes and control characters cannot stand here")
    return value


def _uri(value: str) -> str:
    """Printable ASCII that can stand in `<…>` and in a quoted parameter list alike."""
    if any(character in '"\\<>;, ' or not 0x21 <= ord(character) <= 0x7E for character in value):
        raise ValueError("a URI has only printable ASCII, and here no blank, quote, bracket, comma or semicolon")
    return value


Quotable = Annotated[str, AfterValidator(_quotable)]
UriText = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_uri)]


class ContactSettings(Frozen):
    """Whom a refused caller can ask for redress; told in 603 Network Blocked (ATIS-1000099)."""

    url: UriText | None = Field(default=None, pattern=r"^https?://", description="page for redress")
    email: UriText | None = Field(default=None, pattern=r"^[^@]+@[^@]+$", description="mail address for redress")
    tel: str | None = Field(default=None, pattern=r"^\+[1-9][0-9]{4,14}$", description="number for redress, E.164")
    location: Literal["U", "LPN", "LN", "TN", "RLN", "RPN", "INTL", "BI"] = Field(
        default="TN", description="where in the network the call was blocked (Q.850 location, RFC 8606)"
    )

    @model_validator(mode="after")
    def _somebody(self) -> Self:
        if self.url is None and self.email is None and self.tel is None:
            raise ValueError("give at least one of url, email, tel")
        return self


class TaggingSettings(Frozen):
    """What a tagged call carries to the callee; the caller's number is never rewritten."""

    display_prefix: Quotable = Field(
        default="[Suspected] ", max_length=64, description="put before the caller's display name; empty: nothing"
    )
    headers: bool = Field(
        default=True, description="add the header fields -Verdict, -Reason and -Score under header_prefix"
    )
    header_prefix: str = Field(
        default="P-Ringfence",
        pattern=r"^[A-Za-z][A-Za-z0-9-]{2,39}$",
        description="how our own header fields begin; fields that begin so are removed when a trunk sends them",
    )
    call_info: UriText | None = Field(
        default=None, description="URI of a page about tagged calls, added as Call-Info with purpose=info"
    )


class _RulesBase(Frozen):
    @model_validator(mode="before")
    @classmethod
    def _known(cls, value: object) -> object:
        unknown = sorted(str(key) for key in value if key not in RULES) if isinstance(value, dict) else []
        if unknown:
            raise ValueError(f"no such rule: {', '.join(unknown)}; there are {', '.join(sorted(RULES))}")
        return value


if TYPE_CHECKING:
    # What mypy sees; the fields come from the rule files.
    class RulesSettings(_RulesBase):
        """Settings of each rule by its name."""

        rate: CallerRate
        emergency: Emergency
else:
    RulesSettings = create_model(
        "RulesSettings",
        __base__=_RulesBase,
        __doc__="Settings of each rule by its name; a rule that is not named has its defaults.",
        **{
            name: (rule.settings, Field(default_factory=rule.settings, description=f"the rule {name}"))
            for name, rule in RULES.items()
        },
    )


def _defaults() -> RulesSettings:
    empty: dict[str, Any] = {}
    return RulesSettings(**empty)


class ScreeningSettings(Frozen):
    """How findings become verdicts."""

    tag_at: float = Field(default=60.0, gt=0, description="points from which a call is tagged")
    reject_at: float = Field(default=80.0, gt=0, description="points from which a call is rejected")
    retry_after: Duration = Field(
        default=60.0, ge=1, description="how long a caller should wait when a call could not be decided"
    )
    contact: ContactSettings | None = Field(
        default=None, description="whom a refused caller can ask; needed when a trunk has network_blocked"
    )
    tagging: TaggingSettings = Field(default=TaggingSettings(), description="marks on tagged calls")
    rules: RulesSettings = Field(default_factory=_defaults, description="settings of each rule by its name")

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.tag_at > self.reject_at:
            raise ValueError("tag_at is above reject_at")
        return self

    @property
    def rate_window(self) -> float:
        """Seconds over which the look-up counts a caller's attempts."""
        return self.rules.rate.window
