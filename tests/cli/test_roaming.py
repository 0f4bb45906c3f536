"""Who is abroad, written to a real store and read back."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.cli.command import SAMPLE, Ringfence

CONFIG = ("--config", SAMPLE)
USAGE = 64  # sysexits(3): the command was used incorrectly


def unboxed(text: str) -> str:
    """A complaint without the frame and the line breaks that it is shown in."""
    return "".join(text.replace("│", "").split())


@pytest.mark.usefixtures("store")
def test_subscribers_go_and_come_back(ringfence: Ringfence, tmp_path: Path) -> None:
    assert ringfence("roaming", "show", *CONFIG).out == "0 subscribers are abroad\n"
    done = ringfence("roaming", "add", "13800000001", "+8617012345678", *CONFIG)
    assert done == (0, "2 abroad, 2 of them new\n", "")
    assert ringfence("roaming", "show", "+8613800000001", *CONFIG) == (0, "+8613800000001 is abroad\n", "")
    file = tmp_path / "roamers.txt"
    file.write_text("+8613800000001\n\n008613800000002\n")
    assert ringfence("roaming", "add", "--file", file, *CONFIG).out == "2 abroad, 1 of them new\n"
    assert json.loads(ringfence("roaming", "show", "--json", *CONFIG).out) == {"abroad": 3}
    assert ringfence("roaming", "remove", "--file", file, *CONFIG).out == "2 of 2 were abroad and are no more\n"
    done = ringfence("roaming", "show", "13800000001", "--json", *CONFIG)
    assert (done.code, json.loads(done.out)) == (1, {"number": "+8613800000001", "roaming": False})


@pytest.mark.usefixtures("store")
@pytest.mark.parametrize("text", ["02162345678", "95588", "+442079460001", "alice", "4001234567"])
def test_who_cannot_roam_is_not_recorded(ringfence: Ringfence, tmp_path: Path, text: str) -> None:
    done = ringfence("roaming", "add", text, *CONFIG)
    assert done.code == USAGE
    assert "isnonumberofasubscriberwhocouldroam" in unboxed(done.err)
    file = tmp_path / "roamers.txt"
    file.write_text(f"+8613800000001\n{text}\n")
    done = ringfence("roaming", "add", "--file", file, *CONFIG)
    assert done.code == USAGE
    assert "roamers.txt:2:" in unboxed(done.err)
    assert ringfence("roaming", "show", *CONFIG).out == "0 subscribers are abroad\n"


@pytest.mark.parametrize("arguments", [(), ("--file", "nowhere.txt")])
def test_something_must_be_given(ringfence: Ringfence, arguments: tuple[str, ...]) -> None:
    assert ringfence("roaming", "add", *arguments, *CONFIG).code == USAGE
