"""`ringfence records export|query`."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from tests.cli.command import Ringfence

EVER = "36500d"


@pytest.fixture
def folder(data: Path) -> Path:
    """Records of two calls, one of them answered."""
    return Path(shutil.copytree("tests/data/records/2", data / "records"))


def test_export_and_query(ringfence: Ringfence, folder: Path, tmp_path: Path) -> None:
    target = tmp_path / "out"
    assert ringfence("records", "export", "--parquet", target, "--since", EVER).out == "2 calls, 2 endings\n"
    question = "SELECT callee, action, final_status, talk_ms FROM stories ORDER BY sequence"
    done = ringfence("records", "query", "--parquet", target, question)
    header, *rows = [line.split() for line in done.out.splitlines()]
    assert header == ["callee", "action", "final_status", "talk_ms"]
    assert rows == [["+8613******000", "forward", "200", "0"], ["+8613******000", "reject"]]
    done = ringfence("records", "query", "--parquet", target, "--json", "SELECT arrived_at, caller FROM calls LIMIT 1")
    assert list(json.loads(done.out)[0]) == ["arrived_at", "caller"]
    log = [json.loads(line) for line in (folder / "access.log").read_text().splitlines()]
    assert [(entry["command"], entry["full"]) for entry in log] == [
        ("records export", False),
        ("records query", False),
        ("records query", False),
    ]


def test_whole_numbers_are_noted(ringfence: Ringfence, folder: Path, tmp_path: Path) -> None:
    target = tmp_path / "out"
    done = ringfence("records", "export", "--parquet", target, "--since", EVER, "--full", "--json")
    assert json.loads(done.out) == {"calls": 2, "endings": 2}
    found = ringfence("records", "query", "--parquet", target, "SELECT callee FROM calls")
    assert found.out.splitlines()[1] == "+8613900001000"
    log = [json.loads(line) for line in (folder / "access.log").read_text().splitlines()]
    assert [entry["full"] for entry in log] == [True, True]


def test_a_question_with_a_fault(ringfence: Ringfence, folder: Path, tmp_path: Path) -> None:
    ringfence("records", "export", "--parquet", tmp_path / "out", "--since", EVER)
    done = ringfence("records", "query", "--parquet", tmp_path / "out", "SELECT nothing FROM nowhere")
    assert (done.code, done.out) == (1, "")
    assert "cannot be answered" in done.err
