from __future__ import annotations

import pytest
from tests.forwarding.support import CALLER, UDP, request

from ringfence.forwarding.best import Answer
from ringfence.forwarding.context import Branch, Hop, ResponseContext
from ringfence.sip.address import Endpoint
from ringfence.transaction.client import ACCEPTED, CALLING, COMPLETED, DONE, PROCEEDING, InviteClient
from ringfence.transaction.server import InviteServer
from ringfence.transaction.timers import Timers


def made() -> ResponseContext:
    invite = request()
    server = InviteServer(("key",), invite, CALLER, b"", b"", Timers())
    context = ResponseContext(server, invite, CALLER)
    server.context = context
    return context


def branch(context: ResponseContext, state: int) -> InviteClient:
    far = Endpoint(UDP, "192.0.2.7", 5060)
    client = InviteClient(b"br", far, b"", Timers(), Branch(context, Hop(far, None)))
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
    context.clients = [branch(context, state) for state in states]
    assert context.waiting is waiting


def test_a_finished_one_lets_the_memory_go_but_not_the_branches() -> None:
    context = made()
    client = branch(context, ACCEPTED)
    context.clients.append(client)
    context.hops.append(Hop(client.endpoint, None))
    context.answers.append(Answer(486, None))
    context.edits.append((0, 0, b""))
    assert not context.finished
    context.finish()
    assert context.finished
    assert context.request is None
    assert context.server.context is None
    assert (context.hops, context.answers, context.edits) == ([], [], [])
    assert context.clients == [client]  # a repeat of its 2xx still finds its way
    assert context.call_id == b"a84b4c76e66710@192.0.2.10"


def test_contexts_share_no_list() -> None:
    one, other = made(), made()
    one.hops.append(Hop(CALLER, None))
    one.answers.append(Answer(486, None))
    one.edits.append((0, 0, b""))
    one.clients.append(branch(one, CALLING))
    assert not (other.hops or other.answers or other.edits or other.clients)
