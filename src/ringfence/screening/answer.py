"""Which response a refusal gets, made once for every reason and kind of trunk.

| refusal | response | on an explained trunk also |
|---|---|---|
| authorisation, plan, no consent | 403 Forbidden | `Reason: Q.850;cause=21`, the reason's name |
| score, behaviour | 608 Rejected (RFC 8688); 603 Network Blocked with Reason where 603+ is spoken | the reason's name |
| the callee's own refusal | 603 Decline | `Reason: Q.850;cause=21`, the reason's name |
| cannot be decided now | 480 Temporarily Unavailable with Retry-After | `Reason: Q.850;cause=41`, the reason's name |

An opaque trunk learns no reason: the bare response, except for what the response cannot do without (Retry-After; the
603+ Reason, which names whom to ask and no rule). Every byte comes from settings and rule files, none from a call.
"""

from __future__ import annotations

from typing import Literal

from ringfence.screening.discovery import RULES
from ringfence.screening.rule import Refusal
from ringfence.screening.settings import ContactSettings, ScreeningSettings
from ringfence.screening.verdict import Answer

_Q850_CALL_REJECTED = 21
_Q850_TEMPORARY_FAILURE = 41


def answers_for(
    explain: Literal["opaque", "explained"], blocked: bool, settings: ScreeningSettings
) -> dict[str, Answer]:
    """The response to every `rule.reason` there is, on trunks of one style; blocked: the trunk speaks 603+."""
    return {
        f"{name}.{reason}": answer_for(refusal, name, reason, explain == "explained", blocked, settings)
        for name, rule in RULES.items()
        for reason, refusal in rule.answers.items()
    }


def answer_for(
    refusal: Refusal, rule: str, reason: str, explain: bool, blocked: bool, settings: ScreeningSettings
) -> Answer:
    """The response for one reason of one rule; `rule` and `reason` are tokens."""
    explained = b""
    if explain:
        prefix = settings.tagging.header_prefix
        explained = f"{prefix}-Reason: {rule}.{reason}\r\n".encode("ascii")
    text = reason.replace("_", " ")
    match refusal:
        case Refusal.FORBIDDEN:
            return Answer(403, b"Forbidden", _q850(_Q850_CALL_REJECTED, text, explained))
        case Refusal.DECLINED:
            return Answer(603, b"Decline", _q850(_Q850_CALL_REJECTED, text, explained))
        case Refusal.LATER:
            retry = b"Retry-After: %d\r\n" % settings.retry_after
            headers = retry + _q850(_Q850_TEMPORARY_FAILURE, text, explained)
            return Answer(480, b"Temporarily Unavailable", headers)
        case Refusal.ANALYTICS if blocked and settings.contact is not None:
            return Answer(603, b"Network Blocked", _blocked(settings.contact) + explained)
        case Refusal.ANALYTICS:
            return Answer(608, b"Rejected", explained)


def _q850(cause: int, text: str, explained: bytes) -> bytes:
    """RFC 6432: a Q.850 cause in a response's Reason; nothing on an opaque trunk."""
    if not explained:
        return b""
    return f'Reason: Q.850;cause={cause};text="{text}"\r\n'.encode("ascii") + explained


def _blocked(contact: ContactSettings) -> bytes:
    """ATIS-1000099: the text begins `v=analytics1;` and names whom to ask."""
    parts = ["v=analytics1"]
    for name, value in (("url", contact.url), ("email", contact.email), ("tel", contact.tel)):
        if value is not None:
            parts.append(f"{name}={value}")
    text = ";".join(parts)
    return f'Reason: SIP;cause=603;text="{text}";location={contact.location}\r\n'.encode("ascii")
