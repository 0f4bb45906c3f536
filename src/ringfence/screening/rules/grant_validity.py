"""A number that the trunk was granted, but whose grant or certificate does not hold at the time of the call."""

from __future__ import annotations

from pydantic import Field

from ringfence.screening.call import Call
from ringfence.screening.facts import Facts
from ringfence.screening.rule import Finding, Mode, Refusal, Rule, RuleSettings


class GrantValidity(RuleSettings):
    """Days are those of the ledger's clock (`ledger.utc_offset`)."""

    mode: Mode = Field(default="enforce", description=RuleSettings.model_fields["mode"].description)


def judge(call: Call, facts: Facts, settings: GrantValidity) -> Finding | None:
    """Speak when no grant of the number to the trunk holds, or when no certificate covers it any more.

    Of several grants one that holds is enough; of those that do not the one nearest to holding gives the reason. A
    number that is not granted at all is `caller_authorised`'s business.
    """
    standing = call.trunk.standing(call.accountable.value)
    if not standing.granted:
        return None
    now = call.at
    reason = "expired"
    for terms in standing.terms:
        if terms.suspended:
            reason = "suspended"
        elif now < terms.since:
            reason = "not_yet_valid" if reason == "expired" else reason
        elif now < terms.until:
            break
    else:
        return Finding(reason)
    titles = standing.titles
    if titles and not any(title.since <= now < title.until for title in titles):
        return Finding("certificate_expired", titles[0].certificate and f"certificate {titles[0].certificate}")
    return None


RULE = Rule(
    settings=GrantValidity,
    judge=judge,
    answers=dict.fromkeys(("expired", "not_yet_valid", "suspended", "certificate_expired"), Refusal.FORBIDDEN),
    rank=21,
)
