"""irregular_number: one reason for each way in which a number is none of the plan's, or calls from no telephone."""

from __future__ import annotations

from typing import Any

import pytest

from ringfence.numbering import IRREGULARITIES
from ringfence.screening import Facts
from ringfence.screening.rules.irregular_number import RULE, IrregularNumber

OWN = "+862162345678"


def judged(call: Any) -> Any:
    finding = RULE.judge(call, Facts(), IrregularNumber())
    assert finding is None or finding.reason in RULE.answers
    return finding


@pytest.mark.parametrize(
    ("shown", "reason"),
    [
        (OWN, None),
        ("13800138000", None),
        ("17012345678", None),  # a virtual operator's number is as good as any
        ("95588", None),
        ("12345", None),
        ("+442079460001", None),
        ("4001234567", None),  # inbound_only_class speaks
        ("", None),  # caller_number speaks
        ("anonymous", None),
        ("alice", None),
        ("+861380013800", "wrong_length"),
        ("+8613800138", "wrong_length"),
        ("+862162345", "wrong_length"),
        ("+86955123456789", "wrong_length"),
        ("952", "wrong_length"),
        ("+86301234567", "unassigned"),
        ("16012345678", "unassigned"),
        ("2612345678", "unassigned"),
        ("+862112345678", "bad_subscriber"),
        ("0755 1234 5678", "bad_subscriber"),
        ("62345678", "no_area_code"),
        ("2345678", "no_area_code"),
        ("01095588", "area_before_code"),
        ("00000000000", "unknown_country"),
        ("222222222", "same_digit"),
        ("+862222222222", "same_digit"),
        ("442079460001", "unmarked_foreign"),
        ("+999123456789", "unknown_country"),
        ("+4420794600", "foreign_length"),
        ("1064899012345", "no_voice"),
        ("1440012345678", "no_voice"),
        ("106901234567", "no_voice"),
        ("14712345678", "restricted"),
        ("110", "wrong_trunk_kind"),
        ("021110", "wrong_trunk_kind"),
        ("10086", "wrong_trunk_kind"),
        ("114", "wrong_trunk_kind"),
    ],
)
def test_table_on_a_customers_trunk(make_call: Any, shown: str, reason: str | None) -> None:
    finding = judged(make_call(shown))
    assert (finding.reason if finding else None) == reason


@pytest.mark.parametrize("reason", [*IRREGULARITIES])
def test_every_irregularity_of_a_number_is_a_reason(reason: str) -> None:
    assert reason in RULE.answers


def test_a_data_line_weighs_less(make_call: Any) -> None:
    assert judged(make_call("14712345678")).strength == 0.6
    assert judged(make_call("2612345678")).strength == 1.0


@pytest.mark.parametrize(
    ("shown", "kind", "speaks"),
    [
        ("10086", "internal", False),
        ("10086", "interconnect", False),
        ("110", "interconnect", False),  # a rescue centre calls back
        ("110", "call_center", True),
        ("114", "platform", False),
        ("114", "enterprise", True),
    ],
)
def test_codes_of_others(make_call: Any, make_trunk: Any, shown: str, kind: str, speaks: bool) -> None:
    finding = judged(make_call(shown, trunk=make_trunk(kind=kind)))
    assert (finding is not None and finding.reason == "wrong_trunk_kind") is speaks


@pytest.mark.parametrize(
    ("shown", "province", "reason"),
    [
        ("96123", "SH", None),
        ("96123", "", "no_province"),
        ("+862196123", "SH", None),
        ("+862196123", "", None),
        ("075596123", "SH", "other_province"),
        ("075596123", "GD", None),
        ("097896123", "GD", None),  # an area of which no province is known
    ],
)
def test_codes_of_one_province(make_call: Any, make_trunk: Any, shown: str, province: str, reason: str | None) -> None:
    finding = judged(make_call(shown, trunk=make_trunk(province=province or None)))
    assert (finding.reason if finding else None) == reason


def test_the_number_that_is_shown_counts_too(make_call: Any) -> None:
    assert judged(make_call("2612345678", asserted=OWN)).reason == "unassigned"
    assert judged(make_call("anonymous", asserted=OWN)) is None
    assert judged(make_call(OWN, asserted="2612345678")).reason == "unassigned"
