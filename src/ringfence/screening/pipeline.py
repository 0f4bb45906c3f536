"""From a call to its verdict: rules without needs, then the facts, then the rest; the policy sums the findings."""

from __future__ import annotations

from ringfence.calendars import Places
from ringfence.ledger import Ledger
from ringfence.screening.call import Call
from ringfence.screening.facts import CalleeMemory, Facts, Unknown
from ringfence.screening.policy import Plan, Step, compile_plans, memory_of
from ringfence.screening.settings import ScreeningSettings
from ringfence.screening.verdict import Judged, Pending, Verdict

_NOTHING_KNOWN = Facts()
_CLEAN = Verdict("forward")


class Pipeline:
    """One generation's rules, compiled for the trunks of its ledger.

    rate_window: seconds over which the look-ups must count a caller's attempts. callee_memory: what they must remember
    of calls to a callee.
    faults: how often a rule raised or gave a reason it never declared, by its name; every such call went on without it.
    """

    __slots__ = ("_plans", "callee_memory", "faults", "rate_window")

    def __init__(self, settings: ScreeningSettings, ledger: Ledger, places: Places) -> None:
        """Raises PolicyError with every fault when settings or a trunk's overrides do not fit the rules or places."""
        self._plans = compile_plans(settings, ledger, places)
        self.rate_window = settings.rate_window
        self.callee_memory: CalleeMemory = memory_of(self._plans)
        self.faults: dict[str, int] = {}

    def begin(self, call: Call) -> Verdict | Pending:
        """Ask the rules that need no look-up. A call that they settle or reject asks nothing more.

        The call's trunk must come from the ledger that this pipeline was made with.
        """
        plan = self._plans[call.trunk.profile]
        settled = self._ask(plan.settling, call, _NOTHING_KNOWN)
        if settled:
            return Verdict("forward", settled[0].reason, 0.0, settled)
        findings = self._ask(plan.first, call, _NOTHING_KNOWN)
        if not findings:
            return plan.waiting or _CLEAN
        points = _enforced(findings)
        if plan.waiting is None or points >= plan.reject_at:
            return _weighed(plan, findings, points, ())
        return Pending(plan, plan.needs, findings, points)

    def finish(self, call: Call, pending: Pending, facts: Facts) -> Verdict:
        """Ask the remaining rules and weigh all findings, by the plan that the call began with."""
        plan = pending.plan
        then = plan.then
        if pending.findings:
            # What a rule saw before it was told anything, it does not say again.
            said = {each.rule for each in pending.findings}
            then = tuple([step for step in then if step.name not in said])
        found = self._ask(then, call, facts)
        unknown: tuple[str, ...] = ()
        for need in plan.asked:
            if isinstance(getattr(facts, need), Unknown):
                unknown += (need,)
        if not (found or unknown or pending.findings):
            return _CLEAN
        return _weighed(plan, pending.findings + found, pending.points + _enforced(found), unknown)

    def _ask(self, steps: tuple[Step, ...], call: Call, facts: Facts) -> tuple[Judged, ...]:
        findings: tuple[Judged, ...] = ()
        for step in steps:
            try:
                finding = step.judge(call, facts, step.settings)
                if finding is not None:
                    reason = step.reasons[finding.reason]
                    judged = Judged(step.name, step.mode, finding, finding.strength * step.points, reason)
                    findings += (judged,)
            except Exception:  # our bug, whatever it is: the call goes on without this rule
                self.faults[step.name] = self.faults.get(step.name, 0) + 1
        return findings


def _enforced(findings: tuple[Judged, ...]) -> float:
    return sum(each.points for each in findings if each.mode == "enforce")


def _weighed(plan: Plan, findings: tuple[Judged, ...], points: float, unknown: tuple[str, ...]) -> Verdict:
    """The policy: the enforced sum against the thresholds; the weightiest finding gives the reason."""
    if points < plan.tag_at:
        return Verdict("forward", "", points, findings, unknown)
    reason = max((each for each in findings if each.mode == "enforce"), key=lambda each: each.points).reason
    if points < plan.reject_at:
        return Verdict("tag", reason, points, findings, unknown)
    return Verdict("reject", reason, points, findings, unknown, plan.answers[reason])
