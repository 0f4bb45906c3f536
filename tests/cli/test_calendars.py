"""Calendars checked on the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.cli.command import Ringfence

CALENDARS = Path("config/calendar")


@pytest.mark.parametrize("name", ["cn", "sg"])
def test_the_calendars_that_come_with_it_have_no_fault(ringfence: Ringfence, name: str) -> None:
    answer = json.loads(ringfence("calendar", "check", CALENDARS / f"{name}.yaml", "--json").out)
    assert (answer["valid"], answer["calendar"], answer["country"]) == (True, name, name.upper())
    assert 2026 in answer["complete"]
    assert "no fault" in ringfence("calendar", "check", CALENDARS / f"{name}.yaml").out


def test_faults_have_file_and_line(ringfence: Ringfence, tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    text = (CALENDARS / "cn.yaml").read_text().replace("2026-10-10]", "2026-10-09]")
    file.write_text(text)
    line = next(at for at, each in enumerate(text.splitlines(), 1) if "2026-10-09]" in each)
    done = ringfence("calendar", "check", file)
    message = f"{file}:{line}: years.2026.working_days[5]: 2026-10-09 is a friday, which is worked anyway"
    assert done.code == 78 and message in done.out + done.err


def test_schema(ringfence: Ringfence) -> None:
    assert "years" in json.loads(ringfence("calendar", "schema").out)["properties"]
