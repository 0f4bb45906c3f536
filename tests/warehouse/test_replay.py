"""Calls of the past judged by another policy."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.support.stage import CALLER, OTHER_TRUNK, TRUNKS
from tests.support.talk import invite
from tests.warehouse.conftest import RING, History

from ringfence.config import ConfigError
from ringfence.records.settings import RetentionSettings
from ringfence.screening import CalleeCalls, Consent, Facts, Need, Rate, Score, Unknown
from ringfence.warehouse import replay as replay_module
from ringfence.warehouse.keeping import index_all
from ringfence.warehouse.replay import KINDS, Change, Outcome, facts_of, replay
from ringfence.warehouse.retention import keep_to

CALLEE = "+8613900000001"
OFF = {"mode": "off"}
AS_IT_WAS = {"rate": OFF, "harassment_score": OFF, "consent": OFF}


def policy(folder: Path, rules: dict[str, Any], trunks: tuple[Any, ...] = TRUNKS) -> Path:
    """A settings file whose trunks are the history's."""
    path = folder / "policy.yaml"
    settings = {
        "listeners": [{"name": "inside", "transport": "udp", "bind": "127.0.0.1:5060"}],
        "gateways": {"softswitch": {"targets": [{"uri": "sip:127.0.0.1:5080"}]}},
        "trunks": [dict(trunk) for trunk in trunks],
        "screening": {"rules": rules},
    }
    path.write_text(yaml.safe_dump(settings))
    return path


def judged(history: History, path: Path, workers: int | None = 1) -> Outcome:
    history.close()
    return replay(path, history.library(), 0, workers=workers)


def test_the_same_policy_changes_nothing(history: History, tmp_path: Path) -> None:
    history.call(CALLEE, talk=5)
    history.call(CALLEE, number="+8613700000000")
    history.call(CALLEE, number="+8613700000000", asserted="+861012345678")
    history.call("110", number="+8613700000000")
    outcome = judged(history, policy(tmp_path, AS_IT_WAS))
    assert (outcome.judged, outcome.unchanged, dict(outcome.skipped)) == (4, 4, {})


def test_what_would_change_by_holder_and_reason_with_examples(history: History, tmp_path: Path) -> None:
    for _ in range(5):
        history.call(CALLEE, number="+8613700000000")
    history.call(CALLEE, number="+8613700000000", source=OTHER_TRUNK)
    history.call(CALLEE)
    rules = {**AS_IT_WAS, "caller_authorised": {"mode": "enforce", "points": 60}}
    outcome = judged(history, policy(tmp_path, rules))
    reason = "caller_authorised.unknown_holder"
    bank = Change("bank", ("reject", reason), ("tag", reason))
    assert outcome.changes == {bank: 5, bank._replace(holder="acme"): 1}
    assert outcome.examples[bank] == [1, 2, 3]
    assert outcome.actions == {("reject", "tag"): 6, ("forward", "forward"): 1}
    assert (outcome.judged, outcome.unchanged) == (7, 1)


def test_the_facts_of_then_are_the_facts(history: History, tmp_path: Path) -> None:
    """Three marketing calls that a lenient policy let through: consented with many calls, not consented, unknown."""
    stage = history.stage
    lenient = {"rate": {"mode": "observe"}, "consent": {"mode": "observe"}, "harassment_score": {"mode": "observe"}}
    stage.engine.state.policy = stage.policy(2, rules=lenient)
    stage.engine.gateways_changed()
    for number, facts in enumerate(
        (
            Facts(Consent(True), Score(0.0), Rate(500, 3600.0)),
            Facts(Consent(False), Score(0.0), Rate(1, 3600.0)),
            Facts(Unknown("deadline"), Score(0.0), Rate(1, 3600.0)),
        )
    ):
        request = invite(
            number="+862112345678", callee=CALLEE, call_id=f"m{number}", branch=f"z9hG4bKm{number}", host=OTHER_TRUNK[0]
        )
        stage.receive(request, OTHER_TRUNK)
        stage.facts(facts)
        stage.take()
    rules = {
        "rate": {"mode": "enforce", "points": 100, "limit": 60},
        "consent": {"mode": "enforce"},
        "harassment_score": OFF,
    }
    outcome = judged(history, policy(tmp_path, rules))
    after = {change.after[1]: (change.after[0], count) for change, count in outcome.changes.items()}
    assert after == {
        "rate.over_limit": ("reject", 1),
        "consent.no_consent": ("reject", 1),
        "consent.unknown_consent": ("reject", 1),
    }
    hit = {change.after[1].partition(".")[0]: count for change, count in outcome.consented.items() if count}
    assert hit == {"rate": 1}


def test_what_cannot_be_judged_again_is_counted(history: History, tmp_path: Path) -> None:
    history.call(CALLEE, source=OTHER_TRUNK, number="+862112345678")
    history.stage.receive(invite(max_forwards=0, branch="z9hG4bKhops", call_id="hops"), CALLER)
    outcome = judged(history, policy(tmp_path, AS_IT_WAS, TRUNKS[:1]))
    assert outcome.judged == 0
    assert outcome.skipped == {"trunk is not in the new policy": 1, "never judged": 1}


def test_several_processes_find_the_same(history: History, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replay_module, "ALONE", 10)
    monkeypatch.setattr(replay_module, "CHUNK", 7)
    for number in range(60):
        history.call(CALLEE, number="+8613700000000" if number % 3 else "+861012345678")
    path = policy(tmp_path, {**AS_IT_WAS, "caller_authorised": {"mode": "observe"}})
    one = judged(history, path)
    seen: list[int] = []
    several = replay(path, history.library(), 0, seen.append, workers=2)
    assert several.changes == one.changes
    assert (several.judged, several.unchanged) == (one.judged, one.unchanged) == (60, 20)
    assert seen == sorted(seen)
    assert seen[-1] == 60
    assert all(len(examples) == 3 for examples in several.examples.values())


def test_since_and_thinned_segments(history: History, tmp_path: Path) -> None:
    history.call(CALLEE)
    history.call(CALLEE, number="+8613700000000")
    history.hour()
    history.call(CALLEE)
    history.close()
    index_all(history.folder, RING)
    retention = RetentionSettings.model_validate({"forwarded": "1h", "rejected": "9000d"})
    assert keep_to(retention, history.folder, history.clock + 3000, RING).thinned == 1
    library = history.library()
    assert library.estimate(0) == 2
    outcome = replay(policy(tmp_path, AS_IT_WAS), library, 0, workers=1)
    assert (outcome.judged, outcome.unchanged) == (2, 2)
    late = int((history.clock - 60) * 1e6)
    assert [sequence for sequence, _ in library.decisions(late)] == [3]


def test_every_fact_can_be_read_back() -> None:
    assert set(KINDS) == set(Need)


def test_facts_of_a_record() -> None:
    facts = facts_of('caller_rate=[3,60.0]\rconsent="deadline"')
    assert facts.caller_rate == Rate(3, 60.0)
    calls = facts_of("callee_calls=[[1764000000,1764000060]]").callee_calls
    assert isinstance(calls, CalleeCalls) and list(calls.times) == [1764000000, 1764000060]
    assert facts.consent == Unknown("deadline")
    assert facts.score == Unknown("not_recorded")


def test_a_policy_with_faults(history: History, tmp_path: Path) -> None:
    with pytest.raises(ConfigError):
        judged(history, policy(tmp_path, {"nonsense": {}}))
