"""Gateways that fail, and those that stand in (RFC 3261 §16.7 to §16.9, RFC 3263 §4.3)."""

from __future__ import annotations

from typing import Any

import pytest
from tests.support.stage import GATEWAY, SECOND_GATEWAY, Stage
from tests.support.talk import answer, header, in_dialog, invite

from ringfence.forwarding.gateways import Target
from ringfence.sip.shares import share_of

QUIET = {rule: {"mode": "off"} for rule in ("rate", "harassment_score", "consent")}
BOTH = (GATEWAY, SECOND_GATEWAY)


def stage(**parts: Any) -> Stage:
    return Stage(rules=QUIET, gateways=BOTH, **parts)


def place(on: Stage, number: int = 1) -> bytes:
    on.receive(invite(branch=f"z9hG4bKcall{number}", call_id=f"call{number}"))
    return on.take()[1][1]


def test_a_503_goes_to_the_next_and_holds_the_first_down() -> None:
    on = stage()
    forwarded = place(on)
    on.receive(answer(forwarded, 503), GATEWAY)
    (_, ack), (second, copy) = on.take()
    assert ack.startswith(b"ACK ") and second.host == SECOND_GATEWAY[0]
    assert header(copy, "Via")[0] != header(forwarded, "Via")[0]  # a branch of its own (§16.6 item 8)
    on.receive(answer(copy, 200), SECOND_GATEWAY)
    assert on.summary() == ["caller 200"]
    on.receive(invite(branch="z9hG4bKcall2", call_id="call2"))
    assert on.summary() == ["caller 100", "second INVITE"]
    on.pass_time(31)
    on.receive(invite(branch="z9hG4bKcall3", call_id="call3"))
    assert on.summary()[-1] == "gateway INVITE"


def test_silence_goes_to_the_next_soon() -> None:
    on = stage()
    forwarded = place(on)
    on.pass_time(4.1)
    sent = on.summary()
    assert sent.count("second INVITE") == 1 and sent.count("gateway INVITE") == 3
    # The first wakes up late: it is cancelled, and its ringing is not heard.
    on.receive(answer(forwarded, 180), GATEWAY)
    assert on.summary() == ["gateway CANCEL"]


def test_the_silent_one_does_not_hold_up_the_others_answer() -> None:
    on = stage()
    forwarded = place(on)
    on.pass_time(4.1)
    second = next(data for hop, data in on.take() if hop.host == SECOND_GATEWAY[0])
    on.receive(answer(second, 486), SECOND_GATEWAY)
    assert on.summary() == ["second ACK", "caller 486"]
    on.receive(answer(forwarded, 180), GATEWAY)
    assert on.summary() == ["gateway CANCEL"]


def test_a_late_200_of_the_silent_one_counts() -> None:
    on = stage()
    forwarded = place(on)
    on.pass_time(4.1)
    second = next(data for hop, data in on.take() if hop.host == SECOND_GATEWAY[0])
    on.receive(answer(second, 180), SECOND_GATEWAY)
    on.take()
    on.receive(answer(forwarded, 200), GATEWAY)
    assert on.summary() == ["caller 200", "second CANCEL"]
    on.receive(answer(second, 487), SECOND_GATEWAY)
    assert on.summary() == ["second ACK"]


def test_ringing_stops_the_search() -> None:
    on = stage()
    forwarded = place(on)
    on.receive(answer(forwarded, 180), GATEWAY)
    on.take()
    on.pass_time(20)
    assert on.summary() == []


@pytest.mark.parametrize("status", [403, 404, 486, 500, 600, 603, 607, 608])
def test_a_real_answer_ends_the_search(status: int) -> None:
    on = stage()
    on.receive(answer(place(on), status), GATEWAY)
    assert on.summary() == ["gateway ACK", f"caller {status}"]


def test_a_408_that_came_is_not_the_gateways_own_silence() -> None:
    on = stage()
    on.receive(answer(place(on), 408), GATEWAY)
    assert on.summary() == ["gateway ACK", "caller 408"]
    assert on.engine.state.policy.groups["softswitch"].gateways[0].usable(on.now)


@pytest.mark.parametrize(("status", "again"), [(488, False), (491, False), (408, False), (503, True)])
def test_inside_a_dialog_only_a_failed_hop_is_replaced(status: int, again: bool) -> None:
    """RFC 3263 §4.3: the next address of a name is for a hop that failed, not for one that said no."""
    on = stage()
    forwarded = place(on)
    on.receive(answer(forwarded, 200), GATEWAY)
    on.take()
    (route,) = header(forwarded, "Record-Route")
    on.receive(in_dialog("INVITE", route, uri="sip:callee@phone.example", call_id="call1"))
    ((ticket, _),) = on.out.resolves
    targets = [Target("udp", GATEWAY[0], 5060), Target("udp", SECOND_GATEWAY[0], 5060)]
    on.engine.resolved(ticket, targets, on.now, on.out)
    reinvite = on.take()[-1][1]
    on.receive(answer(reinvite, status), GATEWAY)
    assert on.summary() == ["gateway ACK", "second INVITE" if again else f"caller {status}"]


def test_the_operator_may_fail_over_on_more() -> None:
    on = stage(group={"failover_on": [500, 503]})
    on.receive(answer(place(on), 500), GATEWAY)
    assert on.summary() == ["gateway ACK", "second INVITE"]


def test_all_overloaded_is_told_as_500() -> None:
    on = stage()
    on.receive(answer(place(on), 503), GATEWAY)
    second = on.take()[1][1]
    on.receive(answer(second, 503), SECOND_GATEWAY)
    assert on.summary() == ["second ACK", "caller 500"]


def test_all_silent_is_a_timeout() -> None:
    on = stage()
    place(on)
    on.pass_time(70)
    assert {line for line in on.summary() if line.startswith("caller")} == {"caller 408"}
    on.pass_time(40)
    assert len(on.engine.state.transactions) == 0


def test_an_unreachable_gateway_counts_as_503() -> None:
    on = stage()
    forwarded = place(on)
    endpoint = on.endpoint(0, *GATEWAY)
    on.engine.unreachable(endpoint, forwarded, on.now, on.out)
    assert on.summary() == ["second INVITE"]
    on.engine.unreachable(endpoint, forwarded, on.now, on.out)
    assert on.summary() == []


@pytest.mark.parametrize("quoted", [400, 300])
def test_the_beginning_of_an_invite_says_which_gateway_is_dead(quoted: int) -> None:
    """ICMP gives back as much as fits in its own packet, which no INVITE with a body does."""
    on = stage()
    forwarded = place(on)
    assert len(forwarded[:quoted]) < len(forwarded)
    on.engine.unreachable(on.endpoint(0, *GATEWAY), forwarded[:quoted], on.now, on.out)
    assert on.summary() == ["second INVITE"]


def test_too_little_of_a_message_says_nothing() -> None:
    on = stage()
    forwarded = place(on)
    for end in (0, 8, forwarded.index(b";branch=") + 20):
        on.engine.unreachable(on.endpoint(0, *GATEWAY), forwarded[:end], on.now, on.out)
    on.engine.unreachable(on.endpoint(0, *SECOND_GATEWAY), forwarded, on.now, on.out)
    assert on.summary() == []


def test_nowhere_to_go_is_503() -> None:
    on = stage()
    for gateway in on.engine.state.policy.groups["softswitch"].gateways:
        gateway.endpoints = []
    on.receive(invite())
    assert on.summary() == ["caller 503"]


def probing(**probe: Any) -> Stage:
    on = Stage(rules=QUIET, gateways=BOTH, group={"probe": {"interval": "10s", "timeout": "2s", **probe}})
    on.engine.start(on.now, on.out)
    return on


def test_probes_are_options_for_the_gateway_itself() -> None:
    on = probing()
    (first, options), (second, _) = on.take()
    assert (first.host, second.host) == (GATEWAY[0], SECOND_GATEWAY[0])
    assert options.startswith(b"OPTIONS sip:198.51.100.1:5060 SIP/2.0\r\n")
    assert header(options, "Max-Forwards") == ["0"]


def test_a_workers_probes_have_call_ids_whose_answers_come_to_it() -> None:
    seen = set()
    for worker in range(3):
        on = Stage(rules=QUIET, gateways=BOTH, group={"probe": {"interval": "10s", "timeout": "2s"}}, share=(worker, 3))
        on.engine.start(on.now, on.out)
        seen |= {(worker, share_of(header(options, "Call-ID")[0].encode(), 3)) for _, options in on.take()}
    assert seen == {(0, 0), (1, 1), (2, 2)}


def test_silence_to_probes_takes_a_gateway_out_and_an_answer_brings_it_back() -> None:
    on = probing()
    for _ in range(2):
        for hop, data in on.take():
            if data.startswith(b"OPTIONS") and hop.host == SECOND_GATEWAY[0]:
                on.receive(answer(data, 404), SECOND_GATEWAY)
        on.pass_time(10.05)
    gateways = on.engine.state.policy.groups["softswitch"].gateways
    assert [gateway.probed_dead for gateway in gateways] == [True, False]
    options = [data for hop, data in on.take() if hop.host == GATEWAY[0]][-1]
    on.receive(invite())
    assert on.summary()[-1] == "second INVITE"
    on.receive(answer(options, 200), GATEWAY)
    assert not gateways[0].probed_dead


def test_a_503_to_a_probe_is_no_sign_of_life() -> None:
    on = probing(failures=1)
    for hop, data in on.take():
        on.receive(answer(data, 503), (hop.host, hop.port))
    assert all(gateway.probed_dead for gateway in on.engine.state.policy.groups["softswitch"].gateways)
    # With nobody left, somebody is tried all the same.
    on.receive(invite())
    assert on.summary() == ["caller 100", "gateway INVITE"]


def test_an_unreachable_probe_fails() -> None:
    on = probing(failures=1)
    for hop, data in on.take():
        on.engine.unreachable(hop, data, on.now, on.out)
    assert all(gateway.probed_dead for gateway in on.engine.state.policy.groups["softswitch"].gateways)


def test_probes_of_an_old_generation_stop() -> None:
    on = probing()
    on.take()
    on.engine.adopt(on.policy(2), on.now, on.out)
    assert on.summary() == ["gateway OPTIONS", "second OPTIONS"]
    on.pass_time(10.05)
    sent = on.summary()
    assert sent.count("gateway OPTIONS") <= 5  # one clock: repeats of one probe and one new probe
    assert len(on.engine.state.transactions.clients) <= 6
