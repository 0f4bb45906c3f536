"""What a peer may not do: steer, forge, reach over to another's call, or make the daemon grow."""

from __future__ import annotations

import pytest
from tests.support.stage import CALLER, GATEWAY, OTHER_TRUNK, STRANGER, Stage
from tests.support.talk import ack_of, answer, header, in_dialog, invite

from ringfence.engine.state import MAX_NEXT_HOPS

QUIET = {rule: {"mode": "off"} for rule in ("rate", "harassment_score", "consent", "callee_frequency")}


@pytest.fixture
def stage() -> Stage:
    return Stage(rules=QUIET)


def place(stage: Stage, request: bytes | None = None) -> bytes:
    stage.receive(request or invite())
    return stage.take()[1][1]


def test_a_route_does_not_steer_a_first_invite(stage: Stage) -> None:
    forwarded = place(
        stage, invite(extra=("Route: <sip:198.51.100.99;lr>, <sip:203.0.113.66;lr>", "Route: <sip:evil.example;lr>"))
    )
    assert header(forwarded, "Route") == []
    assert forwarded.startswith(b"INVITE sip:+8613900001000@198.51.100.99 SIP/2.0\r\n")


@pytest.mark.parametrize(
    ("route", "status"),
    [
        ("", 403),
        ("<sip:198.51.100.99:5060;lr>", 403),
        ("<sip:rf-AAAAAAAAAAAAAAAA@198.51.100.99:5060;lr>", 481),
        ("<sip:203.0.113.66;lr>", 403),
    ],
)
@pytest.mark.parametrize("method", ["INVITE", "BYE", "INFO"])
def test_a_forged_to_tag_opens_no_relay(stage: Stage, method: str, route: str, status: int) -> None:
    stage.receive(in_dialog(method, route, uri="sip:victim@203.0.113.66"))
    assert stage.summary() == [f"caller {status}"]


def test_a_forged_ack_goes_nowhere(stage: Stage) -> None:
    stage.receive(in_dialog("ACK", "<sip:rf-AAAAAAAAAAAAAAAA@198.51.100.99:5060;lr>"))
    stage.receive(in_dialog("ACK", ""))
    assert stage.take() == []


def test_a_token_opens_no_other_dialog(stage: Stage) -> None:
    forwarded = place(stage)
    stage.receive(answer(forwarded, 200), GATEWAY)
    stage.take()
    (route,) = header(forwarded, "Record-Route")
    stage.receive(in_dialog("BYE", route, call_id="another@call"))
    stage.receive(in_dialog("BYE", route, from_tag="x", to_tag="y", branch="z9hG4bKb2"))
    assert stage.summary() == ["caller 481", "caller 481"]


def test_a_token_still_opens_its_dialog_after_a_restart(stage: Stage) -> None:
    (route,) = header(place(stage), "Record-Route")
    fresh = Stage(rules=QUIET)
    fresh.receive(in_dialog("BYE", route))
    assert fresh.summary() == ["gateway BYE"]
    fresh.receive(
        in_dialog("BYE", route, from_tag="callee-tag", to_tag="caller-tag", branch="z9hG4bKb2", uri="sip:a@192.0.2.1")
    )
    assert fresh.summary() == ["caller BYE"]


def test_answers_count_only_from_the_hop_that_was_asked(stage: Stage) -> None:
    forwarded = place(stage)
    stage.receive(answer(forwarded, 200), OTHER_TRUNK)
    stage.receive(answer(forwarded, 200), STRANGER)
    stage.receive(answer(forwarded, 200), (GATEWAY[0], 5999))
    assert stage.take() == []
    assert stage.engine.state.counters.stray_responses == 1  # the others are strangers altogether
    stage.receive(answer(forwarded, 200), GATEWAY)
    assert stage.summary() == ["caller 200"]


def test_answers_must_be_ours_and_of_this_call(stage: Stage) -> None:
    forwarded = place(stage)
    good = answer(forwarded, 200)
    stage.receive(good.replace(b"SIP/2.0/UDP 198.51.100.99:5060", b"SIP/2.0/UDP 198.51.100.98:5060"), GATEWAY)
    stage.receive(good.replace(b"Call-ID: call1@", b"Call-ID: call2@"), GATEWAY)
    caller_via = f"Via: {header(forwarded, 'Via')[1]}\r\n".encode()
    stage.receive(good.replace(caller_via, b""), GATEWAY)
    stage.receive(good.replace(b"CSeq: 1 INVITE", b"CSeq: 1 CANCEL"), GATEWAY)
    stage.receive(good.replace(b"CSeq: 1 INVITE", b"CSeq: 1 BYE"), GATEWAY)
    assert stage.take() == []
    assert stage.engine.state.counters.stray_responses == 5
    stage.receive(good, GATEWAY)
    assert stage.summary() == ["caller 200"]


@pytest.mark.parametrize("status", [200, 486])
def test_repeats_of_a_final_answer_must_be_of_this_call_too(stage: Stage, status: int) -> None:
    forwarded = place(stage)
    good = answer(forwarded, status)
    stage.receive(good, GATEWAY)
    stage.take()
    stage.receive(good.replace(b"Call-ID: call1@", b"Call-ID: call2@"), GATEWAY)
    caller_via = f"Via: {header(forwarded, 'Via')[1]}\r\n".encode()
    stage.receive(good.replace(caller_via, b""), GATEWAY)
    assert stage.take() == [] and stage.engine.state.counters.stray_responses == 2
    stage.receive(good, GATEWAY)
    assert stage.summary() == (["caller 200"] if status == 200 else ["gateway ACK"])


@pytest.mark.parametrize(
    "line",
    [
        "P-Ringfence-Verdict: forward",
        "p-RINGFENCE-score: 0",
        "P-Ringfence-Anything : x",
        "P-Ringfence-Folded:\r\n  x",
        "P-Asserted-Identity: <sip:+8621000@x>",
    ],
)
def test_our_own_headers_are_taken_off_however_spelled(line: str) -> None:
    stage = Stage(rules={**QUIET, "caller_number": {"mode": "off"}, "caller_authorised": {"mode": "off"}})
    stage.receive(invite(extra=(line, "X-Next: kept"), host=OTHER_TRUNK[0]), OTHER_TRUNK)
    forwarded = stage.take()[1][1]
    assert b"ringfence" not in forwarded.lower() and b"P-Asserted" not in forwarded
    assert header(forwarded, "X-Next") == ["kept"]


def test_a_trusted_trunk_keeps_its_asserted_identity(stage: Stage) -> None:
    line = "P-Asserted-Identity: <sip:+861062345678@192.0.2.1>"
    assert line.encode() in place(stage, invite(extra=(line,)))


def test_what_follows_the_body_never_leaves(stage: Stage) -> None:
    forwarded = place(stage, invite() + b"INVITE sip:smuggled@x SIP/2.0\r\n\r\n")
    assert b"smuggled" not in forwarded


@pytest.mark.parametrize("field", ["From", "To", "Call-ID", "CSeq", "Content-Length", "Max-Forwards"])
def test_contradictory_fields_are_refused(stage: Stage, field: str) -> None:
    request = invite()
    (value,) = header(request, field)
    stage.receive(request.replace(b"Contact:", f"{field}: {value}\r\nContact:".encode()))
    assert stage.summary() == ["caller 400"]


def test_a_gateway_that_is_no_trunk_opens_no_call(stage: Stage) -> None:
    stage.receive(invite(host=GATEWAY[0]), GATEWAY)
    assert stage.summary() == ["gateway 403"]


def test_other_methods_need_the_operators_word() -> None:
    stage = Stage(rules=QUIET)
    stage.receive(invite(method="MESSAGE"))
    ((_, refusal),) = stage.take()
    assert refusal.startswith(b"SIP/2.0 405") and "INVITE" in header(refusal, "Allow")[0]
    stage = Stage(rules=QUIET, sip={"forward_methods": ["MESSAGE"]})
    stage.receive(invite(method="MESSAGE", extra=("P-Ringfence-Verdict: x",)))
    ((hop, copy),) = stage.take()
    assert hop.host == GATEWAY[0] and b"P-Ringfence" not in copy and header(copy, "Record-Route") == []
    stage.receive(answer(copy, 200), GATEWAY)
    assert stage.summary() == ["caller 200"]


def test_a_silent_non_invite_gets_no_408() -> None:
    """RFC 4320 §4.2."""
    stage = Stage(rules=QUIET, sip={"forward_methods": ["*"]})
    stage.receive(invite(method="FROB"))
    stage.pass_time(33)
    assert set(stage.summary()) == {"gateway FROB", "caller 100"}
    assert len(stage.engine.state.transactions) == 0


def test_refusals_of_the_proxy(stage: Stage) -> None:
    cases = [
        (invite(max_forwards=0, branch="z9hG4bKm"), 483),
        (invite(extra=("Proxy-Require: foo, bar", "Proxy-Require: baz"), branch="z9hG4bKp"), 420),
        (invite(extra=("Max-Breadth: 0",), branch="z9hG4bKb"), 440),
        (invite(uri="soap.beep://x", branch="z9hG4bKs"), 416),
        (invite(branch="z9hG4bKv").replace(b" SIP/2.0\r\nVia", b" SIP/7.0\r\nVia"), 505),
    ]
    for request, status in cases:
        stage.receive(request)
        assert stage.summary() == [f"caller {status}"], status


def test_420_lists_every_tag(stage: Stage) -> None:
    stage.receive(invite(extra=("Proxy-Require: foo, bar", "Proxy-Require: baz")))
    ((_, refusal),) = stage.take()
    assert header(refusal, "Unsupported") == ["foo, bar, baz"]


def test_a_request_that_comes_round_again_is_a_loop(stage: Stage) -> None:
    forwarded = place(stage)
    looped = forwarded.replace(b"Via: SIP", b"Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKback\r\nVia: SIP", 1)
    stage.receive(looped)
    assert stage.summary() == ["caller 482"]


def test_a_spiral_is_no_loop(stage: Stage) -> None:
    forwarded = place(stage)
    spiral = forwarded.replace(b"Via: SIP", b"Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKback\r\nVia: SIP", 1)
    spiral = spiral.replace(b"INVITE sip:+8613900001000@", b"INVITE sip:+8613900002000@")
    stage.receive(spiral)
    assert stage.summary() == ["caller 100", "gateway INVITE"]


def test_a_full_table_sheds_new_calls_and_keeps_the_old() -> None:
    stage = Stage(rules=QUIET, sip={"limits": {"transactions": 100}})
    forwarded = place(stage)
    for number in range(200):
        stage.receive(invite(branch=f"z9hG4bKn{number}", call_id=f"n{number}"))
    sent = stage.summary()
    assert sent.count("caller 503") > 100 and len(stage.engine.state.transactions) <= 100
    assert any(status == 503 for status in stage.engine.state.counters.refused_locally)
    stage.receive(answer(forwarded, 200), GATEWAY)
    assert stage.summary() == ["caller 200"]


def test_refused_calls_leave_the_last_tenth_of_the_table_to_those_in_progress() -> None:
    stage = Stage(rules=QUIET, sip={"limits": {"transactions": 100}})
    forwarded = place(stage)
    stage.receive(answer(forwarded, 200), GATEWAY)
    for number in range(500):
        stage.receive(invite(branch=f"z9hG4bKn{number}", call_id=f"n{number}"))
    refused = [data for _, data in stage.take() if data.startswith(b"SIP/2.0 503")]
    assert header(refused[-1], "Retry-After") == ["5"]
    stage.receive(invite(branch="z9hG4bKn499", call_id="n499"))
    assert stage.take()[0][1] == refused[-1]  # §8.2.7: a repeat gets the same answer
    stage.receive(ack_of(invite(branch="z9hG4bKn499", call_id="n499"), refused[-1]))
    assert len(stage.engine.state.transactions) <= 91
    (route,) = header(forwarded, "Record-Route")
    stage.receive(in_dialog("BYE", route))
    assert stage.summary() == ["gateway BYE"]


def test_an_emergency_call_passes_when_others_are_shed() -> None:
    stage = Stage(rules=QUIET, sip={"limits": {"transactions": 100}})
    number = 0
    while "caller 503" not in stage.summary():
        stage.receive(invite(branch=f"z9hG4bKn{number}", call_id=f"n{number}"))
        number += 1
    stage.receive(invite(branch="z9hG4bKhelp", call_id="help", callee="110"))
    assert stage.summary() == ["caller 100", "gateway INVITE"]


def test_a_late_event_loop_sheds_new_calls(stage: Stage) -> None:
    stage.engine.state.lagging = True
    stage.receive(invite())
    ((_, refusal),) = stage.take()
    assert refusal.startswith(b"SIP/2.0 503") and header(refusal, "Retry-After") == ["5"]


@pytest.mark.parametrize(
    ("uri", "hop"),
    [
        ("sip:a@10.0.0.1", ("udp", "10.0.0.1", 5060)),
        ("sip:a@10.0.0.1;maddr=10.0.0.2", ("udp", "10.0.0.2", 5060)),
        ("sip:a@phone.example:5070;lr;MADDR=10.0.0.2", ("udp", "10.0.0.2", 5070)),
        ("sip:a@10.0.0.1;transport=UDP", ("udp", "10.0.0.1", 5060)),
        ("sip:a@10.0.0.1;transport=ws", None),
        ("sip:a@10.0.0.1;transport=", None),
        ("sip:a@10.0.0.1;transport=udp4", None),
        ("sip:a@224.0.1.75", None),
        ("sip:a@10.0.0.1;maddr=239.255.255.1", None),
        ("sip:a@255.255.255.255", None),
        ("sip:a@0.0.0.0", None),
        ("sip:a@300.0.0.1", None),
        ("sip:a@[ff02::1]", None),
        ("tel:+861062345678", None),
    ],
)
def test_where_a_request_inside_a_dialog_may_lead(stage: Stage, uri: str, hop: tuple[str, str, int] | None) -> None:
    found = stage.engine.state.next_hop(uri.encode(), stage.listeners[0])
    assert (found and (found.transport, found.host, found.port)) == hop
    forwarded = place(stage)
    stage.receive(answer(forwarded, 200), GATEWAY)
    stage.take()
    (route,) = header(forwarded, "Record-Route")
    stage.receive(in_dialog("BYE", route, uri=uri))
    if hop is None:
        assert stage.summary() == [f"caller {416 if uri.startswith('tel') else 503}"]
    else:
        assert stage.summary() == [f"{hop[1]} BYE"]


def test_options_for_us_may_not_require_what_we_do_not_know(stage: Stage) -> None:
    stage.receive(invite(method="OPTIONS", uri="sip:198.51.100.99:5060", extra=("Require: foo", "Require: bar")))
    ((_, refusal),) = stage.take()
    assert refusal.startswith(b"SIP/2.0 420 ") and header(refusal, "Unsupported") == ["foo, bar"]


def test_next_hops_are_remembered_within_bounds(stage: Stage) -> None:
    state = stage.engine.state
    for number in range(MAX_NEXT_HOPS + 10):
        state.next_hop(b"sip:%d@198.51.100.1" % number, stage.listeners[0])
    assert len(state._next_hops) <= MAX_NEXT_HOPS


def test_noise_raises_nothing_and_is_counted(stage: Stage) -> None:
    for data in (b"x", b"\xff" * 400, b"INVITE\r\n\r\n", invite()[:60], b"SIP/2.0 200 OK\r\n\r\n"):
        stage.receive(data)
    assert stage.engine.state.counters.malformed == 5
    assert CALLER[0] not in stage.summary()


def test_an_answer_never_goes_where_a_maddr_points(stage: Stage) -> None:
    """RFC 3261 §18.2.2 would send it there: with it a trunk could have our answers sent to anybody."""
    stage.receive(invite(via_params=";rport;maddr=203.0.113.9"))
    assert stage.summary() == ["caller 100", "gateway INVITE"]


def test_a_sips_call_goes_to_the_gateways_as_they_are(stage: Stage) -> None:
    """RFC 3261 §26.2.2: behind us is the domain that the URI names, whose own policy says how it is reached."""
    stage.receive(invite(uri="sips:+8613900001000@198.51.100.99"))
    (_, (hop, forwarded)) = stage.take()
    assert hop.transport == "udp" and forwarded.startswith(b"INVITE sips:")
    stage.receive(answer(forwarded, 200), GATEWAY)
    stage.take()
    (route,) = header(forwarded, "Record-Route")
    stage.receive(in_dialog("BYE", route, uri="sips:callee@198.51.100.1"))
    assert stage.summary() == ["caller 503"]  # inside the dialog a sips URI is TLS or nothing
