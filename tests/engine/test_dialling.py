"""A call to a service number: recorded first, then confirmed; whatever goes wrong, nothing is claimed."""

from __future__ import annotations

import pytest
from tests.support.stage import CALLER, GATEWAY, OTHER_TRUNK, TRUNKS, Stage
from tests.support.talk import BANK_NUMBER, answer, cancel, header, invite

from ringfence.screening import Consent, Facts, Rate, Score
from ringfence.voice import lines as v
from ringfence.voice.settings import LAST_CALLER

QUIET = {rule: {"mode": "off"} for rule in ("rate", "harassment_score", "consent", "callee_frequency")}
ASKING = {"rate": {"mode": "enforce"}, "harassment_score": {"mode": "off"}}
SILENT = {"number": "12321", "refuses": "everybody"}
ANNOUNCED = {"number": "1232105", "refuses": "holder", "holder": "acme", "announcement": "softswitch"}
LAST = {"number": "1232109", "refuses": "last_caller"}
LINES = (SILENT, {**ANNOUNCED, "announcement_uri": "sip:refused@announcements.example"}, LAST)


def stage_of(rules: object = QUIET, **more: object) -> Stage:
    return Stage(rules=rules, lines=LINES, **more)  # type: ignore[arg-type]


def test_nobody_is_answered_before_the_record_is_there() -> None:
    stage = stage_of()
    stage.receive(invite(callee="12321"))
    assert stage.summary() == ["caller 100"]
    ((ticket, refusal),) = stage.take_dialled()
    assert (refusal.caller, refusal.line.scope, refusal.trunk) == (BANK_NUMBER, "*", "bank")
    assert refusal.at == 1_700_000_000.0 + stage.now
    stage.pass_time(1.0)
    assert stage.summary() == []
    stage.engine.heard(ticket, v.RECORDED, stage.now, stage.out)
    ((_, told),) = stage.take()
    assert told.startswith(b"SIP/2.0 603 ")
    assert header(told, "Reason") == ['Q.850;cause=16;text="refusal recorded"']
    assert stage.engine.state.counters.dialled == {"recorded": 1}


@pytest.mark.parametrize(
    ("outcome", "status"),
    [(v.STANDING, 603), (v.NOBODY, 404), (v.LIMITED, 480), (v.BUSY, 480), (v.FAILED, 480)],
)
def test_each_outcome_has_its_answer(outcome: str, status: int) -> None:
    stage = stage_of()
    stage.receive(invite(callee="12321"))
    stage.heard(outcome)
    assert stage.summary() == ["caller 100", f"caller {status}"]
    assert stage.engine.state.counters.dialled == {outcome: 1}


def test_an_announcement_confirms_under_its_own_uri() -> None:
    stage = stage_of()
    stage.receive(invite(callee="1232105", extra=("Route: <sip:elsewhere.example;lr>",)))
    stage.heard(v.RECORDED)
    (_, (to_gateway, forwarded)) = stage.take()
    assert to_gateway.host == GATEWAY[0]
    assert forwarded.startswith(b"INVITE sip:refused@announcements.example SIP/2.0\r\n")
    assert header(forwarded, "Route") == []
    stage.receive(answer(forwarded, 200), GATEWAY)
    assert stage.summary() == ["caller 200"]
    assert len(stage.engine.state.dialogs) == 1


def test_what_was_not_recorded_is_not_announced() -> None:
    stage = stage_of()
    stage.receive(invite(callee="1232105"))
    stage.heard(v.FAILED)
    assert stage.summary() == ["caller 100", "caller 480"]


def test_the_rules_judge_it_as_any_call() -> None:
    stage = stage_of()
    stage.receive(invite(callee="12321", number="+8675512345678"))
    assert stage.summary() == ["caller 403"]
    assert stage.take_dialled() == []
    assert stage.engine.state.counters.dialled == {}


def test_facts_are_looked_up_first() -> None:
    stage = stage_of(ASKING)
    stage.receive(invite(callee="12321"))
    assert (stage.summary(), stage.take_dialled()) == (["caller 100"], [])
    stage.facts(Facts(Consent(False), Score(0.0), Rate(1, 60.0)))
    assert stage.summary() == []
    stage.heard(v.RECORDED)
    assert stage.summary() == ["caller 603"]


@pytest.mark.parametrize(
    ("more", "extra"),
    [
        ({"kind": "interconnect", "numbers": [{"prefix": "+8620"}]}, ()),  # no rule asks whose numbers it shows
        ({"diversion_hops": 1, "numbers": [{"prefix": "+86"}]}, ("Diversion: <sip:+861062340000@a>",)),
    ],
)
def test_a_caller_who_may_be_somebody_else_is_not_believed(more: dict[str, object], extra: tuple[str, ...]) -> None:
    rules = {**QUIET, "diversion": {"mode": "off"}, "caller_authorised": {"mode": "off"}}
    stage = stage_of(rules, trunks=({**TRUNKS[0], **more}, TRUNKS[1]))
    stage.receive(invite(callee="12321", extra=extra))
    assert stage.take_dialled() == []
    assert stage.summary() == ["caller 100", "caller 403"]
    assert stage.engine.state.counters.dialled == {"unbelieved": 1}


def test_a_caller_who_gives_up_is_released_and_the_record_stands() -> None:
    stage = stage_of()
    request = invite(callee="12321")
    stage.receive(request)
    stage.receive(cancel(request))
    assert stage.summary() == ["caller 100", "caller 200", "caller 487"]
    stage.heard(v.RECORDED)
    assert stage.summary() == []
    assert stage.engine.state.counters.dialled == {"recorded": 1}
    assert stage.engine.state.counters.abandoned == 0


def test_a_repeat_of_the_invite_asks_for_no_second_record() -> None:
    stage = stage_of()
    for _ in range(3):
        stage.receive(invite(callee="12321"))
    assert len(stage.take_dialled()) == 1


def test_it_stands_on_record_with_its_answer() -> None:
    stage = stage_of()
    stage.engine.state.recording.enabled = True
    stage.receive(invite(callee="12321"))
    assert stage.take_records() == []
    stage.heard(v.RECORDED)
    ((_, trail),) = stage.take_records()
    assert trail.status == 603


def test_marketing_calls_that_go_on_are_remembered() -> None:
    stage = stage_of()
    stage.receive(invite(number="+862112345678", host=OTHER_TRUNK[0]), OTHER_TRUNK)
    stage.receive(invite(branch="z9hG4bK2"), CALLER)
    assert [(call.trunk.holder, call.callee.value) for call in stage.out.marketed] == [("acme", "+8613900001000")]


def test_nothing_is_remembered_where_no_line_asks_for_it() -> None:
    stage = Stage(rules=QUIET, lines=(SILENT,))
    stage.receive(invite(number="+862112345678", host=OTHER_TRUNK[0]), OTHER_TRUNK)
    assert stage.out.marketed == []


def test_the_last_caller_is_asked_for_by_name() -> None:
    stage = stage_of()
    stage.receive(invite(callee="1232109"))
    ((_, refusal),) = stage.take_dialled()
    assert refusal.line.scope == LAST_CALLER
