"""Whether a call is forwarded, tagged or rejected: rules, their facts and the policy that sums them. Pure."""

from ringfence.screening.call import Call
from ringfence.screening.facts import (
    NOT_ASKED,
    CalleeCalls,
    CalleeMemory,
    Consent,
    Facts,
    Need,
    Rate,
    Roaming,
    Scope,
    Score,
    Unknown,
)
from ringfence.screening.intake import Intake
from ringfence.screening.pipeline import Pipeline
from ringfence.screening.policy import PolicyError, PolicyFault
from ringfence.screening.rule import Finding, Refusal, Rule, RuleSettings
from ringfence.screening.settings import ContactSettings, ScreeningSettings, TaggingSettings
from ringfence.screening.verdict import Answer, Judged, Pending, Verdict

__all__ = [
    "NOT_ASKED",
    "Answer",
    "Call",
    "CalleeCalls",
    "CalleeMemory",
    "Consent",
    "ContactSettings",
    "Facts",
    "Finding",
    "Intake",
    "Judged",
    "Need",
    "Pending",
    "Pipeline",
    "PolicyError",
    "PolicyFault",
    "Rate",
    "Refusal",
    "Roaming",
    "Rule",
    "RuleSettings",
    "Scope",
    "Score",
    "ScreeningSettings",
    "TaggingSettings",
    "Unknown",
    "Verdict",
]
