"""caller_number: every way to have no usable number."""

from __future__ import annotations

from typing import Any

import pytest

from ringfence.screening import Facts
from ringfence.screening.rules.caller_number import RULE, CallerNumber

OWN, OTHER = "+862162345678", "+862162345679"


@pytest.mark.parametrize(
    ("shown", "asserted", "private", "reason"),
    [
        (OWN, (), False, None),
        ("95588", (), False, None),
        ("", (), False, "missing"),
        ("anonymous", (), False, "anonymous"),
        ("anonymous", (), True, "anonymous"),  # nobody vouches for the hidden number
        ("alice", (), False, "malformed"),
        ("62345678", (), False, "malformed"),
        ("1" * 20, (), False, "too_long"),
        (OWN, OWN, False, None),
        (OWN, OWN, True, None),
        ("02162345678", OWN, False, None),  # two spellings of one number
        ("anonymous", OWN, True, None),  # lawful CLIR
        ("", OWN, True, None),
        ("anonymous", OWN, False, "anonymous"),
        ("", OWN, False, "missing"),
        (OWN, OTHER, False, None),  # that is identity_conflict's
        ("alice", OWN, True, "malformed"),
        ("1" * 20, OWN, False, "too_long"),
        (OWN, "alice", False, "malformed"),
        (OWN, "anonymous", True, "anonymous"),
        (OWN, "", False, "missing"),
        (OWN, (OWN, "021-6234-5678"), False, None),
        (OWN, (OWN, "alice"), False, None),
        (OWN, (OWN, OTHER), False, None),
        ("anonymous", (OWN, OTHER), True, None),
        ("anonymous", (OWN, OTHER), False, "anonymous"),
    ],
)
def test_table(make_call: Any, shown: str, asserted: str | tuple[str, ...], private: bool, reason: str | None) -> None:
    finding = RULE.judge(make_call(shown, asserted=asserted, private=private), Facts(), CallerNumber())
    assert (finding.reason if finding else None) == reason
    assert reason is None or reason in RULE.answers


def test_two_unreadable_numbers_are_not_one_number(make_call: Any) -> None:
    finding = RULE.judge(make_call("alice", callee="bob"), Facts(), CallerNumber())
    assert finding is not None and finding.reason == "malformed"
