"""Sealed segments encrypted and indexed: by the daemon's child, after it was ended anywhere, and under a reader's eyes."""

from __future__ import annotations

import fcntl
import json
import shutil
import subprocess
import threading
from functools import partial
from pathlib import Path

import pytest
from tests.warehouse.conftest import BEGAN, RING, History

from ringfence.records.framing import segments
from ringfence.records.keys import open_keys
from ringfence.records.place import APART, spools
from ringfence.records.settings import RecordsSettings, RetentionSettings
from ringfence.records.verify import verify
from ringfence.telemetry.settings import LoggingSettings
from ringfence.warehouse.classes import CLASSES
from ringfence.warehouse.keeping import alone, encrypt, index_all
from ringfence.warehouse.library import Library, Question
from ringfence.warehouse.process import arguments, main
from ringfence.warehouse.retention import keep_to

ALICE = "+8613900000001"


@pytest.fixture
def sealed(history: History) -> History:
    """Two sealed segments."""
    history.call(ALICE, talk=60)
    history.call(ALICE, number="+8613700000000")
    history.hour()
    history.call(ALICE)
    history.close()
    return history


def suffixes(folder: Path) -> list[str]:
    return sorted(path.suffix for path in folder.iterdir() if path.stem.isdigit())


def test_the_daemon_s_child(sealed: History, tmp_path: Path) -> None:
    """The very command line that the daemon starts; the key is made, by its owner alone readable."""
    line = arguments(
        RecordsSettings(retention=RetentionSettings(forwarded=4e9, rejected=4e9)), tmp_path, LoggingSettings()
    )
    place = line.index("--parent")
    done = subprocess.run([*line[:place], *line[place + 2 :], "--once"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert suffixes(sealed.folder) == [".vault", ".vault"]
    assert len(list((sealed.folder / "index").glob("*.sqlite"))) == 2
    assert (tmp_path / "keys/records.key").stat().st_mode & 0o777 == 0o600
    assert ALICE not in done.stderr + done.stdout


def test_every_worker_s_spool_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And one that cannot be kept keeps no other from it."""
    monkeypatch.setattr("ringfence.records.recorder.time.time_ns", lambda: BEGAN * 10**9)
    folder = tmp_path / "records"
    for number in (1, 2, 3):
        history = History(folder / f"worker-{number}", first=number * APART + 1)
        history.call(ALICE, talk=60)
        history.close()
    (folder / "worker-1/keeping.lock").mkdir()
    times = dict.fromkeys(CLASSES, "36500d")
    line = ["--data-directory", str(tmp_path), "--once", "--records"]
    with pytest.raises(SystemExit) as ended:
        main([*line, json.dumps({"retention": times})])
    assert ended.value.code == 1
    assert [suffixes(path) for path in spools(folder)] == [[], [".rec"], [".vault"], [".vault"]]
    (folder / "worker-1/keeping.lock").rmdir()
    with pytest.raises(SystemExit) as ended:
        main([*line, json.dumps({"retention": times | {"forwarded": "1h"}})])
    assert ended.value.code == 0
    assert [suffixes(path) for path in spools(folder)] == [[], [], [], []]
    keys = partial(open_keys, RecordsSettings(), tmp_path)
    reports = [verify(path, keys=keys) for path in spools(folder)]
    assert [(report.deleted, report.troubles) for report in reports] == [(0, []), (1, []), (1, []), (1, [])]


def test_ended_between_two_steps(sealed: History) -> None:
    """The vault is there and the plain file not yet gone: it counts once, and goes with the next look."""
    first = segments(sealed.folder)[0]
    copy = shutil.copy(first, sealed.folder / "kept")
    encrypt(first, RING)
    shutil.move(copy, first)
    assert suffixes(sealed.folder) == [".rec", ".rec", ".vault"]
    report = verify(sealed.folder, keys=lambda: RING)
    assert (report.troubles, report.segments) == ([], 2)
    assert index_all(sealed.folder, RING) == (2, 0)
    assert suffixes(sealed.folder) == [".vault", ".vault"]


def test_a_damaged_segment_is_kept_with_its_damage(sealed: History) -> None:
    path = segments(sealed.folder)[0]
    path.write_bytes(path.read_bytes().replace(b"call2@trunk", b"call9@trunk"))
    before = verify(sealed.folder).troubles
    index_all(sealed.folder, RING)
    after = verify(sealed.folder, keys=lambda: RING).troubles
    assert [(trouble.kind, trouble.offset) for trouble in after] == [
        (trouble.kind, trouble.offset) for trouble in before
    ]


def test_a_file_that_is_no_segment_is_kept_as_it_is(sealed: History) -> None:
    path = segments(sealed.folder)[0]
    path.write_bytes(b"something else that is long enough")
    assert index_all(sealed.folder, RING)[0] == 2
    assert [trouble.kind for trouble in verify(sealed.folder, keys=lambda: RING).troubles] == ["header"]


def test_encrypted_under_a_reader_s_eyes(sealed: History) -> None:
    library = Library(sealed.folder, lambda: RING)
    index_all(sealed.folder, RING)
    assert len(library.find(Question(callee=ALICE))) == 3


@pytest.mark.parametrize(("rejected", "left"), [("1h", []), ("9000d", ["call2@trunk"])], ids=["deleted", "thinned"])
def test_retention_under_a_reader_s_eyes(sealed: History, rejected: str, left: list[str]) -> None:
    index_all(sealed.folder, RING)
    library = sealed.library()
    retention = RetentionSettings.model_validate({"forwarded": "1h", "rejected": rejected})
    keep_to(retention, sealed.folder, BEGAN + 86_400, RING)
    assert [fields["call_id"] for _, fields in library.find(Question(callee=ALICE))] == left


def test_an_index_that_is_lost_is_made_anew(sealed: History) -> None:
    index_all(sealed.folder, RING)
    shutil.rmtree(sealed.folder / "index")
    assert sealed.library().waiting == 2
    assert len(sealed.library().find(Question(callee=ALICE))) == 3
    assert index_all(sealed.folder, RING) == (2, 0)
    assert index_all(sealed.folder, RING) == (0, 0)


def test_one_at_a_time(sealed: History) -> None:
    entered = threading.Event()

    def work() -> None:
        with alone(sealed.folder):
            entered.set()

    with alone(sealed.folder), (sealed.folder / "keeping.lock").open() as file:
        with pytest.raises(BlockingIOError):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        other = threading.Thread(target=work)
        other.start()
        assert not entered.wait(0.05)
    other.join(5)
    assert entered.is_set()
