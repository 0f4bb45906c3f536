"""Which response each refusal gets, and that trunks learn no more than they should."""

from __future__ import annotations

import re
from typing import Literal

import pytest

from ringfence.screening import Refusal, ScreeningSettings
from ringfence.screening.answer import answer_for, answers_for
from ringfence.screening.discovery import RULES

CONTACT = {"url": "https://redress.example/", "email": "redress@example.com", "tel": "+862110000000"}
SETTINGS = ScreeningSettings.model_validate(
    {"contact": CONTACT, "retry_after": "90s", "tagging": {"header_prefix": "X-Guard"}}
)
BLOCKED = (
    b"Reason: SIP;cause=603;"
    b'text="v=analytics1;url=https://redress.example/;email=redress@example.com;tel=+862110000000";location=TN\r\n'
)
NAME = b"X-Guard-Reason: rate.over_limit\r\n"


@pytest.mark.parametrize(
    ("refusal", "explain", "blocked", "status", "phrase", "headers"),
    [
        (Refusal.FORBIDDEN, False, False, 403, b"Forbidden", b""),
        (Refusal.FORBIDDEN, False, True, 403, b"Forbidden", b""),
        (Refusal.FORBIDDEN, True, False, 403, b"Forbidden", b'Reason: Q.850;cause=21;text="over limit"\r\n' + NAME),
        (Refusal.DECLINED, False, True, 603, b"Decline", b""),
        (Refusal.DECLINED, True, True, 603, b"Decline", b'Reason: Q.850;cause=21;text="over limit"\r\n' + NAME),
        (Refusal.ANALYTICS, False, False, 608, b"Rejected", b""),
        (Refusal.ANALYTICS, True, False, 608, b"Rejected", NAME),
        (Refusal.ANALYTICS, False, True, 603, b"Network Blocked", BLOCKED),
        (Refusal.ANALYTICS, True, True, 603, b"Network Blocked", BLOCKED + NAME),
        (Refusal.LATER, False, False, 480, b"Temporarily Unavailable", b"Retry-After: 90\r\n"),
        (
            Refusal.LATER,
            True,
            False,
            480,
            b"Temporarily Unavailable",
            b'Retry-After: 90\r\nReason: Q.850;cause=41;text="over limit"\r\n' + NAME,
        ),
    ],
)
def test_response_choice(
    refusal: Refusal, explain: bool, blocked: bool, status: int, phrase: bytes, headers: bytes
) -> None:
    assert answer_for(refusal, "rate", "over_limit", explain, blocked, SETTINGS) == (status, phrase, headers)


def test_without_a_contact_603_plus_is_608() -> None:
    answer = answer_for(Refusal.ANALYTICS, "rate", "over_limit", False, True, ScreeningSettings())
    assert answer.status == 608


def test_contact_names_only_what_is_known() -> None:
    settings = ScreeningSettings.model_validate({"contact": {"tel": "+862110000000", "location": "LN"}})
    answer = answer_for(Refusal.ANALYTICS, "rate", "over_limit", False, True, settings)
    assert answer.headers == b'Reason: SIP;cause=603;text="v=analytics1;tel=+862110000000";location=LN\r\n'


@pytest.mark.parametrize("blocked", [False, True])
@pytest.mark.parametrize("explain", ["opaque", "explained"])
def test_every_reason_has_clean_header_lines(explain: Literal["opaque", "explained"], blocked: bool) -> None:
    answers = answers_for(explain, blocked, SETTINGS)
    assert set(answers) == {f"{name}.{reason}" for name, rule in RULES.items() for reason in rule.answers}
    for name, answer in answers.items():
        assert re.fullmatch(rb"(?:[A-Za-z-]+: [\x20-\x7e]+\r\n)*", answer.headers), name
        assert answer.headers.count(b'"') % 2 == 0
        rule, _, reason = name.partition(".")
        if explain == "opaque":
            assert rule.encode() not in answer.headers and reason.encode() not in answer.headers
        else:
            assert b"X-Guard-Reason: " + name.encode() in answer.headers


def test_reasons_of_the_shipped_rules() -> None:
    statuses = {name: answer.status for name, answer in answers_for("opaque", False, SETTINGS).items()}
    assert statuses["caller_authorised.unknown_holder"] == 403
    assert statuses["caller_number.anonymous"] == 403
    assert statuses["consent.no_consent"] == 403
    assert statuses["consent.refused"] == 603
    assert statuses["consent.unknown_consent"] == 480
    assert statuses["harassment_score.high"] == 608
    assert statuses["rate.over_limit"] == 608
