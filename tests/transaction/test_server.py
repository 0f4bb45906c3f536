from __future__ import annotations

from itertools import product
from typing import NamedTuple

import pytest
from tests.transaction.support import SENT_INVITE, SENT_OPTIONS, TCP, UDP, Stage, request

from ringfence.sip.address import Endpoint
from ringfence.transaction import timers as t
from ringfence.transaction.server import (
    ACCEPTED,
    COMPLETED,
    CONFIRMED,
    DONE,
    PROCEEDING,
    TRYING,
    InviteServer,
    NonInviteServer,
)
from ringfence.transaction.timers import TERMINATED, TIMED_OUT, Timers

STATES = {
    "trying": TRYING,
    "proceeding": PROCEEDING,
    "completed": COMPLETED,
    "confirmed": CONFIRMED,
    "accepted": ACCEPTED,
    "done": DONE,
}
INVITE_STATES = ("proceeding", "ringing", "completed", "confirmed", "accepted", "done")
OTHER_STATES = ("trying", "proceeding", "completed", "done")
TIMERS = {name: getattr(t, name) for name in "ABDEFGHIJKLM"} | {"OWNER": t.OWNER}
ANSWERS = (100, 180, 200, 302, 486, 603)
INVITE_EVENTS: tuple[str | int, ...] = ("again", "ack", *ANSWERS, *TIMERS)
OTHER_EVENTS: tuple[str | int, ...] = ("again", *ANSWERS, *TIMERS)
ENDPOINTS = {"udp": UDP, "tcp": TCP}


class Then(NamedTuple):
    """state: after it. told: what the machine said (`respond` as 1). sent: the `new` or the `last` answer."""

    state: str
    told: int = 0
    sent: str = ""
    armed: tuple[tuple[float, str], ...] = ()


SENT = 1

INVITE: dict[tuple[str, str | int], Then] = {
    ("ringing", "again"): Then("proceeding", sent="last"),
    ("ringing", 100): Then("proceeding", SENT, "new"),
    ("completed", "again"): Then("completed", sent="last"),
    ("completed", "ack"): Then("confirmed", armed=((5.0, "I"),)),
    ("completed", "G"): Then("completed", sent="last", armed=((1.0, "G"), (31.5, "H"))),
    ("completed", "H"): Then("done", TIMED_OUT),
    ("confirmed", "I"): Then("done", TERMINATED),
    ("accepted", 200): Then("accepted", SENT, "new"),  # RFC 6026 §7.1
    ("accepted", "L"): Then("done", TERMINATED),
}
for _state in ("proceeding", "ringing"):
    INVITE |= {(_state, status): Then("proceeding", SENT, "new") for status in (100, 180)}
    INVITE[_state, 200] = Then("accepted", SENT, "new", ((32.0, "L"),))
    INVITE |= {(_state, status): Then("completed", SENT, "new", ((0.5, "G"),)) for status in (302, 486, 603)}

# No ("…", 180): RFC 4320 §4.1 forbids every provisional answer but 100.
OTHER: dict[tuple[str, str | int], Then] = {
    ("proceeding", "again"): Then("proceeding", sent="last"),
    ("completed", "again"): Then("completed", sent="last"),
    ("completed", "J"): Then("done", TERMINATED),
}
for _state in ("trying", "proceeding"):
    OTHER[_state, 100] = Then("proceeding", SENT, "new")
    OTHER |= {(_state, status): Then("completed", SENT, "new", ((32.0, "J"),)) for status in ANSWERS if status >= 200}


def words(status: int) -> bytes:
    return b"SIP/2.0 %d in so many words\r\n\r\n" % status


def made(invite: bool, endpoint: Endpoint) -> InviteServer | NonInviteServer:
    kind, data = (InviteServer, SENT_INVITE) if invite else (NonInviteServer, SENT_OPTIONS)
    return kind(1, request(data), endpoint, b"SIP/2.0/UDP x;branch=z9hG4bK1", b"", Timers())


def brought_to(
    state: str, invite: bool, endpoint: Endpoint, stage: Stage
) -> tuple[InviteServer | NonInviteServer, bytes]:
    """A machine that came to `state` by what happens on the wire, and the last answer that it gave."""
    machine = made(invite, endpoint)
    if state == "trying" or (invite and state == "proceeding"):
        return machine, b""
    last = {"ringing": 180, "proceeding": 100, "accepted": 200}.get(state, 486)
    machine.respond(last, words(last), 0.0, stage.out)
    if isinstance(machine, InviteServer) and state == "confirmed":
        # Over TCP nobody stays here (timer I is 0): the state is set to show that the pairs hold there, too.
        machine.acknowledged(0.0, stage.out)
        machine.state = CONFIRMED
    if state == "done":
        assert machine.fire(t.H if invite else t.J, 40.0, stage.out)
    assert machine.state == STATES["proceeding" if state == "ringing" else state]
    stage.look()
    return machine, words(last)


@pytest.mark.parametrize("transport", ENDPOINTS)
@pytest.mark.parametrize("invite", [True, False], ids=["invite", "other"])
def test_every_pair(invite: bool, transport: str) -> None:
    """A pair that nobody listed changes nothing, sends nothing, arms nothing and says 0."""
    table = INVITE if invite else OTHER
    endpoint = ENDPOINTS[transport]
    walked = set()
    for state, event in product(INVITE_STATES, INVITE_EVENTS) if invite else product(OTHER_STATES, OTHER_EVENTS):
        stage = Stage()
        machine, last = brought_to(state, invite, endpoint, stage)
        new = b""
        told = 0
        if isinstance(event, int):
            new = words(event) + b"!"
            told = int(machine.respond(event, new, 1.0, stage.out))
        elif event == "again":
            machine.retransmitted(stage.out)
        elif event == "ack":
            assert isinstance(machine, InviteServer)
            told = machine.acknowledged(1.0, stage.out)
        else:
            told = machine.fire(TIMERS[event], 1.0, stage.out)
        expected = table.get((state, event), Then("proceeding" if state == "ringing" else state))
        if transport == "tcp" and (state, event) == ("completed", "ack"):
            expected = Then("done", TERMINATED)  # §17.2.1: timer I is 0 over a reliable transport
        walked.add((state, event))
        sends, armed = stage.look()
        if transport == "tcp" and "G" in [name for _, name in expected.armed]:
            # Nothing is repeated over a reliable transport: H runs from the first.
            expected = expected._replace(armed=((1.0, "G"),) if event == "G" else ((32.0, "H"),))
        wait = [
            (0.0 if transport == "tcp" and name == "J" else seconds, TIMERS[name]) for seconds, name in expected.armed
        ]
        sent = {"": [], "new": [(endpoint, new)], "last": [(endpoint, last)]}[expected.sent]
        assert (machine.state, told, sends, armed) == (STATES[expected.state], expected.told, sent, wait), (
            state,
            event,
        )
    assert walked >= table.keys()


def test_a_refusal_is_repeated_until_acknowledged() -> None:
    """§17.2.1: timer G doubles up to T2; timer H ends it when no ACK comes."""
    stage = Stage()
    machine = made(True, UDP)
    assert isinstance(machine, InviteServer)
    machine.respond(486, words(486), 0.0, stage.out)
    at: list[float] = []
    told: list[tuple[float, int]] = []
    stage.look()
    while (now := stage.timers.next_deadline()) is not None:
        told += [(now, machine.fire(timer, now, stage.out)) for _, timer in stage.due(now)]
        at += [now] * len(stage.look()[0])
    assert at == [0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5]
    assert [entry for entry in told if entry[1]] == [(32.0, TIMED_OUT)]
    assert machine.response is None


def test_an_ack_silences_it() -> None:
    stage = Stage()
    machine = made(True, UDP)
    assert isinstance(machine, InviteServer)
    machine.respond(486, words(486), 0.0, stage.out)
    assert machine.acknowledged(0.2, stage.out) == 0
    stage.look()
    results = []
    for now in (0.5, 5.1, 5.2, 32.0):
        results += [machine.fire(timer, now, stage.out) for _, timer in stage.due(now)]
        machine.retransmitted(stage.out)
    assert results == [0, TERMINATED]  # G, I; H was never needed
    assert stage.look()[0] == []


@pytest.mark.parametrize("status", [200, 404])
@pytest.mark.parametrize("invite", [True, False])
def test_the_request_is_let_go_with_the_final_answer(invite: bool, status: int) -> None:
    stage = Stage()
    machine = made(invite, UDP)
    machine.respond(100, words(100), 0.0, stage.out)
    assert machine.request is not None
    machine.respond(status, words(status), 0.0, stage.out)
    assert machine.request is None


def test_an_accepted_invite_that_comes_again_is_absorbed() -> None:
    """RFC 6026 §7.1: "it MUST absorb any retransmissions of the INVITE": the far end repeats its 2xx by itself."""
    stage = Stage()
    machine = made(True, UDP)
    machine.respond(180, words(180), 0.0, stage.out)
    machine.respond(200, words(200), 0.0, stage.out)
    stage.look()
    machine.retransmitted(stage.out)
    assert stage.look() == ([], [])


def test_an_early_ack_changes_nothing() -> None:
    machine = made(True, UDP)
    assert isinstance(machine, InviteServer)
    assert machine.acknowledged(0.0, Stage().out) == 0
    assert machine.state == PROCEEDING
