"""A diverted call is answered for by who diverted it, as far as the trunk's contract allows diversions."""

from __future__ import annotations

from pydantic import Field

from ringfence.ledger import Trunk
from ringfence.ledger.settings import TrunkKind
from ringfence.screening.call import Call
from ringfence.screening.facts import Facts
from ringfence.screening.rule import Finding, Refusal, Rule, RuleSettings

_NO_DIVERTER = frozenset(("inbound_only", "no_voice", "unassigned"))


class Diversion(RuleSettings):
    """The limit is the trunk's: `diversion_hops`."""

    exempt_kinds: tuple[TrunkKind, ...] = Field(
        default=("interconnect", "international"),
        description="kinds of trunks that carry other networks' diverted calls, held to diversion_hops if they have it",
    )


def judge(call: Call, facts: Facts, settings: Diversion) -> Finding | None:
    """Speak when a call was diverted (RFC 5806, RFC 7044) more often than agreed, or by whom nobody can tell.

    Whether the diverting number is the trunk's is `caller_authorised`'s question: within the contract it is the number
    that the trunk must be allowed to use (`Call.accountable`), beyond it the caller's is, as ever.
    """
    diverted = call.diverted
    by = diverted.by
    if by is None:
        return None
    allowed = call.trunk.diversion_hops
    if allowed == 0:
        return Finding("not_in_contract")
    if diverted.hops > allowed:
        return Finding("too_many_hops", f"diverted {diverted.hops} times, {allowed} allowed")
    if diverted.contradicts:
        return Finding("contradiction", "Diversion and History-Info name different numbers")
    if not by.value:
        return Finding("no_number")
    if by.irregular or by.class_.caller in _NO_DIVERTER:
        return Finding("irregular_number", by.irregular or by.class_.title)
    if by.value == call.callee.value:
        return Finding("diverted_to_itself")
    return None


def applies(trunk: Trunk, settings: Diversion) -> bool:
    """To every trunk with a limit, and to those of customers without one."""
    return trunk.diversion_hops > 0 or trunk.kind not in settings.exempt_kinds


RULE = Rule(
    settings=Diversion,
    judge=judge,
    answers=dict.fromkeys(
        ("not_in_contract", "too_many_hops", "contradiction", "no_number", "irregular_number", "diverted_to_itself"),
        Refusal.FORBIDDEN,
    ),
    rank=17,
    applies=applies,
)
