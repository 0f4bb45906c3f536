"""rate: over the limit, not at it."""

from __future__ import annotations

from typing import Any

import pytest

from ringfence.screening import Facts, Rate, Unknown
from ringfence.screening.rules.rate import RULE, CallerRate


@pytest.mark.parametrize(
    ("rate", "speaks"),
    [
        (Rate(1, 3600.0), False),
        (Rate(60, 3600.0), False),
        (Rate(61, 3600.0), True),
        (Unknown("deadline"), False),
    ],
)
def test_table(make_call: Any, rate: Rate | Unknown, speaks: bool) -> None:
    finding = RULE.judge(make_call(), Facts(caller_rate=rate), CallerRate())
    assert (finding is not None) is speaks
    if finding is not None:
        assert finding.reason in RULE.answers
        assert finding.detail == "61 calls in 3600 s"


def test_limit_is_a_setting(make_call: Any) -> None:
    facts = Facts(caller_rate=Rate(3, 60.0))
    assert RULE.judge(make_call(), facts, CallerRate(limit=2)) is not None
    assert RULE.judge(make_call(), facts, CallerRate(limit=3)) is None
