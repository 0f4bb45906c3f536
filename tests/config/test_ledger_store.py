"""Large ledgers by a child process and a snapshot, small ones here; both the same."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from tests.support import ledgers

from ringfence.config import ledger_store
from ringfence.config.faults import ConfigError
from ringfence.config.ledger_store import Here, Stored
from ringfence.config.load import Bundle, load_bundle
from ringfence.config.reload import Reloader

FILES = {"grants.csv": "trunk,number\nbank,+862160000001\n"}


@pytest.fixture
def everything_is_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger_store, "SMALL", 0)


def stored(path: Path, progress: Any = ledger_store.silent) -> Bundle:
    environ = {"PATH": os.environ["PATH"], "PYTHONPATH": "src"}
    return load_bundle(path, environ=environ, make_ledger=Stored(path, environ, progress))


def snapshots(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / "data/ledger").glob("*.snapshot"))


@pytest.mark.usefixtures("everything_is_large")
class TestLarge:
    def test_it_is_what_it_would_be_here(self, tmp_path: Path) -> None:
        told: list[tuple[str, float]] = []
        path = ledgers.write(tmp_path, FILES)
        one, other = stored(path, lambda *said: told.append(said)).ledger, load_bundle(path, make_ledger=Here()).ledger
        assert list(one.rows()) == list(other.rows()) and list(one.trunks) == list(other.trunks)
        assert one.trunks["bank"].standing("+862160000001").granted
        assert told[-1] == ("done", 1.0)
        parts = [part for _, part in told]
        assert parts == sorted(parts)

    def test_the_same_files_are_compiled_once(self, tmp_path: Path) -> None:
        path = ledgers.write(tmp_path, FILES)
        stored(path)
        told: list[Any] = []
        stored(path, lambda *said: told.append(said))
        assert told == [] and len(snapshots(tmp_path)) == 1

    def test_two_snapshots_are_kept(self, tmp_path: Path) -> None:
        for each in range(4):
            stored(ledgers.write(tmp_path, {"grants.csv": f"trunk,number\nbank,+86216000000{each}\n"}))
        assert len(snapshots(tmp_path)) == 2

    def test_faults_come_back_as_they_are(self, tmp_path: Path) -> None:
        path = ledgers.write(tmp_path, {"grants.csv": "trunk,number\nbank,x\n", "more.yaml": "trunks: [{name: x}]\n"})
        with pytest.raises(ConfigError) as raised:
            stored(path)
        assert str(raised.value.faults[0]).startswith(f"{tmp_path}/ledger/more.yaml:1: trunks[0].")
        (tmp_path / "ledger/more.yaml").unlink()
        with pytest.raises(ConfigError, match=r"grants\.csv:2:6: not a number") as raised:
            stored(path)
        assert raised.value.faults[0].column == 6
        assert snapshots(tmp_path) == []

    def test_a_damaged_snapshot_is_made_anew(self, tmp_path: Path) -> None:
        path = ledgers.write(tmp_path, FILES)
        stored(path)
        (name,) = snapshots(tmp_path)
        (tmp_path / "data/ledger" / name).write_bytes(b"ruined")
        assert stored(path).ledger.trunks["bank"].standing("+862160000001").granted

    def test_what_is_over_is_told_each_time(self, tmp_path: Path) -> None:
        path = ledgers.write(tmp_path, {"more.yaml": "holders: [{name: X, contract: {valid_until: 2020-01-01}}]\n"})
        for _ in range(2):
            assert [fault.message for fault in stored(path).late] == ["the contract of X ended on 2020-01-01"]

    def test_a_child_that_dies_is_a_fault(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        path = ledgers.write(tmp_path, FILES)
        monkeypatch.setattr(ledger_store.sys, "executable", "/bin/false")
        with pytest.raises(ConfigError, match="its compiler ended with 1"):
            stored(path)


def test_a_small_one_leaves_no_file(tmp_path: Path) -> None:
    stored(ledgers.write(tmp_path, FILES))
    assert not (tmp_path / "data").exists()


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    path = ledgers.write(tmp_path, {}, ledgers.MAIN.replace("folder: ledger", "folder: none"))
    with pytest.raises(ConfigError) as raised:
        load_bundle(path, environ={})
    assert [str(fault) for fault in raised.value.faults] == [
        f"{path}:7: ledger.folder: {tmp_path}/none: no such folder"
    ]


def test_files_that_change_come_or_go_are_noticed(tmp_path: Path) -> None:
    path = ledgers.write(tmp_path, FILES)
    reloader = Reloader(lambda files, generation: load_bundle(path, generation, files, {}))
    folder = tmp_path / "ledger"
    changes = [
        lambda: (folder / "grants.csv").write_text("trunk,number\nbank,+862160000002\n"),
        lambda: (folder / "grants-2.csv").write_text("trunk,number\nbank,+862160000003\n"),
        lambda: (folder / "grants-2.csv").unlink(),
    ]
    numbers = ["+862160000002", "+862160000003", "+862160000002"]
    for generation, (change, number) in enumerate(zip(changes, numbers, strict=True), 2):
        change()
        assert [reloader.poll(), reloader.poll(), reloader.poll()] == [False, True, False]
        assert (reloader.current.generation, reloader.faults) == (generation, [])
        assert reloader.current.ledger.trunks["bank"].standing(number).granted
