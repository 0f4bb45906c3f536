"""What the counters say of one call, and what a scene complains about."""

from __future__ import annotations

from pathlib import Path

import pytest

from ringfence.config import load_bundle
from ringfence.demo.caller import CallReport
from ringfence.demo.ladder import Step
from ringfence.demo.play import Play, counted
from ringfence.demo.scenes import SCENES, Scene
from ringfence.demo.scrape import Samples
from ringfence.demo.softswitch import Seen, Softswitch


def verdict(action: str, rule: str = "", reason: str = "", trunk: str = "bank") -> Samples:
    return {f'ringfence_verdicts_total{{action="{action}",reason="{reason}",rule="{rule}",trunk="{trunk}"}}': 1.0}


@pytest.mark.parametrize(
    ("grown", "found"),
    [
        (verdict("forward"), ("forward", "")),
        (verdict("reject", "rate", "over_limit"), ("reject", "rate.over_limit")),
        ({}, ("", "")),
        (verdict("reject", "rate", "over_limit", trunk="carrier"), ("", "")),
        (verdict("forward") | verdict("reject", "rate", "over_limit"), ("", "")),
        ({"ringfence_verdicts_total_other": 1.0}, ("", "")),
    ],
)
def test_one_verdict_of_one_trunk_is_read(grown: Samples, found: tuple[str, str]) -> None:
    assert counted(grown, "bank") == found


class Store:
    def consent_add(self, callee: str, holder: str, until: int | None = None) -> None: ...
    def refuse(self, callee: str, holder: str) -> None: ...
    def score_set(self, number: str, points: float, seconds: int) -> None: ...


FORWARDED = Scene(title="", trunk="bank", caller="1", display="Name")
TAGGED = Scene(title="", trunk="bank", caller="1", display="Name", action="tag", reason="a.b")
REJECTED = Scene(title="", trunk="bank", caller="1", display="Name", action="reject", reason="a.b", status=403)
MARK = [("P-Ringfence-Reason", "a.b")]


@pytest.mark.parametrize(
    ("scene", "grown", "status", "display", "marks", "faults"),
    [
        (FORWARDED, verdict("forward"), 200, "Name", [], []),
        (TAGGED, verdict("tag", "a", "b"), 200, "[Suspected] Name", MARK, []),
        (REJECTED, verdict("reject", "a", "b"), 403, None, [], []),
        (FORWARDED, verdict("reject", "a", "b"), 403, None, [], ["verdict", "reason", "response", "callee sees"]),
        (TAGGED, verdict("tag", "a", "b"), 200, "Name", MARK, ["callee sees"]),
        (TAGGED, verdict("tag", "a", "b"), 200, "[Suspected] Name", [], ["the callee did not get"]),
        (FORWARDED, verdict("forward"), 200, "Name", [("P-Ringfence-Reason", "")], ["the callee got"]),
        (REJECTED, verdict("reject", "a", "b"), 403, "Name", [], ["callee sees"]),
        (REJECTED, {}, 0, None, [], ["verdict", "reason", "response"]),
    ],
)
def test_every_difference_is_a_fault(
    scene: Scene, grown: Samples, status: int, display: str | None, marks: list[tuple[str, str]], faults: list[str]
) -> None:
    softswitch = Softswitch()
    if display is not None:
        softswitch.seen["id"] = Seen("id", "2", "1", display, [], [], marks)
    play = Play(load_bundle(Path("config/ringfence.yaml"), environ={}), {}, softswitch, Store(), "http://none.invalid")
    report = CallReport("id", status, steps=[Step(0.0, "out", "INVITE"), Step(0.5, "in", f"{status} Text (INVITE)")])
    outcome = play._outcome(scene, report, grown)
    assert [fault.startswith(start) for fault, start in zip(outcome.faults, faults, strict=True)] == [True] * len(
        faults
    )
    assert outcome.seconds == 0.5


def test_the_script_has_every_kind_of_end() -> None:
    assert {scene.action for scene in SCENES} == {"forward", "tag", "reject"}
    assert {scene.trunk for scene in SCENES} == {"bank", "callcentre", "carrier", "abroad"}
