"""What a record says of a call: every way that an INVITE can go, read back from the disk."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from tests.records.conftest import OpenSpool, Written
from tests.support.stage import CALLER, GATEWAY, OTHER_TRUNK, SECOND_GATEWAY, TRUNKS, Stage
from tests.support.talk import BANK_NUMBER, CALLEE, answer, cancel, header, in_dialog, invite

from ringfence.engine.trail import DECISION
from ringfence.screening import CalleeCalls, Consent, Facts, Rate, Score, Unknown

QUIET = {rule: {"mode": "off"} for rule in ("rate", "harassment_score", "consent", "callee_frequency")}


@pytest.fixture
def written(open_spool: OpenSpool) -> Written:
    return Written(Stage(rules=QUIET), open_spool())


def other(open_spool: OpenSpool, **stage: Any) -> Written:
    return Written(Stage(**{"rules": QUIET, **stage}), open_spool())


def forward(written: Written, request: bytes | None = None) -> bytes:
    """Place a call; the copy that reached the gateway."""
    written.stage.receive(request or invite())
    (data,) = [data for endpoint, data in written.stage.take() if (endpoint.host, endpoint.port) == GATEWAY]
    written.flush()
    return data


def test_who_connected_the_trunk(open_spool: OpenSpool) -> None:
    named = {**TRUNKS[0], "connected_by": "Zhang Wei"}
    written = other(open_spool, trunks=(named, *TRUNKS[1:]))
    forward(written)
    (record,) = written.records()
    assert record["connected_by"] == "Zhang Wei"


def test_a_forwarded_call(written: Written) -> None:
    request = invite(
        extra=(
            f"P-Asserted-Identity: <sip:{BANK_NUMBER}@bank>, <tel:{BANK_NUMBER}>",
            "P-Preferred-Identity: <sip:+861099@bank>",
            "Diversion: <sip:+861088@bank>;reason=unconditional",
            "Diversion: <sip:+861077@bank>",
            "Privacy: id",
            "Identity: abc;info=<https://cert.example>",
        )
    )
    forward(written, request)
    (record,) = written.records()
    assert record == {
        "kind": "D",
        "at": record["at"],
        "monotonic": "1000000000",
        "trunk": "bank",
        "holder": "bank",
        "trunk_kind": "enterprise",
        "transport": "udp",
        "source": f"{CALLER[0]}:{CALLER[1]}",
        "call_id": "call1@192.0.2.1",
        "request_uri": f"sip:{CALLEE}@198.51.100.99",
        "from": f'"Bank" <sip:{BANK_NUMBER}@192.0.2.1>;tag=caller-tag',
        "to": f"<sip:{CALLEE}@198.51.100.99>",
        "asserted": f"<sip:{BANK_NUMBER}@bank>, <tel:{BANK_NUMBER}>",
        "preferred": "<sip:+861099@bank>",
        "diversion": "<sip:+861088@bank>;reason=unconditional\r<sip:+861077@bank>",
        "privacy": "id",
        "identity": "unchecked",
        "shown": BANK_NUMBER,
        "shown_class": "fixed",
        "shown_region": "BJ",
        "caller": BANK_NUMBER,
        "caller_class": "fixed",
        "caller_region": "BJ",
        "callee": CALLEE,
        "callee_class": "mobile",
        "callee_region": "CN",
        "generation": "1",
        "action": "forward",
        "reason": "",
        "points": "0",
        "findings": '[["diversion.not_in_contract","observe",1.0,100.0,""]]',
        "unknown": "",
        "facts": "",
        "status": "0",
        "gateway": "softswitch/sip:198.51.100.1:5060",
        "gateway_address": "udp:198.51.100.1:5060",
        "purpose": "service",
        "connected_by": "",
    }


def test_a_whole_call_has_three_records(written: Written) -> None:
    data = forward(written)
    written.stage.pass_time(1)
    written.stage.receive(answer(data, 183), GATEWAY)
    written.stage.pass_time(2)
    written.stage.receive(answer(data, 180), GATEWAY)
    written.stage.receive(answer(data, 200), GATEWAY)
    written.stage.receive(answer(data, 200), GATEWAY)  # its repeat
    written.flush()
    (route,) = header(data, "Record-Route")
    written.stage.receive(in_dialog("INVITE", route, branch="z9hG4bKagain", cseq=2))
    again = written.stage.take()[-1][1]
    written.stage.receive(answer(again, 200), GATEWAY)
    written.stage.pass_time(60)
    written.stage.take()
    written.stage.receive(in_dialog("BYE", route, cseq=3, extra=("Reason: Q.850;cause=16",)))
    ((_, bye),) = written.stage.take()
    written.stage.receive(answer(bye, 200), GATEWAY)
    decision, outcome, inside, end = written.records()
    assert (decision["kind"], inside["kind"], inside["action"]) == ("D", "D", "inside")
    assert outcome["kind"] == "O"
    assert (outcome["decision"], outcome["status"], outcome["released"]) == ("1", "200", "")
    assert (float(outcome["ring_ms"]), float(outcome["final_ms"])) == pytest.approx((1000, 3000), abs=1)
    assert outcome["gateway"] == "softswitch/sip:198.51.100.1:5060"
    assert end["kind"] == "E"
    assert (end["decision"], end["call_id"], end["released"]) == ("1", "call1@192.0.2.1", "caller")
    assert float(end["talk_ms"]) == pytest.approx(60_000, abs=200)
    assert (end["cause"], end["trunk"]) == ("Q.850;cause=16", "bank")


def test_a_bye_of_the_callee(written: Written) -> None:
    data = forward(written)
    written.stage.receive(answer(data, 200), GATEWAY)
    (route,) = header(data, "Record-Route")
    bye = in_dialog(
        "BYE", route, host="198.51.100.1", from_tag="callee-tag", to_tag="caller-tag", uri="sip:bank@192.0.2.1:5060"
    )
    written.stage.take()
    written.stage.receive(bye, GATEWAY)
    ((_, copy),) = written.stage.take()
    written.stage.receive(answer(copy, 200), CALLER)
    assert written.records()[-1]["released"] == "callee"


def test_a_bye_of_a_call_from_before_a_restart_is_joined_by_its_call_id(written: Written) -> None:
    data = forward(written)
    written.stage.receive(answer(data, 200), GATEWAY)
    written.stage.engine.state.dialogs._table.clear()
    (route,) = header(data, "Record-Route")
    written.stage.take()
    written.stage.receive(in_dialog("BYE", route))
    ((_, bye),) = written.stage.take()
    written.stage.receive(answer(bye, 200), GATEWAY)
    end = written.records()[-1]
    assert (end["kind"], end["decision"], end["call_id"]) == ("E", "0", "call1@192.0.2.1")
    assert (end["talk_ms"], end["released"]) == ("-1", "caller")


def test_a_call_whose_bye_never_comes_ends_with_nobody(open_spool: OpenSpool) -> None:
    written = other(open_spool, sip={"limits": {"dialog_lifetime": "60s"}})
    data = forward(written)
    written.stage.receive(answer(data, 200), GATEWAY)
    written.stage.pass_time(61)
    end = written.records()[-1]
    assert (end["kind"], end["decision"], end["released"]) == ("E", "1", "")


@pytest.mark.parametrize(("status", "given"), [(486, "486"), (603, "603"), (503, "500")])
def test_a_call_that_the_callee_refuses(written: Written, status: int, given: str) -> None:
    data = forward(written)
    written.stage.receive(answer(data, 180), GATEWAY)
    written.stage.pass_time(5)
    written.stage.receive(answer(data, status), GATEWAY)
    outcome = written.records()[-1]
    assert (outcome["kind"], outcome["status"], outcome["released"]) == ("O", given, "callee")
    assert float(outcome["ring_ms"]) == 0
    assert float(outcome["final_ms"]) == pytest.approx(5000, abs=1)


def test_a_call_that_nobody_answers(written: Written) -> None:
    forward(written)
    written.stage.pass_time(33)
    outcome = written.records()[-1]
    assert (outcome["kind"], outcome["status"], outcome["released"]) == ("O", "408", "ringfence")
    assert outcome["ring_ms"] == "-1"


def test_a_call_that_its_caller_gives_up(written: Written) -> None:
    data = forward(written)
    written.stage.receive(answer(data, 180), GATEWAY)
    written.stage.receive(cancel(invite()))
    written.stage.receive(answer(data, 487), GATEWAY)
    outcome = written.records()[-1]
    assert (outcome["kind"], outcome["status"], outcome["released"]) == ("O", "487", "caller")


def test_gateways_are_listed_in_the_order_of_trying(open_spool: OpenSpool) -> None:
    written = other(open_spool, gateways=(GATEWAY, SECOND_GATEWAY))
    data = forward(written)
    written.stage.receive(answer(data, 503), GATEWAY)
    (copy,) = [
        data
        for endpoint, data in written.stage.take()
        if endpoint.host == SECOND_GATEWAY[0] and data.startswith(b"INVITE")
    ]
    written.stage.receive(answer(copy, 200), SECOND_GATEWAY)
    decision, outcome = written.records()
    first, second = "softswitch/sip:198.51.100.1:5060", "softswitch/sip:198.51.100.2:5060"
    assert decision["gateway"] == first
    assert (outcome["gateway"], outcome["tried"]) == (second, f"{first}\r{second}")


def test_a_refused_call_says_why(written: Written) -> None:
    written.stage.receive(invite(number="+8613700000000"))
    (record,) = written.records()
    assert (record["action"], record["reason"], record["status"]) == (
        "reject",
        "caller_authorised.unknown_holder",
        "403",
    )
    assert record["points"] == "100"
    ((reason, mode, strength, points, _),) = orjson.loads(record["findings"])
    assert (reason, mode, strength, points) == ("caller_authorised.unknown_holder", "enforce", 1.0, 100.0)
    assert record["gateway"] == ""


def test_facts_and_what_was_unknown(open_spool: OpenSpool) -> None:
    written = other(open_spool, rules={})
    written.stage.receive(invite(number="+862112345678", host="192.0.2.2"), OTHER_TRUNK)
    assert written.records() == []
    written.stage.facts(
        Facts(Consent(True, None, 1.5), Unknown("deadline"), Rate(3, 60.0), callee_calls=CalleeCalls((7, 9)))
    )
    (record,) = written.records()
    assert (
        record["facts"] == 'consent=[true,null,1.5,null]\rscore="deadline"\rcaller_rate=[3,60.0]\rcallee_calls=[[7,9]]'
    )
    assert record["unknown"] == "score"
    written.stage.receive(invite(number="+862112345678", host="192.0.2.2", call_id="2", branch="z9hG4bK2"), OTHER_TRUNK)
    written.stage.facts(Facts(Consent(False, "everybody"), Score(1.0), Rate(4, 60.0), callee_calls=CalleeCalls(())))
    assert (written.records()[-1]["action"], written.records()[-1]["status"]) == ("reject", "603")


def test_a_call_given_up_while_facts_are_awaited(open_spool: OpenSpool) -> None:
    written = other(open_spool, rules={})
    request = invite(number="+862112345678", host="192.0.2.2")
    written.stage.receive(request, OTHER_TRUNK)
    written.stage.receive(cancel(request), OTHER_TRUNK)
    (record,) = written.records()
    assert (record["kind"], record["action"], record["status"]) == ("D", "abandon", "487")
    assert record["callee"] == CALLEE


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (invite(max_forwards=0), "483"),
        (invite(uri="http://example.net/"), "416"),
        (invite(extra=("Proxy-Require: odd",)), "420"),
        (invite(extra=("Call-ID: twice",)), "400"),
        (in_dialog("INVITE", ""), "403"),
    ],
)
def test_what_the_proxy_itself_refuses_is_on_record_too(written: Written, request_: bytes, status: str) -> None:
    written.stage.receive(request_)
    (record,) = written.records()
    assert (record["action"], record["status"], record["trunk"]) == ("refuse", status, "bank")
    assert record["call_id"] == "call1@192.0.2.1"
    assert BANK_NUMBER in record["from"]


def test_an_invite_that_cannot_be_read_is_kept_as_far_as_it_can(written: Written) -> None:
    written.stage.receive(
        b"INVITE sip:a@b SIP/2.0\r\nf: <sip:1@2>\r\nCALL-ID :  x\xff\r\nCSeq: nonsense\r\nVia: v\r\n\r\n"
    )
    (record,) = written.records()
    assert (record["status"], record["request_uri"]) == ("400", "INVITE sip:a@b SIP/2.0")
    assert (record["from"], record["call_id"].encode("utf-8", "surrogateescape")) == ("<sip:1@2>", b"x\xff")


def test_a_gateway_that_opens_a_call(written: Written) -> None:
    written.stage.receive(invite(host=GATEWAY[0]), GATEWAY)
    (record,) = written.records()
    assert (record["action"], record["status"], record["trunk_kind"]) == ("refuse", "403", "gateway")


@pytest.mark.parametrize("reason", ["draining", "full", "lagging", "unrecorded"])
def test_calls_turned_away_are_on_record(written: Written, reason: str) -> None:
    engine = written.stage.engine
    engine.state.draining = reason == "draining"
    engine.state.lagging = reason == "lagging"
    engine.state.recording.full = reason == "unrecorded"
    if reason == "full":
        engine.state.transactions.limit = 0
    written.stage.receive(invite())
    (record,) = written.records()
    assert (record["action"], record["status"]) == ("refuse", "503")


def test_emergency_calls_go_on_when_no_record_can_be_kept(written: Written) -> None:
    written.stage.engine.state.recording.full = True
    written.stage.receive(invite(callee="110"))
    assert written.stage.summary() == ["caller 100", "gateway INVITE"]


def test_no_gateway_left(open_spool: OpenSpool) -> None:
    written = other(open_spool)
    for gateway in written.stage.engine.state.policy.groups["softswitch"].gateways:
        gateway.endpoints = []
    written.stage.receive(invite())
    (record,) = written.records()
    assert (record["action"], record["status"], record["gateway"]) == ("forward", "503", "")


def test_nothing_is_noted_where_records_are_off(written: Written) -> None:
    written.stage.engine.state.recording.enabled = False
    forward(written)
    written.stage.receive(b"INVITE nonsense\r\nCall-ID: x\r\n\r\n")
    assert written.records() == []


def test_a_record_is_bounded(written: Written) -> None:
    forward(written, invite(extra=(f"Diversion: {'x' * 30_000}",)))
    (record,) = written.records()
    assert len(record["diversion"]) == 512
    assert record["callee"] == CALLEE


def test_our_own_bug_leaves_a_note_and_the_call_goes_on(written: Written) -> None:
    written.stage.receive(invite())
    ((kind, trail),) = written.stage.out.records
    assert kind == DECISION
    trail.request = None  # no decision is made without one
    (record,) = written.records()
    assert (record["kind"], record["event"]) == ("N", "fault")
    assert "call1@192.0.2.1" in record["text"]
    assert written.recorder.faults == 1


def test_what_the_decision_needed_is_let_go(written: Written) -> None:
    written.stage.receive(invite())
    ((_, trail),) = written.stage.out.records
    written.flush()
    assert (trail.request, trail.call, trail.verdict, trail.number) == (None, None, None, 1)
