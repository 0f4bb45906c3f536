"""What a call leaves behind, and how much of it one message can make us hold: nothing, whatever a peer sends."""

from __future__ import annotations

from typing import Any

import pytest
from tests.support.stage import CALLER, GATEWAY, SECOND_GATEWAY, Stage
from tests.support.talk import answer, header, in_dialog, invite

from ringfence.sip.index import MAX_HEADERS

QUIET = {rule: {"mode": "off"} for rule in ("rate", "harassment_score", "consent")}


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
