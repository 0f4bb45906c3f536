"""CANCEL in every race (RFC 3261 §9, §16.10; RFC 3326)."""

from __future__ import annotations

import pytest
from tests.support.stage import CALLER, GATEWAY, OTHER_TRUNK, PROXY, SECOND_GATEWAY, Stage
from tests.support.talk import answer, cancel, header, invite

from ringfence.screening import Facts, Score
from ringfence.sip.address import Listener

QUIET = {rule: {"mode": "off"} for rule in ("rate", "harassment_score", "consent")}


@pytest.fixture
def stage() -> Stage:
    return Stage(rules=QUIET)


def place(stage: Stage) -> tuple[bytes, bytes]:
    request = invite()
    stage.receive(request)
    return request, stage.take()[1][1]


def test_after_ringing(stage: Stage) -> None:
    request, forwarded = place(stage)
    stage.receive(answer(forwarded, 180), GATEWAY)
    stage.take()
    stage.receive(cancel(request, 'Reason: SIP;cause=200;text="Call completed elsewhere"'))
    (to_caller, ok), (to_gateway, downstream) = stage.take()
    assert (to_caller.host, to_gateway.host) == (CALLER[0], GATEWAY[0])
    assert ok.startswith(b"SIP/2.0 200") and header(ok, "CSeq") == ["1 CANCEL"]
    assert downstream.startswith(b"CANCEL sip:+8613900001000@198.51.100.99 SIP/2.0\r\n")
    assert header(downstream, "Via") == header(forwarded, "Via")[:1]
    assert header(downstream, "Reason") == ['SIP;cause=200;text="Call completed elsewhere"']
    stage.receive(answer(downstream, 200), GATEWAY)
    assert stage.take() == []
    stage.receive(answer(forwarded, 487), GATEWAY)
    assert stage.summary() == ["gateway ACK", "caller 487"]


def test_before_any_answer_it_waits_for_one(stage: Stage) -> None:
    request, forwarded = place(stage)
    stage.receive(cancel(request))
    assert stage.summary() == ["caller 200"]
    stage.receive(answer(forwarded, 100), GATEWAY)
    assert stage.summary() == ["gateway CANCEL"]
    stage.receive(answer(forwarded, 180), GATEWAY)
    assert stage.summary() == []  # once is enough, and the caller no longer cares
    stage.receive(answer(forwarded, 487), GATEWAY)
    assert stage.summary() == ["gateway ACK", "caller 487"]


def test_before_any_answer_and_none_comes(stage: Stage) -> None:
    request, _ = place(stage)
    stage.receive(cancel(request))
    stage.take()
    stage.pass_time(33)
    assert {line for line in stage.summary() if line.startswith("caller")} == {"caller 487"}
    stage.pass_time(40)
    assert len(stage.engine.state.transactions) == 0


def test_the_200_was_faster(stage: Stage) -> None:
    request, forwarded = place(stage)
    stage.receive(answer(forwarded, 180), GATEWAY)
    stage.receive(answer(forwarded, 200), GATEWAY)
    stage.take()
    stage.receive(cancel(request))
    assert stage.summary() == ["caller 200"]  # of the CANCEL; the call stands


def test_the_200_crosses_the_cancel_downstream(stage: Stage) -> None:
    request, forwarded = place(stage)
    stage.receive(answer(forwarded, 180), GATEWAY)
    stage.receive(cancel(request))
    stage.take()
    stage.receive(answer(forwarded, 200), GATEWAY)
    assert stage.summary() == ["caller 200"]
    assert len(stage.engine.state.dialogs) == 1
    stage.pass_time(40)
    assert [line for line in stage.summary() if line.startswith("caller")] == []


def test_the_gateway_never_ends_the_call(stage: Stage) -> None:
    """§9.1: after 64*T1 the INVITE counts as cancelled."""
    request, forwarded = place(stage)
    stage.receive(answer(forwarded, 180), GATEWAY)
    stage.receive(cancel(request))
    stage.take()
    stage.pass_time(33)
    assert {line for line in stage.summary() if line.startswith("caller")} == {"caller 487"}


def test_repeats_are_answered_alike_and_nothing_else_happens(stage: Stage) -> None:
    request, forwarded = place(stage)
    stage.receive(answer(forwarded, 180), GATEWAY)
    stage.take()
    stage.receive(cancel(request))
    first = stage.take()
    stage.receive(cancel(request))
    assert stage.take() == first[:1]


def test_both_answers_bear_one_tag(stage: Stage) -> None:
    stage = Stage(rules={"consent": {"mode": "off"}, "rate": {"mode": "off"}})
    request = invite()
    stage.receive(request)
    stage.take()
    stage.receive(cancel(request))
    ok, terminated = (data for _, data in stage.take())
    assert terminated.startswith(b"SIP/2.0 487")
    assert header(ok, "To") == header(terminated, "To")
    assert ";tag=" in header(ok, "To")[0]


def test_while_facts_are_gathered() -> None:
    stage = Stage(rules={"consent": {"mode": "off"}, "rate": {"mode": "off"}})
    request = invite()
    stage.receive(request)
    ((ticket, _, _),) = stage.take_gathers()
    assert stage.summary() == ["caller 100"]
    stage.receive(cancel(request))
    assert stage.summary() == ["caller 200", "caller 487"]
    assert stage.engine.state.counters.abandoned == 1
    facts = Facts()
    facts.score = Score(0.0)
    stage.engine.facts(ticket, facts, stage.now, stage.out)
    assert stage.summary() == []
    assert len(stage.engine.screen) == 0


def test_without_its_invite(stage: Stage) -> None:
    stage.receive(cancel(invite()))
    assert stage.summary() == ["caller 481"]


def test_of_another_trunk_cancels_nothing(stage: Stage) -> None:
    request, forwarded = place(stage)
    stage.receive(answer(forwarded, 180), GATEWAY)
    stage.take()
    stage.receive(cancel(request), OTHER_TRUNK)
    assert stage.summary() == ["other 481"]
    stage.receive(answer(forwarded, 200), GATEWAY)
    assert stage.summary() == ["caller 200"]


def test_during_failover_ends_the_search() -> None:
    stage = Stage(rules=QUIET, gateways=(GATEWAY, SECOND_GATEWAY))
    request, _ = place(stage)
    stage.receive(cancel(request))
    stage.take()
    stage.pass_time(40)
    assert "second INVITE" not in stage.summary()


def test_timer_c_ends_a_call_that_rings_for_ever(stage: Stage) -> None:
    _, forwarded = place(stage)
    stage.receive(answer(forwarded, 180), GATEWAY)
    stage.take()
    stage.pass_time(100)
    stage.receive(answer(forwarded, 183), GATEWAY)  # §16.7 item 2: starts timer C again
    assert stage.summary() == ["caller 183"]
    stage.pass_time(180)
    assert stage.summary() == []
    stage.pass_time(60)
    assert stage.summary()[0] == "gateway CANCEL"
    stage.receive(answer(forwarded, 487), GATEWAY)
    assert stage.summary()[-1] == "caller 487"


def test_timer_c_and_a_gateway_that_does_not_end_the_call(stage: Stage) -> None:
    """§16.8: as if a 408 had come; nobody cancelled, so nobody is told of a cancel."""
    _, forwarded = place(stage)
    stage.receive(answer(forwarded, 180), GATEWAY)
    stage.take()
    stage.pass_time(260)
    assert {line for line in stage.summary() if line.startswith("caller")} == {"caller 408"}


def test_a_cancelled_call_is_not_sent_again_by_udp() -> None:
    """§18.1.1 would retry a long request by UDP when TCP is refused; not one that nobody wants any more."""
    listeners = [Listener(0, "udp", PROXY, 5060), Listener(1, "tcp", PROXY, 5060)]
    stage = Stage(rules=QUIET, listeners=listeners)
    request = invite(body="x" * 1300)
    stage.receive(request)
    hop, forwarded = stage.take()[1]
    assert hop.transport == "tcp"
    stage.receive(cancel(request))
    assert stage.summary() == ["caller 200"]
    stage.engine.unreachable(hop, forwarded, stage.now, stage.out)
    assert stage.summary() == ["caller 487"]
