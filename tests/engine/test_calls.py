"""A call from end to end: what goes where, byte for byte where it matters (RFC 3261 §16)."""

from __future__ import annotations

import pytest
from tests.support.stage import CALLER, GATEWAY, PROXY, STRANGER, Stage
from tests.support.talk import ack_of, answer, header, in_dialog, invite

from ringfence.forwarding.gateways import Named, Target
from ringfence.sip.address import Listener

QUIET = {rule: {"mode": "off"} for rule in ("rate", "harassment_score", "consent")}


@pytest.fixture
def stage() -> Stage:
    return Stage(rules=QUIET)


def place(stage: Stage, request: bytes) -> bytes:
    """Send a first INVITE that is let through; the copy that reached the gateway."""
    stage.receive(request)
    (trying, _), (to_gateway, forwarded) = stage.take()
    assert (trying.host, to_gateway.host) == (CALLER[0], GATEWAY[0])
    return forwarded


def test_a_whole_call(stage: Stage) -> None:
    forwarded = place(stage, invite())
    stage.receive(answer(forwarded, 180), GATEWAY)
    assert stage.summary() == ["caller 180"]
    stage.receive(answer(forwarded, 200), GATEWAY)
    assert stage.summary() == ["caller 200"]
    assert len(stage.engine.state.dialogs) == 1
    (route,) = header(forwarded, "Record-Route")
    stage.receive(in_dialog("ACK", route, cseq=1, branch="z9hG4bKack"))
    assert stage.summary() == ["gateway ACK"]
    stage.receive(in_dialog("BYE", route))
    ((_, bye),) = stage.take()
    stage.receive(answer(bye, 200), GATEWAY)
    assert stage.summary() == ["caller 200"]
    assert len(stage.engine.state.dialogs) == 0
    stage.pass_time(33)
    assert len(stage.engine.state.transactions) == 0
    assert len(stage.timers) == 0
    assert stage.summary() == []


def test_the_copy_changes_only_what_a_proxy_must(stage: Stage) -> None:
    original = invite(extra=("X-Odd :  spaced ; out", "Subject: kept\r\n as folded", "Allow: INVITE,ACK"))
    forwarded = place(stage, original)
    head, _, body = forwarded.partition(b"\r\n\r\n")
    assert body == b"v=0\r\n"
    record, ours = head.split(b"\r\n")[1:3]
    assert ours.startswith(b"Via: SIP/2.0/UDP 198.51.100.99:5060;branch=z9hG4bK")
    assert record.startswith(b"Record-Route: <sip:rf-")
    restored = (
        forwarded.replace(record + b"\r\n" + ours + b"\r\n", b"")
        .replace(b";rport=5060;received=192.0.2.1", b";rport")
        .replace(b"Max-Forwards: 69", b"Max-Forwards: 70")
    )
    assert restored == original


def test_max_forwards_is_added_for_those_who_know_none(stage: Stage) -> None:
    forwarded = place(stage, invite(max_forwards=None))
    assert header(forwarded, "Max-Forwards") == ["70"]


def test_an_rfc_2543_caller_is_served(stage: Stage) -> None:
    request = invite(branch="1", from_tag="a").replace(b";tag=a", b"").replace(b";branch=1;rport", b"")
    forwarded = place(stage, request)
    stage.receive(request)
    assert stage.summary() == ["caller 100"]
    stage.receive(answer(forwarded, 486), GATEWAY)
    ((_, ack), (_, busy)) = stage.take()
    assert ack.startswith(b"ACK ") and busy.startswith(b"SIP/2.0 486")
    stage.receive(ack_of(request, busy))
    stage.pass_time(40)
    assert stage.summary() == []
    assert len(stage.engine.state.transactions) == 0


def test_answers_go_where_the_via_says(stage: Stage) -> None:
    """RFC 3261 §18.2.2, RFC 3581 §4: source port with rport, Via port without, source address always."""
    stage.receive(invite(via_params=";rport", host="10.9.9.9"), (CALLER[0], 40000))
    trying = stage.take()[0]
    assert (trying[0].host, trying[0].port) == (CALLER[0], 40000)
    assert b"rport=40000;received=192.0.2.1" in trying[1]
    stage.receive(invite(via_params="", host="10.9.9.9", branch="z9hG4bKother", call_id="2"), (CALLER[0], 40000))
    trying = stage.take()[0]
    assert (trying[0].host, trying[0].port) == (CALLER[0], 5060)


def test_retransmissions_are_absorbed_and_answers_replayed(stage: Stage) -> None:
    request = invite()
    forwarded = place(stage, request)
    stage.receive(request)
    assert stage.summary() == ["caller 100"]
    stage.receive(answer(forwarded, 180), GATEWAY)
    stage.take()
    stage.receive(request)
    assert stage.summary() == ["caller 180"]
    stage.receive(answer(forwarded, 200), GATEWAY)
    stage.take()
    stage.receive(request)
    assert stage.summary() == []  # RFC 6026 §7.1: absorbed; the far end repeats its 200
    stage.receive(answer(forwarded, 200), GATEWAY)
    assert stage.summary() == ["caller 200"]


def test_our_invite_is_repeated_until_somebody_answers(stage: Stage) -> None:
    forwarded = place(stage, invite())
    stage.pass_time(3.6)
    copies = [data for _, data in stage.take()]
    assert copies == [forwarded] * 3  # after 0.5, 1.5 and 3.5 s
    stage.receive(answer(forwarded, 100), GATEWAY)
    stage.pass_time(10)
    assert stage.summary() == []


def test_a_silent_gateway_ends_in_408(stage: Stage) -> None:
    place(stage, invite())
    stage.pass_time(31.9)
    assert set(stage.summary()) == {"gateway INVITE"}
    stage.pass_time(0.2)
    assert stage.summary() == ["caller 408"]


def test_refusals_are_acknowledged_hop_by_hop_and_repeated_until_acknowledged(stage: Stage) -> None:
    request = invite()
    forwarded = place(stage, request)
    refusal = answer(forwarded, 486, "Reason: Q.850;cause=17")
    stage.receive(refusal, GATEWAY)
    (to_gateway, ack), (to_caller, busy) = stage.take()
    assert (to_gateway.host, to_caller.host) == (GATEWAY[0], CALLER[0])
    assert ack.startswith(
        b"ACK sip:+8613900001000@198.51.100.99 SIP/2.0\r\nVia: SIP/2.0/UDP 198.51.100.99:5060;branch="
    )
    assert header(ack, "Via")[0] == header(forwarded, "Via")[0]
    assert header(ack, "To") == header(refusal, "To")
    assert header(busy, "Reason") == ["Q.850;cause=17"]
    stage.pass_time(1.6)
    assert stage.summary() == ["caller 486", "caller 486"]  # timer G: 0.5 and 1.5 s
    stage.receive(refusal, GATEWAY)
    assert stage.summary() == ["gateway ACK"]
    stage.receive(ack_of(request, busy))
    stage.pass_time(10)
    assert stage.summary() == []


@pytest.mark.parametrize("status", [603, 607, 608, 404, 302])
def test_final_answers_pass_untouched(stage: Stage, status: int) -> None:
    forwarded = place(stage, invite())
    given = answer(forwarded, status, 'Reason: SIP;cause=603;text="v=analytics1;url=https://a.example"', "X-Kept: yes")
    stage.receive(given, GATEWAY)
    passed = stage.take()[1][1]
    own_via = f"Via: {header(given, 'Via')[0]}\r\n".encode()
    assert passed == given.replace(own_via, b"", 1)


def test_a_503_from_a_gateway_does_not_look_like_ours(stage: Stage) -> None:
    forwarded = place(stage, invite())
    stage.receive(answer(forwarded, 503), GATEWAY)
    assert stage.summary() == ["gateway ACK", "caller 500"]


def test_a_reinvite_and_its_ack_travel_both_ways(stage: Stage) -> None:
    forwarded = place(stage, invite())
    stage.receive(answer(forwarded, 200), GATEWAY)
    stage.take()
    (route,) = header(forwarded, "Record-Route")
    again = in_dialog(
        "INVITE", route, uri="sip:bank@192.0.2.1:5060", host=GATEWAY[0], from_tag="callee-tag", to_tag="caller-tag"
    )
    stage.receive(again, GATEWAY)
    (to_gateway, trying), (to_caller, copy) = stage.take()
    assert (to_gateway.host, to_caller.host) == (GATEWAY[0], CALLER[0])
    assert trying.startswith(b"SIP/2.0 100") and header(copy, "Route") == []
    stage.receive(answer(copy, 200, to_tag=""), CALLER)
    assert stage.summary() == ["gateway 200"]
    ack = in_dialog(
        "ACK", route, uri="sip:bank@192.0.2.1:5060", host=GATEWAY[0], from_tag="callee-tag", to_tag="caller-tag",
        branch="z9hG4bKack2",
    )  # fmt: skip
    stage.receive(ack, GATEWAY)
    assert stage.summary() == ["caller ACK"]
    assert len(stage.engine.state.dialogs) == 1


@pytest.mark.parametrize("provisional", [False, True])
def test_a_slow_answer_to_a_bye_is_announced_late(stage: Stage, provisional: bool) -> None:
    """RFC 4320 §4.1: a 100 to a non-INVITE request when timer E would have reached T2, and not a moment sooner."""
    forwarded = place(stage, invite())
    stage.receive(answer(forwarded, 200), GATEWAY)
    stage.take()
    (route,) = header(forwarded, "Record-Route")
    stage.receive(in_dialog("BYE", route))
    bye = stage.take()[0][1]
    if provisional:
        stage.receive(answer(bye, 100), GATEWAY)
    stage.pass_time(3.3)
    assert [line for line in stage.summary() if line.startswith("caller")] == []
    stage.pass_time(0.5)
    assert [line for line in stage.summary() if line.startswith("caller")] == ["caller 100"]
    stage.receive(answer(bye, 200), GATEWAY)
    assert stage.summary() == ["caller 200"]


def test_the_rest_of_the_route_set_is_followed(stage: Stage) -> None:
    forwarded = place(stage, invite())
    stage.receive(answer(forwarded, 200), GATEWAY)
    stage.take()
    (route,) = header(forwarded, "Record-Route")
    stage.receive(in_dialog("BYE", f"{route}, <sip:198.51.100.7:5070;lr>", uri="sip:callee@10.0.0.1"))
    ((hop, bye),) = stage.take()
    assert (hop.host, hop.port) == ("198.51.100.7", 5070)
    assert bye.startswith(b"BYE sip:callee@10.0.0.1 SIP/2.0\r\n")
    assert header(bye, "Route") == ["<sip:198.51.100.7:5070;lr>"]


def test_a_contact_that_is_no_gateway_may_answer_what_it_was_asked(stage: Stage) -> None:
    forwarded = place(stage, invite())
    stage.receive(answer(forwarded, 200), GATEWAY)
    stage.take()
    (route,) = header(forwarded, "Record-Route")
    stage.receive(in_dialog("BYE", route, uri="sip:callee@203.0.113.9:5060"))
    ((hop, bye),) = stage.take()
    assert (hop.host, hop.port) == STRANGER
    stage.receive(answer(bye, 200), ("203.0.113.8", 5060))
    stage.receive(answer(bye, 200).replace(b".", b"-"), STRANGER)
    assert stage.take() == [] and stage.engine.state.counters.unknown_sources == 2
    stage.receive(answer(bye, 200), STRANGER)
    assert stage.summary() == ["caller 200"]


def test_an_answer_finds_another_way_when_its_connection_is_gone() -> None:
    """RFC 3261 §18.2.2."""
    listeners = [Listener(0, "udp", PROXY, 5060), Listener(1, "tcp", PROXY, 5060)]
    stage = Stage(rules=QUIET, listeners=listeners)
    stage.receive(invite(via_params="").replace(b"UDP", b"TCP"), (CALLER[0], 40_000), listener=1)
    forwarded = stage.take()[1][1]
    stage.receive(answer(forwarded, 200), GATEWAY)
    ((came_by, ok),) = stage.take()
    assert came_by.port == 40_000
    stage.engine.unreachable(came_by, ok, stage.now, stage.out)
    ((again, repeated),) = stage.take()
    assert (again.transport, again.host, again.port, repeated) == ("tcp", *CALLER, ok)
    stage.engine.unreachable(again, ok, stage.now, stage.out)
    assert stage.take() == []


def test_a_next_hop_by_name_is_looked_up(stage: Stage) -> None:
    forwarded = place(stage, invite())
    stage.receive(answer(forwarded, 200), GATEWAY)
    stage.take()
    (route,) = header(forwarded, "Record-Route")
    stage.receive(in_dialog("BYE", route, uri="sip:callee@phone.example"))
    ((ticket, name),) = stage.out.resolves
    assert name == Named("phone.example", None, None)
    assert stage.take() == []
    stage.engine.resolved(ticket, [Target("udp", "198.51.100.44", 5060)], stage.now, stage.out)
    assert stage.summary() == ["198.51.100.44 BYE"]
    stage.engine.resolved(ticket, [Target("udp", "198.51.100.45", 5060)], stage.now, stage.out)
    assert stage.summary() == []


def test_a_name_that_leads_nowhere_is_refused(stage: Stage) -> None:
    forwarded = place(stage, invite())
    stage.receive(answer(forwarded, 200), GATEWAY)
    stage.take()
    (route,) = header(forwarded, "Record-Route")
    stage.receive(in_dialog("BYE", route, uri="sip:callee@nowhere.example"))
    ((ticket, _),) = stage.out.resolves
    stage.engine.resolved(ticket, [], stage.now, stage.out)
    assert stage.summary() == ["caller 503"]


def test_two_sides_get_two_record_routes() -> None:
    """RFC 5658: UDP on one side, TCP on the other; the in-dialog request leaves by the other listener."""
    listeners = [Listener(0, "udp", PROXY, 5060), Listener(1, "tcp", PROXY, 5060)]
    stage = Stage(rules=QUIET, listeners=listeners)
    stage.engine.state.policy.groups["softswitch"].gateways[0].endpoints = [stage.endpoint(1, *GATEWAY)]
    stage.engine.gateways_changed()
    forwarded = place(stage, invite())
    outgoing, incoming = header(forwarded, "Record-Route")
    assert ";transport=tcp;lr>" in outgoing and "transport" not in incoming
    stage.receive(answer(forwarded, 200), GATEWAY, listener=1)
    stage.take()
    stage.receive(in_dialog("BYE", f"{incoming}, {outgoing}", uri="sip:callee@198.51.100.1:5060;transport=tcp"))
    ((hop, bye),) = stage.take()
    assert hop.transport == "tcp" and header(bye, "Route") == []
    assert header(bye, "Via")[0].startswith("SIP/2.0/TCP")


def test_long_requests_go_by_tcp_and_back_to_udp_when_refused() -> None:
    """RFC 3261 §18.1.1."""
    listeners = [Listener(0, "udp", PROXY, 5060), Listener(1, "tcp", PROXY, 5060)]
    stage = Stage(rules=QUIET, listeners=listeners)
    forwarded = place(stage, invite(body="x" * 1300))
    (endpoint,) = [c.endpoint for c in stage.engine.state.transactions.clients.values()]
    assert endpoint.transport == "tcp" and header(forwarded, "Via")[0].startswith("SIP/2.0/TCP")
    assert len(header(forwarded, "Record-Route")) == 2
    stage.engine.unreachable(endpoint, forwarded, stage.now, stage.out)
    ((hop, second),) = stage.take()
    assert hop.transport == "udp" and header(second, "Via")[0].startswith("SIP/2.0/UDP")
    stage.receive(answer(second, 200), GATEWAY)
    assert stage.summary() == ["caller 200"]


def test_a_long_ack_goes_by_a_connection_that_is_open() -> None:
    listeners = [Listener(0, "udp", PROXY, 5060), Listener(1, "tcp", PROXY, 5060)]
    stage = Stage(rules=QUIET, listeners=listeners)
    forwarded = place(stage, invite())
    stage.receive(answer(forwarded, 200), GATEWAY)
    stage.take()
    (route,) = header(forwarded, "Record-Route")
    ack = in_dialog("ACK", route, cseq=1, extra=("X-Long: " + "x" * 1300,))
    stage.receive(ack)
    ((hop, _),) = stage.take()
    assert hop.transport == "udp"  # whether anybody takes connections there is not known
    stage.endpoint(1, *GATEWAY).connection = 7
    stage.receive(ack)
    ((hop, copy),) = stage.take()
    assert hop.transport == "tcp" and header(copy, "Via")[0].startswith("SIP/2.0/TCP")


def test_options_for_us_are_answered(stage: Stage) -> None:
    stage.receive(invite(method="OPTIONS", uri="sip:198.51.100.99:5060"))
    (reply,) = stage.take_to(CALLER)
    assert reply.status == 200
    assert "INVITE" in header(reply.data, "Allow")[0]
    stage.receive(invite(method="OPTIONS", uri="sip:someone@198.51.100.1", max_forwards=0, branch="z9hG4bKx2"))
    assert stage.summary() == ["caller 200"]


def test_strangers_get_no_answer_unless_the_operator_wants_one() -> None:
    stage = Stage(rules=QUIET)
    stage.receive(invite(), STRANGER)
    assert stage.take() == [] and stage.engine.state.counters.unknown_sources == 1
    stage = Stage(rules=QUIET, sip={"unknown_source": "forbid"})
    stage.receive(invite(), STRANGER)
    assert stage.summary() == [f"{STRANGER[0]} 403"]
    stage.receive(b"\r\n\r\n", STRANGER)
    stage.receive(b"noise", STRANGER)
    assert stage.take() == []
    assert len(stage.engine.state.transactions) == 0


def test_keepalives_cost_nothing(stage: Stage) -> None:
    for probe in (b"\r\n\r\n", b"\r\n", b"\0\0\0\0", b""):
        stage.receive(probe)
    assert stage.take() == [] and stage.engine.state.counters.malformed == 0
    assert stage.engine.state.counters.ignored_keepalives == 4


def test_an_emergency_urn_is_routed(stage: Stage) -> None:
    """RFC 5031: `urn:service:sos` names no address, and goes to the gateways before any rule has a say."""
    stage.receive(invite(uri="urn:service:sos", number="anonymous", host=STRANGER[0]), CALLER)
    assert stage.summary() == ["caller 100", "gateway INVITE"]
    assert stage.engine.state.counters.verdicts == {("emergency.called", "forward", "bank"): 1}
