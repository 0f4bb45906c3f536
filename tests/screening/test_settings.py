"""Screening settings: rules by their files, and text that may stand in headers."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import ValidationError

from ringfence.screening import ContactSettings, ScreeningSettings, TaggingSettings
from ringfence.screening.discovery import RULES
from ringfence.screening.settings import RulesSettings


def test_every_rule_has_its_settings_without_being_named() -> None:
    settings = ScreeningSettings()
    assert {name: type(getattr(settings.rules, name)) for name in RULES} == {
        name: rule.settings for name, rule in RULES.items()
    }
    assert settings.rate_window == 3600.0


def test_rules_are_set_by_their_names() -> None:
    settings = ScreeningSettings.model_validate({"rules": {"rate": {"limit": 5, "window": "60s", "mode": "enforce"}}})
    assert (settings.rules.rate.limit, settings.rules.rate.window, settings.rules.rate.mode) == (5, 60.0, "enforce")
    assert settings.rate_window == 60.0


@pytest.mark.parametrize(
    ("part", "message"),
    [
        (
            {"rules": {"wangiri": {}}},
            "no such rule: wangiri; there are callee_frequency, caller_authorised, caller_is_callee, caller_number",
        ),
        ({"rules": {"rate": {"limti": 5}}}, "Extra inputs"),
        ({"rules": {"rate": {"mode": "on"}}}, "'off', 'observe' or 'enforce'"),
        ({"rules": {"emergency": {"mode": "off"}}}, "Extra inputs"),
        ({"rules": {"emergency": {"numbers": []}}}, "at least 1"),
        ({"rules": "all"}, "valid dictionary"),
        ({"tag_at": 90}, "tag_at is above reject_at"),
        ({"contact": {}}, "at least one of url, email, tel"),
        ({"retry_after": "500ms"}, "greater than or equal"),
    ],
)
def test_faults(part: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        ScreeningSettings.model_validate(part)


HOSTILE = ["x\r\nEvil: 1", 'x"y', "x\\y", "x\x00y", "x\ny", "x\x7fy", "x\u2028y"]


@pytest.mark.parametrize("text", HOSTILE)
def test_no_text_can_leave_its_header(text: str) -> None:
    with pytest.raises(ValidationError):
        TaggingSettings(display_prefix=text)
    with pytest.raises(ValidationError):
        TaggingSettings(call_info=f"https://example.com/{text}")
    with pytest.raises(ValidationError):
        TaggingSettings(header_prefix=f"P-{text}")
    with pytest.raises(ValidationError):
        ContactSettings(url=f"https://example.com/{text}")
    with pytest.raises(ValidationError):
        ContactSettings(email=f"{text}@example.com")
    with pytest.raises(ValidationError):
        ContactSettings(tel=f"+86{text}")


@pytest.mark.parametrize("text", ["https://a.example/;x", "https://a.example/<x>", "https://a b", "https://例子", ""])
def test_uris_stand_in_brackets_and_lists(text: str) -> None:
    with pytest.raises(ValidationError):
        ContactSettings(url=text)


def test_chinese_display_prefix_is_fine() -> None:
    assert TaggingSettings(display_prefix="【疑似骚扰】").display_prefix == "【疑似骚扰】"


def test_schema_shows_every_rule() -> None:
    schema = ScreeningSettings.model_json_schema()
    rules = schema["$defs"]["RulesSettings"]
    assert set(rules["properties"]) == set(RULES)
    assert rules["additionalProperties"] is False
    assert "limit" in schema["$defs"]["CallerRate"]["properties"]
    json.dumps(schema)


def test_every_field_is_described() -> None:
    for model in (ScreeningSettings, TaggingSettings, ContactSettings, RulesSettings):
        assert all(field.description for field in model.model_fields.values()), model


def test_settings_survive_a_round_trip() -> None:
    settings = ScreeningSettings.model_validate({"contact": {"tel": "+862112345678"}, "rules": {"rate": {"limit": 9}}})
    assert ScreeningSettings.model_validate(settings.model_dump(mode="json")) == settings
    assert ScreeningSettings.model_validate({"rules": settings.rules}).rules == settings.rules
