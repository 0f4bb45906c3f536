"""domestic_from_abroad: what is at home does not come in from abroad, unless it roams there."""

from __future__ import annotations

from typing import Any

import pytest
from tests.support.places import PLACES

from ringfence.screening import Facts, Pending, Pipeline, Roaming, ScreeningSettings, Unknown, Verdict
from ringfence.screening.rules.domestic_from_abroad import RULE, DomesticFromAbroad

MOBILE, OTHER_MOBILE, FIXED, FOREIGNER = "+8613800138000", "+8613800138001", "+862162345678", "+442079460001"


@pytest.mark.parametrize(
    ("shown", "asserted", "reason"),
    [
        (FOREIGNER, (), None),
        ("anonymous", (), None),
        ("alice", (), None),
        (MOBILE, (), None),  # to be asked about
        ("17012345678", (), None),
        (FIXED, (), "never_roams"),
        ("02162345678", (), "never_roams"),
        ("008602162345678", (), "never_roams"),
        ("4001234567", (), "never_roams"),
        ("1440012345678", (), "never_roams"),
        ("95588", (), "code"),
        ("+8695588", (), "code"),
        ("96123", (), "code"),
        ("+862196123", (), "code"),
        ("10086", (), "code"),
        ("110", (), "code"),
        ("12345", (), "code"),
        ("106901234567", (), "code"),
        ("+8613900", (), None),  # unreadable: caller_number speaks
        ("2125551234", (), "never_roams"),  # an American number without its country is Shanghai's
        (FIXED, FOREIGNER, "never_roams"),
        (FOREIGNER, FIXED, "never_roams"),
    ],
)
def test_what_is_said_at_once(make_call: Any, shown: str, asserted: Any, reason: str | None) -> None:
    assert RULE.look is not None
    finding = RULE.look(make_call(shown, asserted=asserted), DomesticFromAbroad())
    assert (finding.reason if finding else None) == reason
    assert reason is None or reason in RULE.answers


@pytest.mark.parametrize(
    ("shown", "asserted", "roaming", "reason"),
    [
        (FOREIGNER, (), Roaming(False), None),
        (MOBILE, (), Roaming(True), None),
        (MOBILE, (), Roaming(False), "not_roaming"),
        ("13800138000", (), Roaming(False), "not_roaming"),
        ("8613800138000", (), Roaming(True), None),
        (MOBILE, (), Unknown("deadline"), "roaming_unknown"),
        (MOBILE, (), Unknown("no_check"), "roaming_unknown"),
        (MOBILE, FOREIGNER, Roaming(False), "shown_at_home"),
        (MOBILE, FOREIGNER, Roaming(True), "shown_at_home"),
        (FOREIGNER, MOBILE, Roaming(True), None),
        (OTHER_MOBILE, MOBILE, Roaming(True), "two_numbers"),
        ("anonymous", MOBILE, Roaming(True), None),
        ("anonymous", MOBILE, Roaming(False), "not_roaming"),
    ],
)
def test_what_is_said_when_roaming_is_known(
    make_call: Any, shown: str, asserted: Any, roaming: Roaming | Unknown, reason: str | None
) -> None:
    finding = RULE.judge(make_call(shown, asserted=asserted), Facts(roaming=roaming), DomesticFromAbroad())
    assert (finding.reason if finding else None) == reason
    assert reason is None or reason in RULE.answers


def test_without_an_answer_the_settings_decide(make_call: Any) -> None:
    lenient = DomesticFromAbroad(when_unknown="forward")
    assert RULE.judge(make_call(MOBILE), Facts(roaming=Unknown("deadline")), lenient) is None
    finding = RULE.judge(make_call(MOBILE), Facts(roaming=Roaming(False)), lenient)
    assert finding is not None and finding.reason == "not_roaming"


@pytest.mark.parametrize(
    ("kind", "expected"), [("international", True), ("interconnect", False), ("enterprise", False)]
)
def test_trunks_it_concerns(make_trunk: Any, kind: str, expected: bool) -> None:
    assert RULE.applies is not None
    assert RULE.applies(make_trunk(kind=kind), DomesticFromAbroad()) is expected


@pytest.mark.parametrize("mode", ["observe", "enforce"])
def test_a_fixed_number_is_refused_without_asking_and_spoken_about_once(
    make_call: Any, make_trunk: Any, mode: str
) -> None:
    trunk = make_trunk(kind="international")
    quiet = {name: {"mode": "off"} for name in ("harassment_score", "rate")}
    rules = {**quiet, "domestic_from_abroad": {"mode": mode}}
    screen = Pipeline(ScreeningSettings.model_validate({"rules": rules}), trunk.ledger, PLACES)
    call = make_call(FIXED, trunk=trunk)
    began = screen.begin(call)
    if mode == "enforce":
        assert isinstance(began, Verdict)
        assert (began.action, began.reason) == ("reject", "domestic_from_abroad.never_roams")
        return
    assert isinstance(began, Pending)
    verdict = screen.finish(call, began, Facts(roaming=Roaming(False)))
    assert (verdict.action, [judged.reason for judged in verdict.findings]) == (
        "forward",
        ["domestic_from_abroad.never_roams"],
    )
