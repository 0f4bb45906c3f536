"""Marketing calls need the callee's consent; what is not known is no consent."""

from __future__ import annotations

from pydantic import Field

from ringfence.ledger import Trunk
from ringfence.screening.call import Call
from ringfence.screening.facts import Facts, Need, Scope, Unknown
from ringfence.screening.rule import Finding, Mode, Refusal, Rule, RuleSettings

_REFUSED: dict[Scope, str] = {"everybody": "refused", "sector": "refused_sector", "holder": "refused_holder"}
_WISHES: dict[Scope, str] = {"everybody": "wish", "sector": "wish_sector", "holder": "wish_holder"}


class ConsentRequired(RuleSettings):
    """For trunks whose contract says marketing; on all others the rule asks nothing."""

    mode: Mode = Field(default="enforce", description=RuleSettings.model_fields["mode"].description)


def judge(call: Call, facts: Facts, settings: ConsentRequired) -> Finding | None:
    """Speak unless a consent is on record and holds at the time of the call; a refusal or a wish that stands beats it.

    The one rule that speaks when its fact did not come: consent fails closed (DESIGN, fail modes).
    """
    consent = facts.consent
    if isinstance(consent, Unknown):
        return Finding("unknown_consent", consent.reason)
    if consent.refused is not None:
        return Finding(_REFUSED[consent.refused])
    if consent.wish is not None:
        return Finding(_WISHES[consent.wish])
    if not consent.granted:
        return Finding("no_consent")
    if consent.until is not None and consent.until <= call.at:
        return Finding("expired")
    return None


def applies(trunk: Trunk, settings: ConsentRequired) -> bool:
    """To marketing trunks only."""
    return trunk.marketing


RULE = Rule(
    settings=ConsentRequired,
    needs=frozenset({Need.CONSENT}),
    judge=judge,
    answers={
        **dict.fromkeys(_REFUSED.values(), Refusal.DECLINED),
        **dict.fromkeys(_WISHES.values(), Refusal.DECLINED),
        "no_consent": Refusal.FORBIDDEN,
        "expired": Refusal.FORBIDDEN,
        "unknown_consent": Refusal.LATER,
    },
    rank=30,
    applies=applies,
)
