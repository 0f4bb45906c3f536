"""Calls of the past judged once more: what another ledger or other rules would have said to them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from ringfence.ledger import Ledger
from ringfence.numbering import Numbering
from ringfence.screening.call import Call
from ringfence.screening.facts import CalleeCalls, Consent, Facts, Rate, Roaming, Score
from ringfence.screening.pipeline import Pipeline
from ringfence.screening.verdict import Pending

NO_TRUNK = "no_trunk"


class PastCall(NamedTuple):
    """A call as it was made. Numbers are as they were written; at: epoch seconds; place: where it is on record."""

    trunk: str
    caller: str
    callee: str
    asserted: str = ""
    private: bool = False
    at: float = 0.0
    place: str = ""


class Outcome(NamedTuple):
    """What becomes of a call. action: forward, tag, reject or no_trunk. holder: who answers for its trunk."""

    action: str
    reason: str
    holder: str


class Judge:
    """One generation of rules and ledger, asked about calls of the past.

    What only look-ups know is assumed to be nothing against the call: consent given, no score, a first call, also
    to the callee, a subscriber who roams. So a difference between two judges is one of ledger and rules.
    """

    def __init__(self, ledger: Ledger, pipeline: Pipeline, numbering: Numbering) -> None:
        self._ledger = ledger
        self._pipeline = pipeline
        self._read = numbering.read
        self._facts = Facts(Consent(True), Score(0.0), Rate(1, pipeline.rate_window), Roaming(True), CalleeCalls(()))

    def outcome(self, past: PastCall) -> Outcome:
        """What becomes of a call."""
        trunk = self._ledger.trunks.get(past.trunk)
        if trunk is None:
            return Outcome(NO_TRUNK, "", "")
        read, area = self._read, trunk.area
        asserted = read(past.asserted, area) if past.asserted and trunk.trust_identity else None
        call = Call(
            trunk, read(past.caller, area), read(past.callee, area), asserted, () if asserted is None else (asserted,),
            private=past.private, at=past.at,
        )  # fmt: skip
        step = self._pipeline.begin(call)
        verdict = self._pipeline.finish(call, step, self._facts) if isinstance(step, Pending) else step
        return Outcome(verdict.action, verdict.reason, trunk.holder)


def compared(calls: Iterable[PastCall], one: Judge, other: Judge) -> Iterator[tuple[PastCall, Outcome, Outcome]]:
    """Each call with what becomes of it by either judge."""
    for past in calls:
        yield past, one.outcome(past), other.outcome(past)
