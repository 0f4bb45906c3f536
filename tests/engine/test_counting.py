"""What operators read must have happened: each count moves with its cause, and with no other."""

from __future__ import annotations

from tests.support.stage import CALLER, GATEWAY, STRANGER, Stage
from tests.support.talk import answer, invite

from ringfence.screening import Facts, Rate

OBSERVED = {"consent": {"mode": "off"}, "harassment_score": {"mode": "off"}, "rate": {"mode": "observe", "limit": 5}}
QUIET = {rule: {"mode": "off"} for rule in ("rate", "harassment_score", "consent")}


def test_a_rule_that_only_observes_is_counted_and_changes_nothing() -> None:
    stage = Stage(rules=OBSERVED)
    stage.receive(invite())
    stage.facts(Facts(caller_rate=Rate(6, 60.0)))
    assert stage.summary() == ["caller 100", "gateway INVITE"]
    counters = stage.engine.state.counters
    assert counters.verdicts == {("", "forward", "bank"): 1}
    assert counters.findings == {("rate.over_limit", "observe", "bank"): 1}


def test_a_rule_that_decides_is_counted_with_its_mode() -> None:
    stage = Stage(rules=QUIET)
    stage.receive(invite(number="+862100000001"))
    assert stage.summary() == ["caller 403"]
    assert stage.engine.state.counters.findings == {("caller_authorised.not_granted", "enforce", "bank"): 1}
