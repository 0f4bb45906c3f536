"""What trunks may have differently, and the faults of those that may not."""

from __future__ import annotations

from typing import Any

import pytest
from tests.support.places import PLACES
from tests.support.trunks import ledger_of

from ringfence.screening import Need, Pending, Pipeline, PolicyError, Rate, Score, ScreeningSettings
from ringfence.screening.facts import Facts


def test_one_trunk_differs_and_the_other_does_not(make_trunk: Any, make_call: Any) -> None:
    own = {"numbers": [{"number": "+862162345678"}]}
    ledger = ledger_of(
        {"name": "strict", "rules": {"rate": {"mode": "enforce", "limit": 2, "points": 100}}, **own},
        {"name": "usual", **own},
    )
    screen = Pipeline(ScreeningSettings.model_validate({"rules": {"rate": {"window": "60s"}}}), ledger, PLACES)
    facts = Facts(score=Score(0), caller_rate=Rate(3, 60.0))
    for name, action in (("strict", "reject"), ("usual", "forward")):
        call = make_call(trunk=ledger.trunks[name])
        waiting = screen.begin(call)
        assert isinstance(waiting, Pending)
        assert screen.finish(call, waiting, facts).action == action


def test_an_override_keeps_what_it_does_not_name(make_trunk: Any, make_call: Any) -> None:
    trunk = make_trunk(rules={"rate": {"points": 1}})
    screen = Pipeline(
        ScreeningSettings.model_validate({"rules": {"rate": {"limit": 7, "mode": "enforce", "window": "1500ms"}}}),
        trunk.ledger,
        PLACES,
    )
    call = make_call(trunk=trunk)
    waiting = screen.begin(call)
    assert isinstance(waiting, Pending) and Need.CALLER_RATE in waiting.needs
    verdict = screen.finish(call, waiting, Facts(score=Score(0), caller_rate=Rate(8, 1.5)))
    assert [(judged.mode, judged.points) for judged in verdict.findings] == [("enforce", 1.0)]


def test_all_faults_are_named_with_their_place() -> None:
    bad = {"rate": {"limit": 0, "colour": 1}, "wangiri": {}}
    worse = {
        "rate": {"window": "60s"},
        "emergency": {"numbers": ["911"], "mode": "off"},
        "harassment_score": {"tag_at": 90},
    }
    ledger = ledger_of(
        {"name": "a-good", "rules": {"rate": {"limit": 5}}},
        {"name": "bad", "rules": bad, "network_blocked": True},
        {"name": "worse", "rules": worse},
    )
    with pytest.raises(PolicyError) as raised:
        Pipeline(ScreeningSettings(), ledger, PLACES)
    assert str(raised.value) == "\n".join(str(fault) for fault in raised.value.faults)
    assert [fault.location for fault in raised.value.faults] == [
        ("trunks", 1, "network_blocked"),
        ("trunks", 1, "rules", "rate", "limit"),
        ("trunks", 1, "rules", "rate", "colour"),
        ("trunks", 1, "rules", "wangiri"),
        ("trunks", 2, "rules", "rate", "window"),
        ("trunks", 2, "rules", "emergency", "numbers"),
        ("trunks", 2, "rules", "harassment_score"),
    ]
    lines = str(raised.value).splitlines()
    assert lines[0] == "trunks[1].network_blocked: needs screening.contact: whom to ask"
    assert lines[3].startswith("trunks[1].rules.wangiri: no such rule; there are callee_frequency, ")
    assert lines[4] == "trunks[2].rules.rate.window: one for the whole node: set it under screening.rules"


def test_603_plus_with_a_contact(make_trunk: Any, make_call: Any) -> None:
    trunk = make_trunk(network_blocked=True, rules={"harassment_score": {"mode": "enforce"}})
    settings = ScreeningSettings.model_validate({"contact": {"email": "redress@example.com"}})
    screen = Pipeline(settings, trunk.ledger, PLACES)
    call = make_call(trunk=trunk)
    waiting = screen.begin(call)
    assert isinstance(waiting, Pending)
    verdict = screen.finish(call, waiting, Facts(score=Score(99), caller_rate=Rate(1, 60.0)))
    assert verdict.answer is not None
    assert (verdict.answer.status, verdict.answer.phrase) == (603, b"Network Blocked")
    assert b"v=analytics1;email=redress@example.com" in verdict.answer.headers
