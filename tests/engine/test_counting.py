"""What operators read must have happened: each count moves with its cause, and with no other."""

from __future__ import annotations

from tests.support.stage import GATEWAY, OTHER_TRUNK, STRANGER, Stage
from tests.support.talk import answer, header, in_dialog, invite

from ringfence.screening import CalleeCalls, Facts, Rate, Unknown

OBSERVED = {"consent": {"mode": "off"}, "harassment_score": {"mode": "off"}, "rate": {"mode": "observe", "limit": 5}}
QUIET = {rule: {"mode": "off"} for rule in ("rate", "harassment_score", "consent")}


def test_a_rule_that_only_observes_is_counted_and_changes_nothing() -> None:
    stage = Stage(rules=OBSERVED)
    stage.receive(invite())
    stage.facts(Facts(caller_rate=Rate(6, 60.0)))
    assert stage.summary() == ["caller 100", "gateway INVITE"]
    counters = stage.engine.state.counters
    assert counters.verdicts == {("", "forward", "bank"): 1}
    assert counters.findings == {("rate.over_limit", "observe", "bank"): 1}


def test_a_rule_that_decides_is_counted_with_its_mode() -> None:
    stage = Stage(rules=QUIET)
    stage.receive(invite(number="+862162000001"))
    assert stage.summary() == ["caller 403"]
    assert stage.engine.state.counters.findings == {("caller_authorised.held_by_another", "enforce", "bank"): 1}


def test_a_full_table_of_transactions_says_what_it_sheds() -> None:
    stage = Stage(rules=QUIET, sip={"limits": {"transactions": 100}})
    for number in range(60):
        stage.receive(invite(branch=f"z9hG4bK{number}", call_id=f"{number}"))
    state = stage.engine.state
    before = state.transactions.shed
    assert before > 0 and before == state.counters.refused_locally[503]
    stage.take()
    stage.receive(invite(branch="z9hG4bKlast", call_id="last"))
    assert stage.summary() == ["caller 503"]
    assert state.transactions.shed == before + 1
    assert state.counters.responses["5xx"] == state.counters.refused_locally[503]


def test_a_refusal_for_another_reason_sheds_nothing() -> None:
    stage = Stage(rules=QUIET)
    stage.engine.draining = True
    stage.receive(invite())
    assert stage.summary() == ["caller 503"]
    state = stage.engine.state
    assert (state.counters.refused_locally, state.transactions.shed) == ({503: 1}, 0)


def test_names_beyond_the_bound_of_look_ups_are_shed() -> None:
    stage = Stage(rules=QUIET, sip={"limits": {"resolving": 1}})
    stage.receive(invite())
    ((_, _), (_, forwarded)) = stage.take()
    stage.receive(answer(forwarded, 200), GATEWAY)
    stage.take()
    (route,) = header(forwarded, "Record-Route")
    for number in range(3):
        stage.receive(in_dialog("INFO", route, branch=f"z9hG4bKinfo{number}", cseq=number + 2, uri="sip:a@b.example"))
    assert stage.summary() == ["caller 503", "caller 503"]
    assert (len(stage.engine.inside), stage.engine.inside.shed) == (1, 2)


def test_a_stranger_who_is_answered_is_counted_as_answered() -> None:
    stage = Stage(rules=QUIET, sip={"unknown_source": "forbid"})
    stage.receive(invite(), STRANGER)
    assert len(stage.take()) == 1
    counters = stage.engine.state.counters
    assert (counters.unknown_sources, counters.responses, counters.refused_locally) == (1, {"4xx": 1}, {403: 1})


def test_faults_of_rules_are_not_forgotten_by_a_reload() -> None:
    stage = Stage(rules=QUIET)
    state = stage.engine.state
    state.policy.pipeline.faults["rate"] = 3
    stage.engine.adopt(stage.policy(2), stage.now, stage.out)
    assert state.policy.pipeline.faults == {"rate": 3}


def test_a_draining_daemon_takes_emergency_calls_and_tells_others_when_to_come_back() -> None:
    stage = Stage(rules=QUIET)
    stage.engine.draining = True
    stage.receive(invite())
    ((_, refusal),) = stage.take()
    assert refusal.startswith(b"SIP/2.0 503 ") and header(refusal, "Retry-After") == ["5"]
    stage.receive(invite(branch="z9hG4bK110", call_id="110", callee="110"))
    assert stage.summary() == ["caller 100", "gateway INVITE"]


MARKETING = {**QUIET, "callee_frequency": {"mode": "enforce", "limits": [{"calls": 1, "window": "1h"}]}}


def market(stage: Stage, calls: CalleeCalls | Unknown, call_id: str = "one") -> list[str]:
    """A marketing call with this many before it; the numbers that are to be counted for."""
    stage.receive(
        invite(number="+862162345678", host=OTHER_TRUNK[0], call_id=call_id, branch=f"z9hG4bK{call_id}"), OTHER_TRUNK
    )
    stage.facts(Facts(callee_calls=calls))
    counted, stage.out.forwarded = stage.out.forwarded, []
    return [call.callee.value for call in counted]


def test_a_forwarded_call_counts_for_its_callee_and_a_refused_one_does_not() -> None:
    stage = Stage(rules=MARKETING)
    assert market(stage, CalleeCalls(())) == ["+8613900001000"]
    assert stage.summary() == ["other 100", "gateway INVITE"]
    now = int(stage.engine.screen.wall + stage.now)
    assert market(stage, CalleeCalls((now - 60,)), "two") == []
    assert stage.summary() == ["other 100", "other 480"]
    assert market(stage, CalleeCalls((now - 4000,)), "three") == market(stage, Unknown("deadline"), "four") != []


def test_a_tagged_call_counts_and_one_without_a_gateway_does_not() -> None:
    tagging = {"callee_frequency": {**MARKETING["callee_frequency"], "points": 60}}
    stage = Stage(rules={**MARKETING, **tagging})
    now = int(stage.engine.screen.wall + stage.now)
    assert market(stage, CalleeCalls((now - 60,))) == ["+8613900001000"]
    nowhere = Stage(rules=MARKETING)
    for gateway in nowhere.engine.state.policy.groups["softswitch"].gateways:
        gateway.endpoints = []  # its name leads nowhere
    assert market(nowhere, CalleeCalls(())) == []
    assert nowhere.summary() == ["other 100", "other 503"]


def test_nothing_is_counted_where_nobody_judges_by_it() -> None:
    stage = Stage(rules={**QUIET, "callee_frequency": {"mode": "off"}, "rate": {"mode": "observe"}})
    stage.receive(invite(number="+862162345678", host=OTHER_TRUNK[0]), OTHER_TRUNK)
    stage.facts(Facts(caller_rate=Rate(1, 60.0)))
    assert stage.out.forwarded == []
