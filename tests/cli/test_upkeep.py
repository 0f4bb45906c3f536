"""`ringfence records retain|rotate|accesses`, and what an operator sees of encrypted records."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from tests.cli.command import SAMPLE, Ringfence

from ringfence.config import load
from ringfence.records.keys import open_keys
from ringfence.warehouse.keeping import index_all

CALLEE = "+8613900001000"


@pytest.fixture
def folder(data: Path) -> Path:
    """Records of two calls, as the first version of the schema wrote them, kept under the keys of the sample configuration."""
    folder = Path(shutil.copytree("tests/data/records/1", data / "records"))
    settings = load(SAMPLE)
    assert index_all(folder, open_keys(settings.records, settings.data_directory)) == (1, 0)
    return folder


def test_no_number_is_in_any_file(folder: Path) -> None:
    for path in folder.rglob("*"):
        if path.is_file():
            assert CALLEE.encode() not in path.read_bytes(), path
            assert path.stat().st_mode & 0o077 == 0


def test_retain_tells_and_then_does(ringfence: Ringfence, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("EMERGENCY", "MARKETING", "REJECTED", "TAGGED"):
        monkeypatch.setenv(f"RINGFENCE_RECORDS__RETENTION__{name}", "36500d")
    monkeypatch.setenv("RINGFENCE_RECORDS__RETENTION__FORWARDED", "1h")
    told = json.loads(ringfence("records", "retain", "--dry-run", "--json").out)
    forwarded = {"days": 1 / 24, "over": 1, "left": 0}
    assert (told["thinned"], told["segments"], told["classes"]["forwarded"]) == (1, 0, forwarded)
    assert ringfence("records", "show", "2").code == 0
    done = ringfence("records", "retain")
    assert done.out.splitlines()[0].split() == ["class", "days", "deleted", "left"]
    assert done.out.splitlines()[-1] == "0 files were deleted, 1 were thinned"
    assert ringfence("records", "show", "2").code == 1
    assert ringfence("records", "show", "5").code == 0
    verified = ringfence("records", "verify")
    assert (verified.code, "0 segments deleted, 1 thinned" in verified.out) == (0, True)


def test_workers_spools_are_kept_too(
    ringfence: Ringfence, folder: Path, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in (1, 2):
        shutil.copytree(folder, folder / f"worker-{number}", ignore=shutil.ignore_patterns("worker-*"))
    file = data / "keys/records.key"
    file.write_text("ab" * 32 + "\n" + file.read_text())
    assert ringfence("records", "rotate").out == "3 of 3 files were put under the present key\n"
    file.write_text("ab" * 32)
    verified = json.loads(ringfence("records", "verify", "--json").out)
    assert [(spool["records"], spool["troubles"]) for spool in verified["spools"]] == [(5, [])] * 3
    for name in ("EMERGENCY", "MARKETING", "REJECTED", "TAGGED", "FORWARDED"):
        monkeypatch.setenv(f"RINGFENCE_RECORDS__RETENTION__{name}", "1h")
    told = json.loads(ringfence("records", "retain", "--json").out)
    assert (told["segments"], told["classes"]["forwarded"]["over"]) == (3, 3)
    assert not list(folder.rglob("*.vault"))
    assert ringfence("records", "verify").code == 0
    assert ringfence("records", "retain", "--folder", data / "none").code == 1


def test_rotate(ringfence: Ringfence, folder: Path, data: Path) -> None:
    file = data / "keys/records.key"
    old = file.read_text()
    file.write_text("ab" * 32 + "\n" + old)
    assert ringfence("records", "rotate").out == "1 of 1 files were put under the present key\n"
    file.write_text("ab" * 32)
    assert ringfence("records", "verify").code == 0
    assert f"called       {CALLEE}" in ringfence("records", "show", "2", "--full").out
    file.write_text(old)
    done = ringfence("records", "show", "2")
    assert (done.code, "not in records.key_file" in done.err) == (1, True)


def test_accesses(ringfence: Ringfence, folder: Path) -> None:
    ringfence("records", "show", "2", "--full")
    ringfence("trace", "--callee", CALLEE)
    listed = ringfence("records", "accesses")
    assert listed.code == 0
    rows = [line.split()[2:] for line in listed.out.splitlines()[1:3]]
    assert rows[0][:2] == ["records", "show"]
    assert rows[0][-3:] == ["record=2", "1", "full"]
    assert rows[1] == ["trace", "callee=+8613******000", "2", "masked"]
    log = folder / "access.log"
    log.write_text(log.read_text().replace('"found":1', '"found":0'))
    done = ringfence("records", "accesses", "--json")
    assert done.code == 1
    assert json.loads(done.out)["fault"].startswith("access.log:1: its hash does not fit")
    assert ringfence("records", "show", "2").code == 0
