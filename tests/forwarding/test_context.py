from __future__ import annotations

import pytest
from tests.forwarding.support import CALLER, UDP, request

from ringfence.forwarding.best import Answer
from ringfence.forwarding.context import ResponseContext
from ringfence.forwarding.gateways import Hop
from ringfence.sip.address import Endpoint
from ringfence.transaction.client import ACCEPTED, CALLING, COMPLETED, DONE, PROCEEDING, InviteClient
from ringfence.transaction.server import InviteServer
from ringfence.transaction.timers import Timers


def made() -> ResponseContext:
    invite = request()
    server = InviteServer(1, invite, CALLER, b"", b"", Timers())
    context = ResponseContext(server, invite, CALLER)
    server.context = context
    return context


def branch(context: ResponseContext, state: int) -> InviteClient:
    far = Endpoint(UDP, "192.0.2.7", 5060)
    client = InviteClient(b"br", far, b"", Timers(), context, Hop(far, None))
    client.state = state
    return client


@pytest.mark.parametrize(
    ("states", "waiting"),
    [
        ([], False),
        ([CALLING], True),
        ([PROCEEDING], True),
        ([COMPLETED], False),
        ([ACCEPTED], False),
        ([DONE], False),
        ([COMPLETED, DONE, PROCEEDING], True),
        ([COMPLETED, DONE], False),
    ],
)
def test_it_waits_while_a_branch_may_still_answer(states: list[int], waiting: bool) -> None:
    context = made()
    context.clients = tuple(branch(context, state) for state in states)
    assert context.waiting is waiting


def test_a_finished_one_lets_the_memory_go() -> None:
    context = made()
    client = branch(context, ACCEPTED)
    context.clients = (client,)
    context.hops = (Hop(client.endpoint, None),)
    context.answers = (Answer(486, None),)
    context.edits = [(0, 0, b"")]
    server = context.server
    server.trail = object()
    assert not context.finished
    context.finish()
    assert context.finished
    assert (context.request, context.path, context.edits, server.context, server.trail) == (None,) * 5
    assert (context.hops, context.answers, context.clients) == ((), (), ())


def test_branches_that_have_ended_know_no_finished_context_but_one_way_back_for_a_2xx() -> None:
    context = made()
    by_state = {state: branch(context, state) for state in (CALLING, PROCEEDING, COMPLETED, ACCEPTED, DONE)}
    context.clients = tuple(by_state.values())
    context.finish()
    for state in (CALLING, PROCEEDING):  # they may answer yet, and are to be cancelled then
        assert by_state[state].context is context and by_state[state].hop is not None
    for state in (COMPLETED, DONE):
        assert by_state[state].context is None and by_state[state].hop is None
    assert by_state[ACCEPTED].context is context.server and by_state[ACCEPTED].hop is None
