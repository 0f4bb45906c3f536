"""Which number means what, and who is believed to be the subscriber that he shows."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from tests.support.ledgers import load
from tests.support.trunks import trunk_of

from ringfence.ledger import Trunk
from ringfence.numbering import Numbering, NumberingSettings
from ringfence.screening import Call
from ringfence.voice import lines as v
from ringfence.voice.settings import LineSettings

NUMBERING = Numbering(NumberingSettings())
CHINA = timezone(timedelta(hours=8))
OWN = "+862160000001"
GRANTS = """\
    trunk,number,valid_from,valid_until,suspended,direction
    bank,+862160000001,,,,
    bank,+862160000002,2026-03-01,2026-03-31,,
    bank,+862160000003,,,true,
    bank,+862160000004,,,,receive
    bank,95588,,,,
"""


def call(trunk: Trunk, caller: str = OWN, callee: str = "12321", at: float = 0.0) -> Call:
    return Call(trunk, NUMBERING.read(caller), NUMBERING.read(callee, "010"), at=at)


def line(number: str, **given: Any) -> LineSettings:
    return LineSettings.model_validate({"number": number, "refuses": "everybody", **given})


@pytest.mark.parametrize(
    ("configured", "dialled"),
    [
        ("12321", "12321"),
        ("12321", "+8612321"),
        ("1232199", "1232199"),  # no number of the plan
        ("12321990", "12321990"),  # read as a local number of the trunk's area
        ("+861062345678", "01062345678"),
    ],
)
def test_a_line_is_found_however_it_is_written(configured: str, dialled: str) -> None:
    lines = v.build_lines([line(configured)], NUMBERING)
    found = v.line_of(lines, call(trunk_of(), callee=dialled))
    assert found is not None and found.number == configured
    assert v.line_of(lines, call(trunk_of(), callee="+8613900001000")) is None


def test_a_call_without_a_number_dials_nothing() -> None:
    assert v.line_of(v.build_lines([line("12321")], NUMBERING), call(trunk_of(), callee="")) is None


@pytest.mark.parametrize(
    ("number", "when", "sure"),
    [
        (OWN, "2026-03-15", True),
        ("+862160000002", "2026-03-15", True),
        ("+862160000002", "2026-04-01", False),
        ("+862160000003", "2026-03-15", False),
        ("+862160000004", "2026-03-15", False),
        ("+862160000099", "2026-03-15", False),
        ("95588", "2026-03-15", False),
        ("anonymous", "2026-03-15", False),
    ],
)
def test_who_is_believed(tmp_path: Path, number: str, when: str, sure: bool) -> None:
    trunk = load(tmp_path, {"grants.csv": GRANTS}).ledger.trunks["bank"]
    at = datetime.fromisoformat(when).replace(tzinfo=CHINA).timestamp()
    assert v.believed(call(trunk, number, at=at)) is sure


def test_only_what_is_confirmed_says_so() -> None:
    told = {name: v.answer_for(name, 30.0) for name in (v.RECORDED, v.STANDING, v.NOBODY, v.LIMITED, v.BUSY, v.FAILED)}
    assert {name for name, answer in told.items() if b"refusal recorded" in answer.headers} == v.CONFIRMED
    assert {answer.status for name, answer in told.items() if name in v.CONFIRMED} == {603}
    assert b"Retry-After: 30\r\n" in told[v.FAILED].headers
    assert all(answer.headers.endswith(b"\r\n") for answer in told.values())
