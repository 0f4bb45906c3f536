"""What can be said about calls to a callee: a consent, a refusal, a standing wish. Values, checked when made."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Literal

from ringfence.registry.errors import BadStatement
from ringfence.sectors import SECTORS

Kind = Literal["consent", "refusal", "wish"]

CHANNELS = ("web", "app", "sms", "voice", "paper", "in_person", "import", "operator")
"""How it was said."""

LEVELS = ("all", "industries", "none")
"""A standing wish's three levels: no marketing calls at all, none of the named industries, no wish any more."""

EVERYBODY = "*"
LONGEST_TEXT = 256  # characters of a holder, purpose or reference
_SHA256 = re.compile(r"[0-9a-f]{64}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")  # and halves of characters, which are no text
EARLIEST = 946_684_800  # 2000-01-01: an earlier time is a mistake of units
LATEST = 7_258_118_400  # 2200-01-01


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """One thing that a callee said, as it is recorded; raises BadStatement when it is not sound.

    callee: a number in its comparable form. scope: `*`, `sector:NAME` or `holder:NAME`; of a consent the holder's; of a
    wish always `*`, its industries stand in `sectors`. since: when it was said; until: when a consent ends, None: it
    has no end; both epoch seconds. sectors: of a consent the sector it is for, if any; of a wish its industries.
    level: of a wish. purpose: brand or purpose of a consent. evidence: sha256 of a stored file; reference: where else
    the evidence is, such as the number of a recording.
    """

    callee: str
    kind: Kind
    scope: str
    since: int
    until: int | None = None
    sectors: tuple[str, ...] = ()
    level: str = ""
    purpose: str = ""
    channel: str = "operator"
    evidence: str = ""
    reference: str = ""

    def __post_init__(self) -> None:
        check_scope(self.scope)
        for field in ("purpose", "reference"):
            check_text(field, getattr(self, field))
        if self.channel not in CHANNELS:
            raise BadStatement("channel", f"there are: {', '.join(CHANNELS)}")
        for sector in self.sectors:
            _check_sector(sector)
        if self.evidence and not _SHA256.fullmatch(self.evidence):
            raise BadStatement("evidence", "a sha256 in 64 lower-case hexadecimal digits")
        _check_time("since", self.since)
        match self.kind:
            case "consent":
                self._check_consent()
            case "wish":
                self._check_wish()
            case "refusal":
                if self.until is not None or self.level or self.sectors:
                    raise BadStatement("scope", "a refusal has a scope and nothing else: no end, level or sectors")

    def _check_consent(self) -> None:
        if not self.scope.startswith("holder:"):
            raise BadStatement("holder", "a consent is given to somebody: name the holder")
        if len(self.sectors) > 1 or self.level:
            raise BadStatement("sector", "a consent is for one sector at most")
        if self.until is not None:
            _check_time("until", self.until)
            if self.until <= self.since:
                raise BadStatement("until", "ends before it begins")

    def _check_wish(self) -> None:
        if self.level not in LEVELS:
            raise BadStatement("level", f"there are: {', '.join(LEVELS)}")
        if (self.level == "industries") != bool(self.sectors):
            raise BadStatement("industries", "are named for the level `industries`, and for no other")
        if self.scope != EVERYBODY or self.until is not None:
            raise BadStatement("level", "a wish is about all holders and has no end")

    @property
    def holder(self) -> str:
        """The holder that its scope names, "" for another scope."""
        return self.scope[7:] if self.scope.startswith("holder:") else ""

    @property
    def proven(self) -> bool:
        """Whether it has evidence of either kind."""
        return bool(self.evidence or self.reference)


def consent(callee: str, holder: str, since: int, **more: Any) -> Statement:
    """A consent to calls of a holder. Raises BadStatement."""
    return Statement(callee=callee, kind="consent", scope=f"holder:{holder}", since=since, **more)


def refusal(callee: str, scope: str, since: int, **more: Any) -> Statement:
    """A refusal of a scope. Raises BadStatement."""
    return Statement(callee=callee, kind="refusal", scope=scope, since=since, **more)


def wish(callee: str, level: str, since: int, sectors: tuple[str, ...] = (), **more: Any) -> Statement:
    """A standing wish; the newest one of a callee counts. Raises BadStatement."""
    return Statement(
        callee=callee,
        kind="wish",
        scope=EVERYBODY,
        since=since,
        level=level,
        sectors=tuple(sorted(set(sectors))),
        **more,
    )


def check_scope(scope: str) -> None:
    """Raises BadStatement for what is no scope."""
    word, colon, name = scope.partition(":")
    if scope == EVERYBODY:
        return
    if word == "sector" and colon:
        _check_sector(name)
    elif word == "holder" and colon:
        if not name or name != name.strip() or name == EVERYBODY:
            raise BadStatement("holder", "is a name, without blanks around it")
        check_text("holder", name)
    else:
        raise BadStatement("scope", "is `*`, `sector:NAME` or `holder:NAME`")


def _check_sector(name: str) -> None:
    if name not in SECTORS:
        raise BadStatement("sector", f"there are: {', '.join(SECTORS)}")


def check_text(field: str, text: str) -> None:
    """Raises BadStatement for what is too long, or cannot be kept as text."""
    if len(text) > LONGEST_TEXT:
        raise BadStatement(field, f"is longer than {LONGEST_TEXT} characters")
    if _CONTROL.search(text):
        raise BadStatement(field, "has control characters")


def _check_time(field: str, moment: int) -> None:
    if not EARLIEST <= moment <= LATEST:
        raise BadStatement(field, "is not between the years 2000 and 2200")
