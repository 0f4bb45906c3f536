"""A journal's lines hang together: what is changed, put in or taken out shows."""

from __future__ import annotations

import multiprocessing
from pathlib import Path

import pytest

from ringfence.records import journal
from ringfence.records.errors import RecordsError


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "a.log"
    for number in range(5):
        journal.append(path, {"number": number, "text": "é", "at": 1700000000.123})
    return path


def test_what_was_appended_is_read(file: Path) -> None:
    lines = list(journal.read(file))
    assert [line.entry["number"] for line in lines] == [0, 1, 2, 3, 4]
    assert [line.fault for line in lines] == [""] * 5
    assert file.stat().st_mode & 0o777 == 0o600


def test_no_file_is_no_lines(tmp_path: Path) -> None:
    assert list(journal.read(tmp_path / "none")) == []


@pytest.mark.parametrize("line", range(4))
@pytest.mark.parametrize("change", ["taken out", "changed", "nonsense", "twice"])
def test_every_change_shows(file: Path, line: int, change: str) -> None:
    lines = file.read_bytes().splitlines(keepends=True)
    lines[line : line + 1] = {
        "taken out": [],
        "changed": [lines[line].replace(b'"number":%d' % line, b'"number":9')],
        "nonsense": [b"[]\n"],
        "twice": [lines[line]] * 2,
    }[change]
    file.write_bytes(b"".join(lines))
    *good, bad = journal.read(file)
    assert [each.fault for each in good] == [""] * (line + (change == "twice"))
    assert bad.fault


def test_half_a_line_is_cut_off(file: Path) -> None:
    file.write_bytes(file.read_bytes() + b'{"number": 5')
    assert len(list(journal.read(file))) == 5
    journal.append(file, {"number": 6})
    assert [line.entry["number"] for line in journal.read(file)] == [0, 1, 2, 3, 4, 6]


def test_nothing_goes_behind_a_damaged_end(file: Path) -> None:
    file.write_bytes(file.read_bytes() + b"nonsense\n")
    with pytest.raises(RecordsError, match="changed or damaged"):
        journal.append(file, {})


def test_an_entry_that_is_too_long(file: Path) -> None:
    with pytest.raises(RecordsError, match="is longer than"):
        journal.append(file, {"text": "x" * 70_000})
    assert len(list(journal.read(file))) == 5


def _many(path: Path) -> None:
    for number in range(20):
        journal.append(path, {"number": number})


def test_several_processes_at_once(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    context = multiprocessing.get_context("fork")
    workers = [context.Process(target=_many, args=(path,)) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    lines = list(journal.read(path))
    assert (len(lines), {line.fault for line in lines}) == (60, {""})
