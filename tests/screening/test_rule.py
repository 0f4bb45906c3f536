"""What a rule may not be."""

from __future__ import annotations

from typing import Any

import pytest

from ringfence.screening import Call, Facts, Finding, Need, Refusal, Rule, RuleSettings
from ringfence.settings_types import Frozen


def silent(call: Call, facts: Facts, settings: Frozen) -> Finding | None:
    return None


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"answers": {"Bad Reason": Refusal.FORBIDDEN}}, ValueError),
        ({"answers": {"x\r\nInjected: 1": Refusal.FORBIDDEN}}, ValueError),
        ({"answers": {"ok\n": Refusal.FORBIDDEN}}, ValueError),
        ({"settles": True, "needs": frozenset({Need.SCORE})}, ValueError),
        ({"settings": Frozen}, TypeError),
        (
            {
                "look": lambda call, settings: None,
                "prepare": lambda settings, places: None,
                "needs": frozenset({Need.SCORE}),
            },
            ValueError,
        ),
        ({"look": lambda call, settings: None}, ValueError),  # without needs there is nothing to be early for
    ],
)
def test_refused(arguments: dict[str, Any], error: type[Exception]) -> None:
    whole = {"settings": RuleSettings, "judge": silent, "answers": {"ok": Refusal.FORBIDDEN}} | arguments
    with pytest.raises(error):
        Rule(**whole)


def test_a_new_rule_starts_in_observe() -> None:
    assert RuleSettings().mode == "observe"
