from __future__ import annotations

from pathlib import Path

from ringfence.config.calendar_file import calendar_schema
from ringfence.config.document import calendar_pages, main, pages, plan_pages
from ringfence.config.plan_file import plan_schema
from ringfence.config.schema import json_schema
from ringfence.config.schema_tree import SchemaTree
from ringfence.config.settings import Settings

DOCS = Path(__file__).resolve().parents[2] / "docs/settings"
PAGES = pages(json_schema())


def section(page: str, key: str) -> str:
    return PAGES[page].split(f"## `{key}`\n", 1)[1].split("\n## ", 1)[0]


def test_the_committed_pages_are_what_the_models_say() -> None:
    committed = {path.name: path.read_text(encoding="utf-8") for path in DOCS.glob("*.md")}
    assert committed == PAGES, "run `make docs`"
    plans = {path.name: path.read_text(encoding="utf-8") for path in (DOCS.parent / "numbering").iterdir()}
    assert plans == plan_pages(), "run `make docs`"
    calendars = {path.name: path.read_text(encoding="utf-8") for path in (DOCS.parent / "calendar").iterdir()}
    assert calendars == calendar_pages(), "run `make docs`"


def test_a_page_for_each_root_key_and_a_section_for_each_key() -> None:
    assert set(PAGES) == {"README.md"} | {f"{name}.md" for name in Settings.model_fields}
    for key in SchemaTree(json_schema()).every_key():
        page = key.pattern.partition(".")[0].partition("[")[0]
        assert f"## `{key.pattern}`\n" in PAGES[f"{page}.md"]


def test_a_section_says_what_an_operator_asks() -> None:
    text = section("sip.md", "sip.timers.c")
    assert "- Value: duration" in text
    assert "- Limits: more than 3m" in text
    assert "- Default: `190s`" in text
    assert "- A change takes: reload" in text


def test_values_of_other_kinds() -> None:
    assert "- Value: `udp` or `tcp` or `tls`" in section("listeners.md", "listeners[].transport")
    assert "- Default: none, must be written" in section("listeners.md", "listeners[].transport")
    assert "- A change takes: restart" in section("listeners.md", "listeners[].transport")
    assert "- Value: file name\n- Default: not set" in section("secrets.md", "secrets.route_key_file")
    assert "- Default: `[503]`" in section("gateways.md", "gateways.*.failover_on")
    assert "- Limits: at least 1 item" in section("gateways.md", "gateways.*.targets")
    assert "- Default: that of the keys below" in section("sip.md", "sip.timers")
    assert "- Value: `true` or `false`\n- Default: `false`" in section("trunks.md", "trunks[].marketing")


def test_models_say_what_they_are_for() -> None:
    assert "emergency calls cannot be switched off" in section("screening.md", "screening.rules.emergency")


def test_pages_of_keys_that_are_gone_are_removed(tmp_path: Path) -> None:
    for folder in ("settings", "plans", "calendars"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "old.md").write_text("x")
    main(tmp_path / "settings", tmp_path / "plans", tmp_path / "calendars")
    assert {path.name for path in (tmp_path / "settings").iterdir()} == set(PAGES)
    assert {path.name for path in (tmp_path / "plans").iterdir()} == {"plan.md", "plan.schema.json"}
    assert {path.name for path in (tmp_path / "calendars").iterdir()} == {"calendar.md", "calendar.schema.json"}


def test_a_calendar_s_keys_say_what_they_are_for() -> None:
    assert "## `years.*.working_days`\n" in calendar_pages()["calendar.md"]
    assert [key.pattern for key in SchemaTree(calendar_schema()).every_key() if not key.description] == []


def test_a_plan_s_keys_say_what_they_are_for() -> None:
    page = plan_pages()["plan.md"]
    assert "## `classes.*.caller`\n" in page
    assert "inbound_only: it is called and never calls" in page
    assert [key.pattern for key in SchemaTree(plan_schema()).every_key() if not key.description] == []
