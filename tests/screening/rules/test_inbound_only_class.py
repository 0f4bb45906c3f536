"""inbound_only_class: what leads calls in leads none out."""

from __future__ import annotations

from typing import Any

import pytest

from ringfence.screening import Facts
from ringfence.screening.rules.inbound_only_class import RULE, InboundOnlyClass

OWN = "+862162345678"


@pytest.mark.parametrize(
    ("shown", "asserted", "reason"),
    [
        (OWN, (), None),
        ("95588", (), None),
        ("anonymous", (), None),
        ("4001234567", (), "never_calls"),
        ("+864001234567", (), "never_calls"),
        ("008008001234567", (), None),  # another country's number
        ("8001234567", (), "never_calls"),
        ("95013", (), "no_undertaking"),
        ("952123", (), "no_undertaking"),
        ("95799", (), None),  # filed
        ("4001234567", OWN, "never_calls"),  # what the callee would see
        (OWN, "4001234567", "never_calls"),
        ("anonymous", OWN, None),
    ],
)
def test_table(make_call: Any, shown: str, asserted: Any, reason: str | None) -> None:
    settings = InboundOnlyClass(undertakings=("957",))
    finding = RULE.judge(make_call(shown, asserted=asserted), Facts(), settings)
    assert (finding.reason if finding else None) == reason
    assert reason is None or reason in RULE.answers


def test_without_settings_nobody_filed_anything(make_call: Any) -> None:
    finding = RULE.judge(make_call("95799"), Facts(), InboundOnlyClass())
    assert finding is not None and finding.reason == "no_undertaking"
