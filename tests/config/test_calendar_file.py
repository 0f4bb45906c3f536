"""Calendars of the operator's own: faults with their line, what is not covered, and a reload that swaps them."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import yaml
from tests.support.settings import daemon_settings

from ringfence.config import Bundle, ConfigError, Reloader, load_bundle
from ringfence.numbering import Numbering
from ringfence.screening import Call, Verdict

CHINA = (Path(__file__).resolve().parents[2] / "config/calendar/cn.yaml").read_text()
MARKETING = {
    "name": "desk", "holder": "Desk", "kind": "call_center", "sources": [{"address": "127.0.0.9"}], "marketing": True,
    "numbers": [{"number": "+862162345678"}],
}  # fmt: skip


def write(folder: Path, named: dict[str, str], trunk: dict[str, Any] = MARKETING, **parts: Any) -> Path:
    for name, text in named.items():
        (folder / name).write_text(text)
    settings = daemon_settings("127.0.0.1:5060", [], ["127.0.0.8:5060"])
    settings |= {"trunks": [trunk], "calendars": {"files": list(named)}, **parts}
    path = folder / "ringfence.yaml"
    path.write_text(yaml.safe_dump(settings, allow_unicode=True))
    return path


def faults(path: Path) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load_bundle(path)
    return [str(fault).replace(f"{path.parent}/", "") for fault in caught.value.faults]


def line_of(text: str, part: str) -> int:
    return next(at for at, line in enumerate(text.splitlines(), 1) if part in line)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("2026-10-10]", "2026-10-12]", "years.2026.working_days[5]: 2026-10-12 is a monday, which is worked anyway"),
        ("from: 2026-10-01, to: 2026-10-07", "from: 2026-10-07, to: 2026-10-01", "years.2026.holidays[6]: to is before from"),
        ("from: 2026-06-19", "from: 2025-06-19",
         "years.2026.holidays[4]: 端午节: not within 2026: write its days under their own year"),
        ("source: notice_2026", "source: rumour", "years.2026.source: no such source: rumour"),
        ("complete: false  ", "complet: false  ", "years.2027.complet: unknown key; did you mean complete?"),
        ("rest_days: [saturday, sunday]", "rest_days: [saturday, sun]",
         "rest_days[1]: must be 'monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday' or 'sunday'"),
    ],
)  # fmt: skip
def test_faults_have_their_line(tmp_path: Path, old: str, new: str, message: str) -> None:
    assert old in CHINA
    text = CHINA.replace(old, new, 1)
    assert faults(write(tmp_path, {"cn.yaml": text})) == [f"cn.yaml:{line_of(text, new)}: {message}"]


def test_two_calendars_of_one_country(tmp_path: Path) -> None:
    path = write(tmp_path, {"cn.yaml": CHINA, "again.yaml": CHINA})
    (found,) = faults(path)
    line = line_of(path.read_text(), "- again.yaml")
    assert found == f"ringfence.yaml:{line}: calendars.files[1]: a calendar of CN is cn.yaml already"


def test_a_province_that_the_plan_does_not_have(tmp_path: Path) -> None:
    own = {**MARKETING, "rules": {"calling_hours": {"provinces": {"YY": {}}}}}
    rules = {"calling_hours": {"provinces": {"ZZ": {}}, "mode": "off"}}
    found = faults(write(tmp_path, {}, own, screening={"rules": rules}))
    assert [fault.split(": ")[1] for fault in found] == [
        "screening.rules.calling_hours.provinces.ZZ", "trunks[0].rules.calling_hours.provinces.YY",
    ]  # fmt: skip


def said(bundle: Bundle, day: str) -> list[str]:
    return [str(gap).rpartition("/")[2] for gap in bundle.calendar_gaps(date.fromisoformat(day))]


RULE = "its days are taken as the rule calling_hours says under unknown_day"


def test_what_is_not_covered_is_said_with_its_line(tmp_path: Path) -> None:
    bundle = load_bundle(write(tmp_path, {"cn.yaml": CHINA}))
    line = line_of(CHINA, "  2027:")
    assert said(bundle, "2026-10-31") == []
    assert said(bundle, "2026-11-01") == [
        f"cn.yaml:{line}: years.2027: of 2027 only the holidays that the law fixes are known, no days shifted for them"
    ]
    assert said(bundle, "2028-01-01") == [
        f"cn.yaml:{line_of(CHINA, 'years:')}: years.2028: 2028 is not covered: {RULE}",
        f"calendar sg: years.2028: 2028 is not covered: {RULE}",
    ]


def test_nothing_is_said_where_nobody_is_judged_by_it(tmp_path: Path) -> None:
    assert said(load_bundle(write(tmp_path, {}, MARKETING | {"marketing": False})), "2031-01-01") == []


def test_a_plan_whose_country_has_no_calendar(tmp_path: Path) -> None:
    path = write(tmp_path, {}, calendars={"shipped": ["sg"]})
    assert said(load_bundle(path), "2026-05-01") == [f"calendars: none is of CN, the numbering plan's country: {RULE}"]


def reason(bundle: Bundle, text: str) -> str:
    read: Any = Numbering(bundle.settings.numbering).read
    at = datetime.fromisoformat(text).replace(tzinfo=ZoneInfo("Asia/Shanghai")).timestamp()
    call = Call(bundle.ledger.trunks["desk"], read("+862162345678"), read("+8613912345678"), at=at)
    verdict = bundle.pipeline.begin(call)
    return verdict.reason if isinstance(verdict, Verdict) else ""


def test_a_reload_takes_the_new_calendar_or_keeps_the_old_one(tmp_path: Path) -> None:
    rules = {"calling_hours": {"mode": "enforce"}}
    path = write(tmp_path, {"cn.yaml": CHINA}, screening={"rules": rules})
    reloader = Reloader(lambda files, generation: load_bundle(path, generation, files))
    before = reloader.current
    assert reason(before, "2026-10-08 10:00") == ""
    (tmp_path / "cn.yaml").write_text(CHINA.replace("to: 2026-10-07", "to: 2026-10-10"))
    assert not reloader.reload()  # the tenth is worked, it says below
    assert "is a holiday, or named twice" in str(reloader.faults[0]) and reloader.current is before
    (tmp_path / "cn.yaml").write_text(CHINA.replace("to: 2026-10-07", "to: 2026-10-08"))
    assert [reloader.poll() for _ in range(2)] == [False, True]
    assert reason(reloader.current, "2026-10-08 10:00") == "calling_hours.holiday"
    assert reason(before, "2026-10-08 10:00") == ""
