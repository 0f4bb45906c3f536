"""What comes out of screening: a verdict with everything that led to it, or a pause for look-ups."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

from mypy_extensions import mypyc_attr

from ringfence.screening.facts import Need
from ringfence.screening.rule import Finding, Mode

if TYPE_CHECKING:
    from ringfence.screening.policy import Plan

Action = Literal["forward", "tag", "reject"]


class Answer(NamedTuple):
    """A refusal's response. phrase, headers: ready bytes; headers are whole lines with their CRLF."""

    status: int
    phrase: bytes
    headers: bytes


class Judged(NamedTuple):
    """One finding with its weight.

    points: strength times the rule's points; weighs nothing unless mode is enforce.
    reason: `rule.reason`, the name that metrics, records and headers use.
    """

    rule: str
    mode: Mode
    finding: Finding
    points: float
    reason: str


@mypyc_attr(acyclic=True)
class Verdict:
    """What happens to a call, and why; shared between calls, so never changed after it was made.

    reason: `rule.reason` of the weightiest enforced finding of a tagged or rejected call, or of the rule that settled
    a forwarded one; "" otherwise. points: the enforced sum. findings: all, observed ones too, in the order of asking.
    unknown: needs that were asked and did not come, sorted. answer: for reject only.
    """

    __slots__ = ("action", "answer", "findings", "points", "reason", "unknown")

    def __init__(
        self,
        action: Action,
        reason: str = "",
        points: float = 0.0,
        findings: tuple[Judged, ...] = (),
        unknown: tuple[str, ...] = (),
        answer: Answer | None = None,
    ) -> None:
        self.action: Action = action
        self.reason = reason
        self.points = points
        self.findings = findings
        self.unknown = unknown
        self.answer = answer

    def __repr__(self) -> str:
        return f"Verdict({self.action}, {self.reason or 'no reason'}, {self.points:g} points)"


class Pending:
    """A call that waits for facts; holds the plan it began with, so a reload does not change its policy.

    needs: what to look up, never empty.
    """

    __slots__ = ("findings", "needs", "plan", "points")

    def __init__(self, plan: Plan, needs: frozenset[Need], findings: tuple[Judged, ...], points: float) -> None:
        self.plan = plan
        self.needs = needs
        self.findings = findings
        self.points = points
