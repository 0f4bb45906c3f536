"""caller_is_callee: nobody calls himself."""

from __future__ import annotations

from typing import Any

import pytest

from ringfence.screening import Facts
from ringfence.screening.rules.caller_is_callee import RULE, CallerIsCallee

OWN, OTHER = "+862162345678", "+862162345679"


@pytest.mark.parametrize(
    ("shown", "asserted", "callee", "speaks"),
    [
        (OWN, (), OTHER, False),
        (OWN, (), OWN, True),
        (OWN, (), "02162345678", True),
        ("anonymous", OWN, OWN, True),  # hidden, and calls himself
        (OWN, OTHER, OWN, True),  # the callee would see his own number
        ("95588", (), "95588", True),
        ("alice", (), "bob", False),  # two unreadable numbers are not one number
        ("", (), "", False),
    ],
)
def test_table(make_call: Any, shown: str, asserted: Any, callee: str, speaks: bool) -> None:
    finding = RULE.judge(make_call(shown, asserted=asserted, callee=callee), Facts(), CallerIsCallee())
    assert (finding is not None and finding.reason == "same_number") is speaks
