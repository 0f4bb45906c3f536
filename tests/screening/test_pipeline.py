"""From call to verdict: modes, order, sums, what is asked and what a broken rule does."""

from __future__ import annotations

import itertools
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.places import PLACES
from tests.support.trunks import trunk_of

from ringfence.ledger import Trunk
from ringfence.ledger.settings import TrunkKind
from ringfence.numbering import Numbering, NumberingSettings
from ringfence.screening import (
    Call,
    Consent,
    Facts,
    Finding,
    Need,
    Pending,
    Pipeline,
    Rate,
    Refusal,
    Roaming,
    Rule,
    RuleSettings,
    Score,
    ScreeningSettings,
    Unknown,
    Verdict,
    policy,
)

OWN, STRANGER = "+862162345678", "+8613800138000"
GOOD = Facts(Consent(True), Score(0.0), Rate(1, 3600.0))
NUMBERING = Numbering(NumberingSettings())
MODES = ("off", "observe", "enforce")


def pipeline(trunk: Trunk, **part: Any) -> Pipeline:
    return Pipeline(ScreeningSettings.model_validate(part), trunk.ledger, PLACES)


def settled(result: Verdict | Pending) -> Verdict:
    assert isinstance(result, Verdict)
    return result


def pending(result: Verdict | Pending) -> Pending:
    assert isinstance(result, Pending)
    return result


def finished(screen: Pipeline, call: Call, facts: Facts) -> Verdict:
    return screen.finish(call, pending(screen.begin(call)), facts)


def test_clean_call_asks_what_its_trunk_needs(make_call: Any, make_trunk: Any) -> None:
    trunk = make_trunk()
    screen = pipeline(trunk)
    waiting = pending(screen.begin(make_call(trunk=trunk)))
    assert waiting.needs == {Need.SCORE, Need.CALLER_RATE}
    verdict = screen.finish(make_call(trunk=trunk), waiting, GOOD)
    assert (verdict.action, verdict.reason, verdict.points) == ("forward", "", 0.0)
    assert (verdict.findings, verdict.unknown, verdict.answer) == ((), (), None)


def test_marketing_trunk_asks_for_consent(make_call: Any, make_trunk: Any) -> None:
    trunk = make_trunk(marketing=True)
    waiting = pending(pipeline(trunk).begin(make_call(trunk=trunk)))
    assert waiting.needs == {Need.CONSENT, Need.SCORE, Need.CALLER_RATE, Need.CALLEE_CALLS}


@pytest.mark.parametrize("caller", [OWN, STRANGER, "", "anonymous"])
def test_emergency_is_forwarded_whoever_calls(make_call: Any, make_trunk: Any, caller: str) -> None:
    trunk = make_trunk(marketing=True, numbers=[])
    verdict = settled(pipeline(trunk).begin(make_call(caller, callee="0755110", trunk=trunk)))
    assert (verdict.action, verdict.reason, verdict.points) == ("forward", "emergency.called", 0.0)
    assert [judged.reason for judged in verdict.findings] == ["emergency.called"]


def test_rejected_call_asks_no_store(make_call: Any, make_trunk: Any) -> None:
    trunk = make_trunk(marketing=True)
    verdict = settled(pipeline(trunk).begin(make_call(STRANGER, trunk=trunk)))
    assert (verdict.action, verdict.reason, verdict.points) == ("reject", "caller_authorised.unknown_holder", 100.0)
    assert verdict.answer == (403, b"Forbidden", b"")
    assert verdict.unknown == ()


def test_explained_trunk_learns_the_reason(make_call: Any, make_trunk: Any) -> None:
    trunk = make_trunk(explain="explained")
    verdict = settled(pipeline(trunk).begin(make_call(STRANGER, trunk=trunk)))
    assert verdict.answer is not None
    assert b"P-Ringfence-Reason: caller_authorised.unknown_holder\r\n" in verdict.answer.headers


def test_of_equal_findings_the_lower_rank_gives_the_reason(make_call: Any, make_trunk: Any) -> None:
    trunk = make_trunk()
    verdict = settled(pipeline(trunk).begin(make_call("alice", trunk=trunk)))
    assert [judged.reason for judged in verdict.findings] == ["caller_number.malformed", "caller_authorised.no_number"]
    assert (verdict.reason, verdict.points) == ("caller_number.malformed", 200.0)


@pytest.mark.parametrize(("here", "there"), list(itertools.product(MODES, [None, *MODES])))
@pytest.mark.parametrize("name", ["caller_authorised", "rate"])
def test_modes_everywhere_and_on_the_trunk(
    make_call: Any, make_trunk: Any, name: str, here: str, there: str | None
) -> None:
    trunk = make_trunk(rules={name: {"mode": there}} if there else {})
    points = {"rate": {"mode": here, "points": 100}, "harassment_score": {"mode": "off"}, "caller_number": {}}
    rules = points if name == "rate" else points | {"rate": {"mode": "off"}, name: {"mode": here}}
    screen = pipeline(trunk, rules=rules)
    call = make_call(STRANGER if name == "caller_authorised" else OWN, trunk=trunk)
    began = screen.begin(call)
    effective = there or here
    if name == "rate" and effective != "off":
        assert pending(began).needs == {Need.CALLER_RATE}
        verdict = screen.finish(call, pending(began), Facts(caller_rate=Rate(99, 3600.0)))
    else:
        verdict = settled(began)  # a rule that is off asks nothing
    assert verdict.action == ("reject" if effective == "enforce" else "forward")
    assert [(judged.rule, judged.mode, judged.points) for judged in verdict.findings] == (
        [] if effective == "off" else [(name, effective, 100.0)]
    )
    assert verdict.points == (100.0 if effective == "enforce" else 0.0)
    assert (verdict.answer is not None) is (effective == "enforce")


@pytest.mark.parametrize(
    ("score", "attempts", "action", "reason", "points"),
    [
        (0, 1, "forward", "", 0),
        (59, 60, "forward", "", 0),
        (0, 61, "forward", "", 30),
        (60, 1, "tag", "harassment_score.elevated", 60),
        (60, 61, "reject", "harassment_score.elevated", 90),
        (80, 1, "reject", "harassment_score.high", 100),
        (100, 999, "reject", "harassment_score.high", 130),
    ],
)
def test_findings_add_up(
    make_call: Any, make_trunk: Any, score: float, attempts: int, action: str, reason: str, points: float
) -> None:
    trunk = make_trunk()
    rules = {"harassment_score": {"mode": "enforce"}, "rate": {"mode": "enforce", "points": 30}}
    facts = Facts(score=Score(score), caller_rate=Rate(attempts, 3600.0))
    verdict = finished(pipeline(trunk, rules=rules), make_call(trunk=trunk), facts)
    assert (verdict.action, verdict.reason, verdict.points) == (action, reason, points)
    assert (verdict.answer is not None) is (action == "reject")
    if verdict.answer is not None:
        assert verdict.answer.status == 608


def test_findings_before_the_facts_count_too(make_call: Any, make_trunk: Any) -> None:
    trunk = make_trunk()
    rules = {"caller_authorised": {"points": 50}, "rate": {"mode": "enforce", "points": 40}}
    screen = pipeline(trunk, rules=rules)
    call = make_call(STRANGER, trunk=trunk)
    waiting = pending(screen.begin(call))
    assert [judged.reason for judged in waiting.findings] == ["caller_authorised.unknown_holder"]
    calm = screen.finish(call, waiting, GOOD)
    assert (calm.action, calm.points) == ("forward", 50.0)
    busy = screen.finish(call, waiting, Facts(score=Score(0), caller_rate=Rate(61, 3600.0)))
    assert (busy.action, busy.reason, busy.points) == ("reject", "caller_authorised.unknown_holder", 90.0)
    assert busy.answer is not None and busy.answer.status == 403


@pytest.mark.parametrize("marketing", [True, False])
def test_with_the_stores_gone_only_marketing_is_closed(make_call: Any, make_trunk: Any, marketing: bool) -> None:
    trunk = make_trunk(marketing=marketing)
    rules = {"harassment_score": {"mode": "enforce"}, "rate": {"mode": "enforce"}}
    down = Unknown("breaker_open")
    verdict = finished(pipeline(trunk, rules=rules), make_call(trunk=trunk), Facts(down, down, down, callee_calls=down))
    if marketing:
        assert (verdict.action, verdict.reason) == ("reject", "consent.unknown_consent")
        assert verdict.answer is not None and verdict.answer.status == 480
        assert verdict.unknown == ("callee_calls", "caller_rate", "consent", "score")
    else:
        assert (verdict.action, verdict.reason, verdict.findings) == ("forward", "", ())
        assert verdict.unknown == ("caller_rate", "score")


def test_refusal_of_the_callee_is_a_decline(make_call: Any, make_trunk: Any) -> None:
    trunk = make_trunk(marketing=True)
    verdict = finished(
        pipeline(trunk), make_call(trunk=trunk), Facts(Consent(True, "everybody"), Score(0), Rate(1, 60.0))
    )
    assert verdict.reason == "consent.refused"
    assert verdict.answer is not None and verdict.answer[:2] == (603, b"Decline")


def test_everything_off_settles_at_once(make_call: Any, make_trunk: Any) -> None:
    trunk = make_trunk(marketing=True)
    rules = {name: {"mode": "off"} for name in policy.RULES if name != "emergency"}
    assert settled(pipeline(trunk, rules=rules).begin(make_call("alice", trunk=trunk))).action == "forward"


def test_a_pending_call_keeps_the_policy_it_began_with(make_call: Any, make_trunk: Any) -> None:
    trunk = make_trunk()
    old = pipeline(trunk, rules={"rate": {"mode": "enforce", "points": 100}})
    new = pipeline(trunk, rules={"rate": {"mode": "off"}})
    call = make_call(trunk=trunk)
    waiting = pending(old.begin(call))
    assert new.finish(call, waiting, Facts(score=Score(0), caller_rate=Rate(99, 60.0))).action == "reject"


def broken(call: Call, facts: Facts, settings: RuleSettings) -> Finding | None:
    raise RuntimeError("a bug")


def undeclared(call: Call, facts: Facts, settings: RuleSettings) -> Finding | None:
    return Finding("never_heard_of")


@pytest.mark.parametrize("judge", [broken, undeclared])
@pytest.mark.parametrize("name", ["caller_number", "harassment_score", "emergency"])
def test_a_rule_that_breaks_is_counted_and_skipped(
    monkeypatch: pytest.MonkeyPatch, make_call: Any, make_trunk: Any, name: str, judge: Any
) -> None:
    kept = policy.RULES[name]
    bad: Rule[Any] = Rule(
        kept.settings, judge, {"fine": Refusal.FORBIDDEN}, kept.needs, kept.rank, kept.settles, kept.applies
    )
    monkeypatch.setitem(policy.RULES, name, bad)
    trunk = make_trunk(marketing=True)
    screen = pipeline(trunk)
    call = make_call(trunk=trunk)
    for count in (1, 2):
        assert finished(screen, call, GOOD).action == "forward"
        assert screen.faults == {name: count}
    facts = Facts(Consent(False), Score(0), Rate(1, 60.0))
    assert finished(screen, call, facts).reason == "consent.no_consent"


def test_rate_window_is_told_to_the_lookups(make_trunk: Any) -> None:
    assert pipeline(make_trunk(), rules={"rate": {"window": "90s"}}).rate_window == 90.0


def test_verdicts_keep_numbers_out_of_logs(make_call: Any, make_trunk: Any) -> None:
    trunk = make_trunk()
    verdict = settled(pipeline(trunk).begin(make_call(STRANGER, trunk=trunk)))
    assert repr(verdict) == "Verdict(reject, caller_authorised.unknown_holder, 100 points)"
    assert repr(Verdict("forward")) == "Verdict(forward, no reason, 0 points)"


unknown = st.sampled_from(["deadline", "breaker_open"]).map(Unknown)
scopes = st.sampled_from([None, "everybody", "sector", "holder"])
all_facts = st.builds(
    Facts,
    st.one_of(unknown, st.builds(Consent, st.booleans(), scopes, st.one_of(st.none(), st.floats(0, 2000)), scopes)),
    st.one_of(unknown, st.builds(Score, st.floats(0, 100))),
    st.one_of(unknown, st.builds(Rate, st.integers(0, 200), st.just(3600.0))),
    st.one_of(unknown, st.builds(Roaming, st.booleans())),
)
WEIGHED = sorted(set(policy.RULES) - {"emergency"})


@settings(max_examples=120, deadline=None)
@given(
    facts=all_facts,
    modes=st.lists(st.sampled_from(MODES), min_size=len(WEIGHED), max_size=len(WEIGHED)),
    points=st.lists(st.floats(0, 200), min_size=len(WEIGHED), max_size=len(WEIGHED)),
    shown=st.sampled_from([OWN, STRANGER, "anonymous", "alice", "4001234567", "+442079460001"]),
    marketing=st.booleans(),
    kind=st.sampled_from(get_args(TrunkKind)),
)
def test_what_holds_for_every_verdict(
    facts: Facts, modes: list[str], points: list[float], shown: str, marketing: bool, kind: TrunkKind
) -> None:
    trunk = trunk_of(kind=kind, marketing=marketing)
    rules = {name: {"mode": mode, "points": weight} for name, mode, weight in zip(WEIGHED, modes, points, strict=True)}
    screen = pipeline(trunk, rules=rules)
    call = Call(trunk, NUMBERING.read(shown), NUMBERING.read("13912345678"), at=1000.0)
    result = screen.begin(call)
    verdict = result if isinstance(result, Verdict) else screen.finish(call, result, facts)
    enforced = sum(judged.points for judged in verdict.findings if judged.mode == "enforce")
    assert verdict.points == pytest.approx(enforced)
    expected = "forward" if enforced < 60 else "tag" if enforced < 80 else "reject"
    assert verdict.action == expected
    assert (verdict.answer is not None) is (expected == "reject")
    assert (verdict.reason != "") is (expected != "forward")
    assert all(rules[judged.rule]["mode"] == judged.mode != "off" for judged in verdict.findings)
    assert screen.faults == {}
