from __future__ import annotations

from itertools import product
from typing import NamedTuple

import pytest
from tests.transaction.support import SENT_INVITE, SENT_OPTIONS, TCP, UDP, Stage, answer

from ringfence.sip.address import Endpoint, Listener
from ringfence.transaction import timers as t
from ringfence.transaction.client import (
    ACCEPTED,
    CALLING,
    COMPLETED,
    DONE,
    PROCEEDING,
    ClientTransaction,
    InviteClient,
    NonInviteClient,
)
from ringfence.transaction.hop import ack_for
from ringfence.transaction.timers import TERMINATED, TIMED_OUT, UNANSWERED, Timers

STATES = {"calling": CALLING, "proceeding": PROCEEDING, "completed": COMPLETED, "accepted": ACCEPTED, "done": DONE}
TIMERS = {name: getattr(t, name) for name in "ABDEFGHIJKLM"} | {"OWNER": t.OWNER}
ANSWERS = (100, 180, 200, 302, 486, 503, 603)
EVENTS: tuple[str | int, ...] = (*ANSWERS, *TIMERS, "B late")
ENDPOINTS = {"udp": UDP, "tcp": TCP}


class Then(NamedTuple):
    """What one event did: the state after it, what was sent, what was armed, what the owner was told."""

    state: str
    told: int = 0
    sent: str = ""
    armed: tuple[tuple[float, str], ...] = ()


NEWS = 1  # `answered` said True

# Every pair that does something, with T1 0.5, T2 4, T4 5. `D`: 32 s over UDP, 0 over TCP; `K`: 5 s and 0.
INVITE: dict[tuple[str, str | int], Then] = {
    ("calling", "A"): Then("calling", sent="request", armed=((1.0, "A"), (31.5, "B"))),
    ("calling", "B"): Then("calling", TIMED_OUT),
    ("calling", "B late"): Then("calling", TIMED_OUT),
    ("proceeding", "A"): Then("proceeding", armed=((31.5, "B"),)),
    ("proceeding", "B"): Then("proceeding", armed=((32.0, "B"),)),
    ("proceeding", "B late"): Then("proceeding", TIMED_OUT),  # timer C
    ("completed", "D"): Then("done", TERMINATED),
    ("accepted", "M"): Then("done", TERMINATED),
    ("accepted", 200): Then("accepted", NEWS),  # RFC 6026 §7.2: each repeat goes to the owner
}
for _state in ("calling", "proceeding"):
    INVITE |= {(_state, status): Then("proceeding", NEWS) for status in (100, 180)}
    INVITE[_state, 200] = Then("accepted", NEWS, armed=((32.0, "M"),))
    INVITE |= {
        (_state, status): Then("completed", NEWS, "ack", armed=((32.0, "D"),)) for status in (302, 486, 503, 603)
    }
INVITE |= {("completed", status): Then("completed", sent="ack") for status in (302, 486, 503, 603)}

NON_INVITE: dict[tuple[str, str | int], Then] = {
    ("calling", "E"): Then("calling", UNANSWERED, "request", ((1.0, "E"), (31.5, "F"))),
    ("proceeding", "E"): Then("proceeding", UNANSWERED, "request", ((4.0, "E"), (31.5, "F"))),
    ("completed", "K"): Then("done", TERMINATED),
}
for _state in ("calling", "proceeding"):
    NON_INVITE[_state, "F"] = Then("done", TIMED_OUT)
    NON_INVITE |= {(_state, status): Then("proceeding", NEWS) for status in (100, 180)}
    NON_INVITE |= {
        (_state, status): Then("completed", NEWS, armed=((5.0, "K"),)) for status in ANSWERS if status >= 200
    }


def started(invite: bool, endpoint: Endpoint, stage: Stage) -> InviteClient | NonInviteClient:
    kind, data = (InviteClient, SENT_INVITE) if invite else (NonInviteClient, SENT_OPTIONS)
    machine = kind(b"z9hG4bKours.0", endpoint, data, Timers(), "owner")
    machine.start(0.0, stage.out)
    return machine


def brought_to(state: str, invite: bool, endpoint: Endpoint, stage: Stage) -> InviteClient | NonInviteClient:
    """A machine that came to `state` by what happens on the wire."""
    machine = started(invite, endpoint, stage)
    method = b"INVITE" if invite else b"OPTIONS"
    if state == "proceeding":
        machine.answered(answer(180, method), 0.0, stage.out)
    elif state in ("completed", "done"):
        machine.answered(answer(486, method), 0.0, stage.out)
    elif state == "accepted":
        machine.answered(answer(200, method), 0.0, stage.out)
    if state == "done":
        assert machine.fire(t.D if invite else t.K, 40.0, stage.out) == TERMINATED
    assert machine.state == STATES[state]
    stage.look()
    return machine


@pytest.mark.parametrize("transport", ENDPOINTS)
@pytest.mark.parametrize("invite", [True, False], ids=["invite", "other"])
def test_every_pair(invite: bool, transport: str) -> None:
    """A pair that nobody listed changes nothing, sends nothing, arms nothing and is no news."""
    table = INVITE if invite else NON_INVITE
    endpoint = ENDPOINTS[transport]
    method = b"INVITE" if invite else b"OPTIONS"
    states = [state for state in STATES if invite or state != "accepted"]
    walked = set()
    for state, event in product(states, EVENTS):
        stage = Stage()
        machine = brought_to(state, invite, endpoint, stage)
        if isinstance(event, int):
            response = answer(event, method, to_tag=b"other")
            told = int(machine.answered(response, 1.0, stage.out))
        else:
            response = answer(486, method)
            told = machine.fire(
                TIMERS[event[0] if "late" in event else event], 190.5 if "late" in event else 1.0, stage.out
            )
        expected = table.get((state, event), Then(state))
        walked.add((state, event))
        sends, armed = stage.look()
        ack = ack_for(SENT_INVITE, answer(486) if state == "completed" else response)
        if transport == "tcp" and event in ("A", "E"):  # nothing is repeated over a reliable transport
            expected = expected._replace(sent="", armed=tuple(pair for pair in expected.armed if pair[1] != event))
        sent = {"": [], "request": [(endpoint, SENT_INVITE if invite else SENT_OPTIONS)], "ack": [(endpoint, ack)]}
        wait = [
            (0.0 if transport == "tcp" and name in "DK" else seconds, TIMERS[name]) for seconds, name in expected.armed
        ]
        assert (machine.state, told, sends, armed) == (
            STATES[expected.state],
            expected.told,
            sent[expected.sent],
            wait,
        ), (
            state,
            event,
        )
    assert walked >= table.keys()  # no line of the table is a dead letter


@pytest.mark.parametrize(
    ("invite", "endpoint", "armed"),
    [
        (True, UDP, [(0.5, t.A)]),
        (True, TCP, [(0.5, t.A)]),
        (False, UDP, [(0.5, t.E)]),
        (False, TCP, [(0.5, t.E)]),
    ],
)
def test_the_first_copy_leaves_at_once(invite: bool, endpoint: Endpoint, armed: list[tuple[float, int]]) -> None:
    """And no wake-up waits longer than T1: what is answered by then is not held by timer B or F."""
    stage = Stage()
    machine = started(invite, endpoint, stage)
    assert stage.look() == ([(endpoint, SENT_INVITE if invite else SENT_OPTIONS)], armed)
    assert machine.context == "owner"


def play(machine: InviteClient | NonInviteClient, stage: Stage, until: float) -> list[tuple[float, int]]:
    """Fire what is due up to `until`; gives when something was sent and what a fired timer said, if not 0."""
    told = []
    while (now := stage.timers.next_deadline()) is not None and now <= until:
        for _, timer in stage.due(now):
            result = machine.fire(timer, now, stage.out)
            sends, _ = stage.look()
            told += [(now, 0)] * len(sends)
            if result not in (0, UNANSWERED):
                told.append((now, result))
                return told
    return told


def test_an_unanswered_invite_is_sent_seven_times_in_32_seconds() -> None:
    """§17.1.1.2: "intervals of 500 ms, 1 s, 2 s, 4 s, 8 s, 16 s": seven requests with the first."""
    stage = Stage()
    machine = started(True, UDP, stage)
    stage.look()
    told = play(machine, stage, 100.0)
    assert told == [(0.5, 0), (1.5, 0), (3.5, 0), (7.5, 0), (15.5, 0), (31.5, 0), (32.0, TIMED_OUT)]


def test_an_unanswered_other_request_is_sent_at_most_every_t2() -> None:
    """§17.1.2.2: "500 ms, 1 s, 2 s, 4 s, 4 s, 4 s, etc."."""
    stage = Stage()
    machine = started(False, UDP, stage)
    stage.look()
    told = play(machine, stage, 100.0)
    assert [at for at, _ in told[:-1]] == [0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5]
    assert told[-1] == (32.0, TIMED_OUT)


@pytest.mark.parametrize("endpoint", [UDP, TCP])
@pytest.mark.parametrize("invite", [True, False])
def test_silence_ends_after_64_t1_over_any_transport(invite: bool, endpoint: Endpoint) -> None:
    stage = Stage()
    machine = started(invite, endpoint, stage)
    stage.look()
    assert play(machine, stage, 100.0)[-1] == (32.0, TIMED_OUT)


def test_a_wait_shorter_than_the_first_interval_is_kept() -> None:
    """A probe's: its timer F is its own, its repeats follow the T1 of everybody."""
    stage = Stage()
    machine = NonInviteClient(b"z9hG4bKours.0", UDP, SENT_OPTIONS, Timers(0.25 / 64), None)
    machine.interval = 0.5
    machine.start(0.0, stage.out)
    stage.look()
    assert play(machine, stage, 100.0) == [(0.25, TIMED_OUT)]


def test_a_provisional_answer_slows_another_request_down_to_t2() -> None:
    stage = Stage()
    machine = started(False, UDP, stage)
    stage.look()
    machine.answered(answer(100, b"OPTIONS"), 0.1, stage.out)
    assert play(machine, stage, 10.0) == [(0.5, 0), (4.5, 0), (8.5, 0)]


@pytest.mark.parametrize("endpoint", [UDP, TCP])
def test_a_provisional_answer_ends_an_invites_repeats(endpoint: Endpoint) -> None:
    stage = Stage()
    machine = started(True, endpoint, stage)
    stage.look()
    machine.answered(answer(100), 0.1, stage.out)
    assert play(machine, stage, 150.0) == []


@pytest.mark.parametrize(("ringing_at", "given_up_at"), [((), 192.0), ((100.0,), 320.0), ((31.0, 100.0, 189.0), 384.0)])
def test_timer_c_counts_from_the_last_ringing(ringing_at: tuple[float, ...], given_up_at: float) -> None:
    """§16.7 item 2: each 101 to 199 winds it anew, a 100 does not; it is looked at every 32 s (never early)."""
    stage = Stage()
    machine = started(True, UDP, stage)
    machine.answered(answer(100), 0.1, stage.out)
    told: list[tuple[float, int]] = []
    stage.look()
    for at in ringing_at:
        told += play(machine, stage, at)
        machine.answered(answer(183), at, stage.out)
    last = max(ringing_at, default=0.0) + 60
    told += play(machine, stage, last)
    machine.answered(answer(100), last, stage.out)
    told += play(machine, stage, 500.0)
    assert told == [(given_up_at, TIMED_OUT)]
    assert machine.state == PROCEEDING  # the owner's CANCEL may still bring a 487
    assert machine.data == SENT_INVITE


@pytest.mark.parametrize("status", [200, 486])
def test_the_request_is_let_go_with_the_final_answer(status: int) -> None:
    stage = Stage()
    for invite in (True, False):
        machine = started(invite, UDP, stage)
        machine.answered(answer(status), 0.0, stage.out)
        assert machine.data == machine.branch == b""


def test_timer_d_lasts_32_seconds_whatever_t1_is() -> None:
    """§17.1.1.2: "at least 32 seconds": the far end repeats its refusal by its own T1."""
    stage = Stage()
    machine = InviteClient(b"z9hG4bKours.0", UDP, SENT_INVITE, Timers(t1=0.1), None)
    machine.start(0.0, stage.out)
    stage.look()
    machine.answered(answer(486), 0.0, stage.out)
    assert stage.look()[1] == [(32.0, t.D)]


def test_answers_count_only_from_the_hop_that_was_asked() -> None:
    listener = Listener(0, "udp", "198.51.100.99", 5060)
    machine = ClientTransaction(b"k", UDP, b"", Timers(), None)
    assert machine.is_from(UDP)
    assert machine.is_from(Endpoint(listener, "192.0.2.7", 5060))
    assert not machine.is_from(Endpoint(listener, "192.0.2.8", 5060))
    assert not machine.is_from(Endpoint(listener, "192.0.2.7", 5061))
    assert not machine.is_from(TCP)


def test_on_a_stream_the_far_port_may_be_a_passing_one() -> None:
    machine = InviteClient(b"z9hG4bKours.0", TCP, SENT_INVITE, Timers(), None)
    assert machine.is_from(Endpoint(TCP.listener, TCP.host, 40_000, 9))
    assert not machine.is_from(Endpoint(TCP.listener, "192.0.2.8", TCP.port, 9))
