"""identity_conflict: From, P-Asserted-Identity, P-Preferred-Identity and Remote-Party-ID say one number, or none."""

from __future__ import annotations

from typing import Any

import pytest

from ringfence.screening import Facts
from ringfence.screening.rules.identity_conflict import RULE, IdentityConflict

OWN, OTHER = "+862162345678", "+862162345679"


def judged(call: Any, settings: IdentityConflict | None = None) -> str | None:
    finding = RULE.judge(call, Facts(), settings or IdentityConflict())
    assert finding is None or finding.reason in RULE.answers
    return finding.reason if finding else None


@pytest.mark.parametrize(
    ("shown", "asserted", "reason"),
    [
        (OWN, (), None),
        (OWN, OWN, None),
        ("02162345678", OWN, None),  # two spellings of one number
        ("anonymous", OWN, None),
        ("", OWN, None),
        ("alice", OWN, None),  # no number contradicts none
        (OWN, "anonymous", None),
        (OWN, OTHER, "asserted"),
        ("02162345679", OWN, "asserted"),
        (OWN, (OWN, "021-6234-5678"), None),
        (OWN, (OWN, "alice"), None),
        (OWN, (OWN, OTHER), "asserted_values"),
        ("anonymous", (OWN, OTHER), "asserted_values"),
    ],
)
def test_from_and_what_is_asserted(
    make_call: Any, shown: str, asserted: str | tuple[str, ...], reason: str | None
) -> None:
    assert judged(make_call(shown, asserted=asserted)) == reason


@pytest.mark.parametrize("field", ["preferred", "remote_party"])
@pytest.mark.parametrize(
    ("shown", "asserted", "values", "speaks"),
    [
        (OWN, (), (OWN,), False),
        (OWN, (), ("021 6234 5678", "alice"), False),
        (OWN, (), (OTHER,), True),
        (OWN, (), (OWN, OTHER), True),
        ("anonymous", (), (OTHER,), False),  # nobody is judged: caller_number speaks
        ("anonymous", OWN, (OTHER,), True),
        ("anonymous", OWN, (OWN,), False),
    ],
)
def test_what_a_caller_wishes(
    make_call: Any, field: str, shown: str, asserted: Any, values: tuple[str, ...], speaks: bool
) -> None:
    call = make_call(shown, asserted=asserted, **{field: values})
    assert judged(call) == (field if speaks else None)
    assert judged(call, IdentityConflict(compare=frozenset())) is None


def test_a_main_number_may_be_shown_by_setting(make_call: Any) -> None:
    lenient = IdentityConflict(compare=frozenset(("preferred", "remote_party")))
    assert judged(make_call(OTHER, asserted=(OWN, OTHER)), lenient) is None
    assert judged(make_call(OTHER, asserted=OWN, remote_party=(OTHER,)), lenient) == "remote_party"
