from __future__ import annotations

from pathlib import Path

import pytest

from ringfence.config.faults import ConfigError
from ringfence.config.files import Files, Stamp
from ringfence.config.load import Bundle, load_bundle
from ringfence.config.reload import RESTART, Reloader, needs_restart
from ringfence.config.settings import Settings

from .conftest import WriteConfig

TRUNK = "trunks: [{name: %s, holder: h, kind: enterprise, sources: [{address: 192.0.2.1}], numbers: [{file: n.csv}]}]\n"


class Disk:
    """A configuration file and a number file, with stamps that a test sets."""

    def __init__(self, write: WriteConfig, folder: Path) -> None:
        self._write = write
        self.numbers = folder / "n.csv"
        self.stamps: dict[Path, Stamp | None] = {}
        self.put_numbers("+861000000001")
        self.path = self.put("a")

    def put(self, trunk: str, more: str = "") -> Path:
        path = self._write(TRUNK % trunk + more)
        self.touch(path)
        return path

    def put_numbers(self, number: str) -> None:
        self.numbers.write_text(f"number\n{number}\n")
        self.touch(self.numbers)

    def touch(self, path: Path) -> None:
        before = self.stamps.get(path) or (0, 0, 0, 0)
        self.stamps[path] = (0, 0, 0, before[3] + 1)

    def read(self, files: Files, generation: int) -> Bundle:
        try:
            return load_bundle(self.path, generation, files, environ={})
        finally:
            files.stamps = {path: self.stamps.get(path) for path in files.stamps}


@pytest.fixture
def disk(config: WriteConfig, tmp_path: Path) -> Disk:
    return Disk(config, tmp_path)


@pytest.fixture
def reloader(disk: Disk) -> Reloader:
    return Reloader(disk.read, disk.stamps.get)


def names(reloader: Reloader) -> list[str]:
    return list(reloader.current.ledger.trunks)


def test_the_first_load_is_generation_one(reloader: Reloader) -> None:
    assert (reloader.current.generation, names(reloader), reloader.faults) == (1, ["a"], [])


def test_a_first_load_with_faults_raises(disk: Disk) -> None:
    disk.put("b", "noed: x\n")
    with pytest.raises(ConfigError):
        Reloader(disk.read, disk.stamps.get)


def test_nothing_changed_nothing_done(reloader: Reloader) -> None:
    before = reloader.current
    assert not reloader.poll()
    assert reloader.current is before


def test_a_change_is_taken_once_it_held_still(disk: Disk, reloader: Reloader) -> None:
    disk.put("b")
    assert not reloader.poll()
    disk.put("c")  # still being written
    assert not reloader.poll()
    assert reloader.poll()
    assert (reloader.current.generation, names(reloader), reloader.faults) == (2, ["c"], [])
    assert not reloader.poll()


def test_a_change_that_is_taken_back_counts_for_nothing(disk: Disk, reloader: Reloader) -> None:
    before = dict(disk.stamps)
    disk.put("b")
    assert not reloader.poll()
    disk.stamps.update(before)
    assert not reloader.poll()
    disk.put("c")
    assert not reloader.poll()
    assert reloader.current.generation == 1


def test_number_files_are_watched(disk: Disk, reloader: Reloader) -> None:
    disk.put_numbers("+861000000002")
    assert not reloader.poll()
    assert reloader.poll()
    assert reloader.current.generation == 2


def test_with_faults_everything_stays_and_they_are_told_once(disk: Disk, reloader: Reloader) -> None:
    before = reloader.current
    disk.put("b", "noed: x\n")
    assert not reloader.poll()
    assert reloader.poll()
    assert reloader.current is before
    assert [fault.message for fault in reloader.faults] == ["unknown key; did you mean node?"]
    assert not reloader.poll()
    disk.put("c")
    assert not reloader.poll()
    assert reloader.poll()
    assert (reloader.current.generation, names(reloader), reloader.faults) == (2, ["c"], [])


def test_a_file_that_was_missing_is_noticed_when_it_comes(disk: Disk, reloader: Reloader) -> None:
    disk.numbers.unlink()
    disk.stamps[disk.numbers] = None
    assert not reloader.reload()
    assert "cannot be read" in reloader.faults[0].message
    disk.put_numbers("+861000000003")
    assert not reloader.poll()
    assert reloader.poll()
    assert (reloader.current.generation, reloader.faults) == (2, [])


def test_asking_does_not_wait(disk: Disk, reloader: Reloader) -> None:
    disk.put("b")
    assert reloader.reload()
    assert names(reloader) == ["b"]
    assert reloader.reload()  # asked for without a change: read again, the generation says so
    assert reloader.current.generation == 3


@pytest.mark.parametrize(
    ("more", "path"),
    [
        ("node: other\n", "node"),
        ("data_directory: other\n", "data_directory"),
        ("redis: {deadline: 49ms}\n", "redis"),
        ("logging: {level: error}\n", "logging"),
    ],
)
def test_what_needs_a_restart_is_refused_whole(disk: Disk, reloader: Reloader, more: str, path: str) -> None:
    disk.put("b", more)
    assert not reloader.reload()
    assert names(reloader) == ["a"]
    [fault] = reloader.faults
    assert (fault.line, fault.path) == (8, path)
    assert fault.message == "changing this needs a restart; nothing of this file is in force"


def test_other_settings_change_without_a_restart(disk: Disk, reloader: Reloader) -> None:
    disk.put("b", "screening: {tag_at: 50, rules: {rate: {window: 2h}}}\nsip: {unknown_source: forbid}\n")
    assert reloader.reload()
    assert reloader.current.settings.screening.tag_at == 50


def test_restart_keys_exist() -> None:
    assert set(RESTART) < set(Settings.model_fields)
    assert needs_restart("listeners[].bind") and needs_restart("redis.url") and needs_restart("node")
    assert not needs_restart("screening.rules.rate.limit") and not needs_restart("nodes")


def test_a_real_file_is_read_and_watched(disk: Disk, tmp_path: Path) -> None:
    reloader = Reloader(lambda files, generation: load_bundle(disk.path, generation, files, {}))
    disk.put("longer")
    assert [reloader.poll(), reloader.poll(), reloader.poll()] == [False, True, False]
    assert names(reloader) == ["longer"]
