"""`ringfence records`: what an operator sees of the records on disk."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from tests.cli.command import SAMPLE, Ringfence

VERSION_1 = Path("tests/data/records/1")


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
