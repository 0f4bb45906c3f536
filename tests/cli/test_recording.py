"""`ringfence records`: what an operator sees of the records on disk."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import yaml
from tests.cli.command import SAMPLE, Ringfence

from ringfence.config import load
from ringfence.records.keys import open_keys
from ringfence.warehouse.keeping import index_all

VERSION_1 = Path("tests/data/records/1")


CALLEE = "+8613900001000"
EVER = "36500d"


def keep(folder: Path) -> None:
    """Encrypt and index, as the daemon's child does, under the keys of the sample configuration."""
    settings = load(SAMPLE)
    assert index_all(folder, open_keys(settings.records, settings.data_directory)) == (1, 0)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(VERSION_1, tmp_path / "copied"))


def test_verify_a_whole_folder(ringfence: Ringfence, folder: Path) -> None:
    done = ringfence("records", "verify", "--folder", folder)
    assert done.code == 0
    assert "sequence  1 to 5" in done.out
    assert done.out.endswith("verdict   whole\n")


def test_verify_names_what_is_wrong_with_file_and_place(ringfence: Ringfence, folder: Path) -> None:
    (path,) = folder.glob("*.rec")
    path.write_bytes(path.read_bytes().replace(b"caller_authorised", b"caller_AUTHORISED"))
    done = ringfence("records", "verify", "--folder", folder)
    assert done.code == 1
    assert f"{path.name}:" in done.out
    assert ": edit: the digest does not fit" in done.out


def test_verify_as_json(ringfence: Ringfence, folder: Path) -> None:
    (path,) = folder.glob("*.rec")
    path.write_bytes(path.read_bytes()[:-10])
    done = ringfence("records", "verify", "--folder", folder, "--json")
    answer = json.loads(done.out)
    assert (done.code, answer["records"], answer["troubles"][0]["kind"]) == (1, 5, "cut")


def test_verify_finds_the_folder_in_the_settings(ringfence: Ringfence, data: Path) -> None:
    shutil.copytree(VERSION_1, data / "records")
    assert ringfence("records", "verify", "--config", SAMPLE).code == 0


def test_verify_where_there_are_none(ringfence: Ringfence, tmp_path: Path) -> None:
    done = ringfence("records", "verify", "--folder", tmp_path / "none")
    assert (done.code, done.out) == (1, "")
    assert "cannot be read" in done.err


@pytest.mark.parametrize("indexed", [True, False])
def test_trace(ringfence: Ringfence, folder: Path, indexed: bool) -> None:
    if indexed:
        keep(folder)
    done = ringfence("trace", "--folder", folder, "--config", SAMPLE, "--callee", CALLEE, "--caller", "+861062345678")
    assert done.code == 0
    for line in (
        "hop in       bank (enterprise) from udp 192.0.2.1:5060",
        "holder       bank",
        'shown        +8610*****678: "Bank" <sip:+8610*****678@192.0.2.1>;tag=caller-tag',
        "asserted     nothing",
        "called       +8613******000",
        "verdict      forward, by settings of generation 1",
        "hop out      softswitch/sip:198.51.100.1:5060 at udp:198.51.100.1:5060",
        "answer       200 after 2.0 s, rang after 1.0 s",
        "released by  caller",
    ):
        assert line in done.out.splitlines()
    assert ("not indexed" in done.err) == (not indexed)


def test_trace_in_full_and_what_the_access_log_says(ringfence: Ringfence, folder: Path) -> None:
    done = ringfence("trace", "--folder", folder, "--config", SAMPLE, "--callee", CALLEE, "--full", "--json")
    calls = json.loads(done.out)
    assert [call["callee"]["number"] for call in calls] == [CALLEE, CALLEE]
    assert calls[0]["verdict"]["findings"][0]["reason"] == "caller_authorised.not_granted"
    entry = json.loads((folder / "access.log").read_text())
    assert (entry["command"], entry["found"], entry["full"]) == ("trace", 2, True)
    assert entry["question"] == {"callee": "+8613******000"}


def test_trace_by_time(ringfence: Ringfence, folder: Path) -> None:
    written = json.loads(ringfence("trace", "--folder", folder, "--config", SAMPLE, "--callee", CALLEE, "--json").out)
    arguments = ("trace", "--folder", folder, "--config", SAMPLE, "--callee", CALLEE, "--within", "1m", "--at")
    assert ringfence(*arguments, written[0]["at"]).code == 0
    done = ringfence(*arguments, "2020-01-01T00:00")
    assert (done.code, done.out) == (1, "no such call\n")


@pytest.mark.parametrize(
    "wrong", [(), ("--callee", "anonymous"), ("--callee", CALLEE, "--at", "noon")], ids=["nothing", "number", "time"]
)
def test_trace_of_what_cannot_be_asked(ringfence: Ringfence, folder: Path, wrong: tuple[str, ...]) -> None:
    assert ringfence("trace", "--folder", folder, "--config", SAMPLE, *wrong).code == 64


def test_find(ringfence: Ringfence, folder: Path) -> None:
    done = ringfence("records", "find", "--folder", folder, "--since", EVER, "--action", "reject")
    header, row = done.out.splitlines()
    assert header.split() == ["record", "at", "trunk", "caller", "callee", "action", "reason", "status"]
    assert row.split()[3:] == ["+8613******000", "+8613******000", "reject", "caller_authorised.not_granted", "403"]
    assert ringfence("records", "find", "--folder", folder, "--since", EVER, "--trunk", "nobody").code == 1
    assert ringfence("records", "find", "--folder", folder, "--action", "odd").code == 64


def test_show_and_explain(ringfence: Ringfence, folder: Path, data: Path) -> None:
    shutil.copytree(folder, data / "records")
    shown = ringfence("records", "show", "2", "--config", SAMPLE)
    assert "record       2, " in shown.out
    assert ringfence("explain", "--record", "2", "--config", SAMPLE).out == shown.out
    refused = json.loads(ringfence("explain", "--record", "5", "--json", "--config", SAMPLE).out)
    assert (refused["verdict"]["action"], refused["verdict"]["answered"], refused["out"]) == ("reject", 403, None)
    assert ringfence("records", "show", "3", "--config", SAMPLE).code == 1
    assert ringfence("explain", "--record", "2", "--trunk", "bank", "--config", SAMPLE).code == 64
    assert ringfence("explain", "--config", SAMPLE).code == 64


def test_nothing_is_shown_that_cannot_be_noted(ringfence: Ringfence, folder: Path) -> None:
    (folder / "access.log").mkdir()
    done = ringfence("records", "show", "2", "--folder", folder)
    assert (done.code, done.out) == (1, "")
    assert "must be noted" in done.err


def test_replay(ringfence: Ringfence, folder: Path, tmp_path: Path) -> None:
    policy = tmp_path / "policy.yaml"
    settings = yaml.safe_load(SAMPLE.read_text())
    del settings["ledger"]
    settings["trunks"] = [
        {
            "name": "bank",
            "holder": "bank",
            "kind": "enterprise",
            "sources": [{"address": "192.0.2.1"}],
            "gateways": "default",
            "numbers": [{"prefix": "+86137"}],
        }
    ]
    policy.write_text(yaml.safe_dump(settings))
    done = ringfence("replay", "--policy", policy, "--folder", folder, "--since", EVER, "--config", SAMPLE)
    assert done.code == 0
    assert done.out.splitlines()[0].startswith("judged     2 calls in ")
    rows = [line.split() for line in done.out.splitlines()[-2:]]
    assert sorted(row[:-2] for row in rows) == [
        ["bank", "forward", "reject", "caller_authorised.unknown_holder", "1"],
        ["bank", "reject", "caller_authorised.not_granted", "forward", "1"],
    ]
    answer = json.loads(
        ringfence("replay", "--policy", policy, "--folder", folder, "--since", EVER, "--json", "--workers", "1").out
    )
    assert (answer["judged"], answer["unchanged"], answer["skipped"]) == (2, 0, {})
    assert {change["rule"] for change in answer["changes"]} == {"caller_authorised"}
    assert sorted(change["examples"] for change in answer["changes"]) == [[2], [5]]


def test_replay_with_faults_in_the_policy(ringfence: Ringfence, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "policy.yaml").write_text("nonsense: 1")
    done = ringfence("replay", "--policy", tmp_path / "policy.yaml", "--folder", folder, "--config", SAMPLE)
    assert done.code == 78


@pytest.mark.parametrize(
    ("assigned", "reason"), [(False, "unknown_holder"), (True, "held_not_granted")], ids=["unknown", "assigned"]
)
def test_another_ledger_judges_recorded_calls(
    ringfence: Ringfence,
    folder: Path,
    data: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    assigned: bool,
    reason: str,
) -> None:
    new = Path(shutil.copytree(SAMPLE.parent / "ledger", tmp_path / "new"))
    if assigned:
        with (new / "resources.csv").open("a") as resources:
            resources.write("Example Bank,+861062345678,,,,,,,\n")
    # The command sets it for the processes that judge; this takes it back after the test.
    monkeypatch.setenv("RINGFENCE_LEDGER__FOLDER", str(new))
    done = ringfence("ledger", "dry-run", new, "--recorded", EVER, "--folder", folder, "--config", SAMPLE, "--json")
    assert done.code == 0, done.err
    answer = json.loads(done.out)
    assert answer["judged"] == 2
    (change,) = [each for each in answer["changes"] if each["before"]["action"] == "forward"]
    assert change["after"] == {"action": "reject", "reason": f"caller_authorised.{reason}"}


def test_a_dry_run_wants_one_source_of_calls(ringfence: Ringfence, tmp_path: Path) -> None:
    assert ringfence("ledger", "dry-run", tmp_path).code == 64
