"""What a call leaves behind, and how much of it one message can make us hold: nothing, whatever a peer sends."""

from __future__ import annotations

import gc
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any

import pytest
from tests.support.stage import CALLER, GATEWAY, SECOND_GATEWAY, Stage
from tests.support.talk import ack_of, answer, cancel, header, in_dialog, invite

from ringfence.engine.forwarder import Alarm
from ringfence.forwarding.context import ResponseContext
from ringfence.forwarding.gateways import Target
from ringfence.sip.index import MAX_HEADERS
from ringfence.sip.message import Message
from ringfence.transaction.client import ClientTransaction
from ringfence.transaction.server import ServerTransaction

QUIET = {rule: {"mode": "off"} for rule in ("rate", "harassment_score", "consent", "callee_frequency")}


def stage(**parts: Any) -> Stage:
    return Stage(rules=QUIET, gateways=(GATEWAY, SECOND_GATEWAY), **parts)


@pytest.mark.parametrize("more", range(220, MAX_HEADERS + 1))
def test_a_copy_that_we_could_not_read_ourselves_is_never_sent(more: int) -> None:
    """The ACK and the CANCEL are made from it; a call whose refusal cannot be acknowledged would stay for ever."""
    on = stage()
    on.receive(invite(extra=("X: y",) * more))
    sent = [(hop, data) for hop, data in on.take() if data.startswith(b"INVITE ")]
    for _, forwarded in sent:
        on.receive(answer(forwarded, 486), GATEWAY)
        assert on.summary() == ["gateway ACK", "caller 486"]
    assert bool(sent) == (more <= 230)
    on.pass_time(40)
    assert len(on.engine.state.transactions) == 0


def test_a_long_route_set_stays_one_line() -> None:
    on = stage()
    on.receive(invite())
    forwarded = on.take()[1][1]
    on.receive(answer(forwarded, 200), GATEWAY)
    on.take()
    routes = [*header(forwarded, "Record-Route"), *["<sip:198.51.100.7;lr>"] * (2 * MAX_HEADERS)]
    on.receive(in_dialog("INVITE", ", ".join(routes)))
    (trying, _), (_, copy) = on.take()
    assert trying.host == CALLER[0]
    assert len(header(copy, "Route")) == 1 and header(copy, "Route")[0].count("<") == 2 * MAX_HEADERS
    on.receive(answer(copy, 488), ("198.51.100.7", 5060))


# -- memory ---------------------------------------------------------------------------------------------------


def answered_call(on: Stage) -> None:
    on.receive(invite())
    forwarded = on.take()[1][1]
    on.receive(answer(forwarded, 180), GATEWAY)
    on.receive(answer(forwarded, 200), GATEWAY)
    (route,) = header(forwarded, "Record-Route")
    on.receive(in_dialog("ACK", route, cseq=1, branch="z9hG4bKack"))
    on.receive(in_dialog("INVITE", route, cseq=3, branch="z9hG4bKre"))
    on.take()
    on.receive(in_dialog("BYE", route))
    bye = on.take()[0][1]
    on.receive(answer(bye, 200), GATEWAY)


def refused_by_the_gateway(on: Stage) -> None:
    request = invite()
    on.receive(request)
    on.receive(answer(on.take()[1][1], 486), GATEWAY)
    on.receive(ack_of(request, on.take()[1][1]))


def refused_by_the_screen(on: Stage) -> None:
    request = invite(number="+8613800138000")
    on.receive(request)
    on.receive(ack_of(request, on.take()[0][1]))


def cancelled(on: Stage) -> None:
    request = invite()
    on.receive(request)
    forwarded = on.take()[1][1]
    on.receive(answer(forwarded, 180), GATEWAY)
    on.receive(cancel(request))
    on.receive(answer(on.take()[-1][1], 200), GATEWAY)
    on.receive(answer(forwarded, 487), GATEWAY)


def cancelled_and_never_ended(on: Stage) -> None:
    request = invite()
    on.receive(request)
    on.receive(answer(on.take()[1][1], 180), GATEWAY)
    on.receive(cancel(request))


def cancelled_before_any_answer(on: Stage) -> None:
    request = invite()
    on.receive(request)
    on.receive(cancel(request))


def failed_over(on: Stage) -> None:
    on.receive(invite())
    on.receive(answer(on.take()[1][1], 503), GATEWAY)
    on.receive(answer(on.take()[1][1], 200), SECOND_GATEWAY)


def failed_over_by_silence(on: Stage) -> None:
    on.receive(invite())
    forwarded = on.take()[1][1]
    on.pass_time(4.1)
    second = next(data for hop, data in on.take() if hop.host == SECOND_GATEWAY[0])
    on.receive(answer(second, 180), SECOND_GATEWAY)
    on.receive(answer(forwarded, 200), GATEWAY)


def timed_out(on: Stage) -> None:
    on.receive(invite())


def rings_for_ever(on: Stage) -> None:
    on.receive(invite())
    on.receive(answer(on.take()[1][1], 180), GATEWAY)


def unreachable(on: Stage) -> None:
    on.receive(invite())
    for _ in range(2):
        hop, data = on.take()[-1]
        on.engine.unreachable(hop, data, on.now, on.out)


def another_method(on: Stage) -> None:
    on.receive(invite(method="MESSAGE"))
    on.receive(answer(on.take()[0][1], 202), GATEWAY)


def another_method_without_an_answer(on: Stage) -> None:
    on.receive(invite(method="MESSAGE"))


def another_method_with_nowhere_to_go(on: Stage) -> None:
    gateways = on.engine.state.policy.groups["softswitch"].gateways
    for gateway in gateways:
        gateway.endpoints = []
    on.receive(invite(method="MESSAGE"))
    on.receive(invite())


def next_hop_by_name(on: Stage) -> None:
    on.receive(invite())
    forwarded = on.take()[1][1]
    on.receive(answer(forwarded, 200), GATEWAY)
    (route,) = header(forwarded, "Record-Route")
    for number, method in enumerate(("INVITE", "BYE", "ACK", "INFO")):
        on.receive(in_dialog(method, route, uri="sip:callee@phone.example", branch=f"z9hG4bK{number}"))
        if method == "INVITE":
            on.receive(cancel(in_dialog(method, route, uri="sip:callee@phone.example", branch=f"z9hG4bK{number}")))
    for number, (ticket, _) in enumerate(on.out.resolves):
        targets = [Target("udp", "198.51.100.44", 5060)] if number != 1 else []
        on.engine.resolved(ticket, targets, on.now, on.out)
    on.out.resolves.clear()


def probes(on: Stage) -> None:
    on.engine.adopt(on.policy(2, group={"probe": {"interval": "10s", "timeout": "2s"}}), on.now, on.out)
    on.receive(answer(on.take()[0][1], 200), GATEWAY)
    on.pass_time(10)
    on.engine.adopt(on.policy(3), on.now, on.out)


def shed(on: Stage) -> None:
    on.engine.state.lagging = True
    on.receive(invite())
    on.engine.state.lagging = False


def nonsense(on: Stage) -> None:
    for data in (
        b"x",
        b"\xff" * 400,
        b"INVITE\r\n\r\n",
        invite()[:60],
        invite(uri="soap.beep://x"),
        b"SIP/2.0 1\r\n\r\n",
    ):
        on.receive(data)
        on.receive(data, ("203.0.113.9", 5060))
    on.receive(in_dialog("BYE", ""))
    on.receive(in_dialog("INVITE", "<sip:x", branch="z9hG4bKy"))
    on.receive(in_dialog("ACK", "<sip:x"))
    on.receive(cancel(invite(branch="z9hG4bKnever")))


@pytest.mark.parametrize(
    "play",
    [
        answered_call, refused_by_the_gateway, refused_by_the_screen, cancelled, cancelled_and_never_ended,
        cancelled_before_any_answer, failed_over, failed_over_by_silence, timed_out, rings_for_ever, unreachable,
        another_method, another_method_without_an_answer, another_method_with_nowhere_to_go, next_hop_by_name, probes,
        shed, nonsense,
    ],
    ids=lambda play: play.__name__,
)  # fmt: skip
def test_nothing_of_a_finished_call_stays_nor_waits_for_the_collector(play: Callable[[Stage], None]) -> None:
    """When its last timer has passed, reference counting alone has freed every object of the call."""
    on = stage(sip={"forward_methods": ["MESSAGE"], "timers": {"c": "181s"}})
    while gc.collect():
        pass  # what compiled objects hold, which are not the collector's, is found a round after their owner
    before = {id(thing) for thing in of_calls()}  # other tests' own
    gc.disable()
    gc.set_debug(gc.DEBUG_SAVEALL)
    try:
        play(on)
        on.pass_time(300)
        on.take()
        on.take_records()
        gc.collect()
        left = [thing for thing in gc.garbage if is_ours(thing)]
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()
    assert left == []
    assert len(on.engine.state.transactions) == 0 and len(on.timers) == 0
    assert len(on.engine.screen) == 0 and len(on.engine.inside) == 0
    assert [thing for thing in of_calls() if id(thing) not in before] == []


def of_calls() -> list[object]:
    """Everything alive that belongs to a call."""
    kinds = (ClientTransaction, ServerTransaction, ResponseContext, Message, Alarm)
    return [thing for thing in gc.get_objects() if isinstance(thing, kinds)]


def is_ours(thing: object) -> bool:
    """Ours, or what holds ours: a caught error's traceback keeps the frames that it went through."""
    module = type(thing).__module__
    if module.startswith("ringfence.ledger"):
        return False  # trunks and their ledger know each other: a replaced generation is the collector's, no call's
    return module.startswith("ringfence") or isinstance(thing, FrameType | TracebackType | Exception)
