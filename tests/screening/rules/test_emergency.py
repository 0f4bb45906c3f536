"""emergency: who is called decides, nothing else."""

from __future__ import annotations

from typing import Any

import pytest

from ringfence.numbering import Kind, Number
from ringfence.screening import Facts
from ringfence.screening.rules.emergency import RULE, Emergency


@pytest.mark.parametrize(
    ("callee", "called"),
    [
        ("110", True),
        ("119", True),
        ("120", True),
        ("122", True),
        ("+86110", True),
        ("0755120", True),
        ("+8610119", True),
        ("+86755122", True),
        ("114", False),
        ("12122", False),
        ("1101", False),
        ("+8613800138110", False),
        ("urn:service:sos", False),  # somebody's user part, no service URN
        ("", False),
    ],
)
def test_numbers(make_call: Any, callee: str, called: bool) -> None:
    finding = RULE.judge(make_call(callee=callee), Facts(), Emergency())
    assert (finding is not None and finding.reason == "called") is called


@pytest.mark.parametrize(
    ("urn", "called"),
    [
        ("urn:service:sos", True),
        ("urn:service:sos.police", True),
        ("urn:service:sos.ecall.manual", True),
        ("urn:service:sosumi", False),
        ("urn:service:counseling", False),
    ],
)
def test_service_urns(make_call: Any, urn: str, called: bool) -> None:
    call = make_call()
    call.callee = Number(urn, urn, Kind.SERVICE)
    assert (RULE.judge(call, Facts(), Emergency()) is not None) is called


def test_numbers_are_settings(make_call: Any) -> None:
    settings = Emergency(numbers=("112", "+8613912345678"))
    assert RULE.judge(make_call(callee="110"), Facts(), settings) is None
    assert RULE.judge(make_call(callee="112"), Facts(), settings) is not None
    assert RULE.judge(make_call(callee="13912345678"), Facts(), settings) is not None


def test_it_settles_and_asks_nothing() -> None:
    assert RULE.settles and not RULE.needs and RULE.rank == 0


def test_it_cannot_be_switched_off() -> None:
    assert not {"mode", "points"} & set(Emergency.model_fields)
