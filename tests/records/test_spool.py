"""The spool on a real disk: order, chain, segments, restarts, and a disk that refuses."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

import pytest
from tests.records.conftest import OpenSpool

from ringfence.records import framing
from ringfence.records.disk import Disk
from ringfence.records.errors import RecordsError
from ringfence.records.settings import RecordsSettings
from ringfence.records.spool import Spool
from ringfence.records.verify import read, verify


def append(spool: Spool, *texts: str) -> None:
    spool.append([f"N\n1\ntest\n{text}".encode() for text in texts], 1_700_000_000_000_000, 5)


def texts(spool: Spool) -> list[str]:
    return [record["text"] for _, record in read(spool.folder)]


def eventually(condition: Callable[[], bool], seconds: float = 5.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.01)


def sound(spool: Spool) -> None:
    report = verify(spool.folder)
    assert report.troubles == []


def test_a_record_is_on_disk_when_append_returns(open_spool: OpenSpool) -> None:
    spool = open_spool()
    append(spool, "one", "two")
    append(spool, "three")
    assert texts(spool) == ["one", "two", "three"]
    assert [number for number, _ in read(spool.folder)] == [1, 2, 3]
    sound(spool)


def test_segments_and_restarts_make_one_chain(open_spool: OpenSpool) -> None:
    hour = [3600.0 * 1000]
    spool = open_spool(clock=lambda: hour[0])
    for number in range(3):
        append(spool, f"{number}")
        hour[0] += 3600
        spool.tick()
    spool.close()
    spool = open_spool()
    append(spool, "after")
    spool.close()
    assert texts(spool) == ["0", "1", "2", "after"]
    assert [number for number, _ in read(spool.folder)] == [1, 2, 3, 4]
    assert [path.name for path in framing.segments(spool.folder)] == [framing.name_of(n, ".rec") for n in (1, 2, 3, 4)]
    sound(spool)


def test_a_segment_without_records_is_not_rolled_and_leaves_nothing(open_spool: OpenSpool) -> None:
    hour = [3600.0]
    spool = open_spool(clock=lambda: hour[0])
    hour[0] += 36_000
    spool.tick()
    spool.close()
    spool = open_spool()
    assert len(framing.segments(spool.folder)) == 1


def test_a_segment_is_sealed_at_its_size(open_spool: OpenSpool) -> None:
    spool = open_spool(segment_bytes=65_536)
    for _ in range(5):
        append(spool, "x" * 40_000)
        spool.tick()
    eventually(lambda: spool.stats()["sealed"] == 2)
    assert spool.stats()["last_sealed"] > 0
    sound(spool)


def test_two_writers_in_one_folder_are_one_too_many(open_spool: OpenSpool) -> None:
    spool = open_spool()
    with pytest.raises(RecordsError, match="another process writes records there"):
        Spool(spool.folder, RecordsSettings(), "node2").open()


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(RecordsError, match="no place for records"):
        Spool(tmp_path / "file" / "records", RecordsSettings(), "node").open()


class TestAfterAKill:
    """The segment is as a killed process, or a power cut, leaves it."""

    def left(self, spool: Spool, folder: Path) -> Path:
        """A copy of the open segment in a folder of its own."""
        folder.mkdir()
        (path,) = framing.segments(spool.folder)
        return Path(shutil.copy(path, folder))

    def reopened(self, folder: Path) -> Spool:
        spool = Spool(folder, RecordsSettings(), "node1")
        spool.open()
        append(spool, "next")
        spool.close()
        return spool

    def test_it_is_taken_up_and_sealed(self, open_spool: OpenSpool, tmp_path: Path) -> None:
        spool = open_spool()
        append(spool, "one", "two")
        self.left(spool, tmp_path / "left")
        spool = self.reopened(tmp_path / "left")
        assert texts(spool) == ["one", "two", "next"]
        assert [number for number, _ in read(spool.folder)] == [1, 2, 3]
        sound(spool)

    @pytest.mark.parametrize("cut", [1, 20, 47, 60])
    def test_half_a_block_is_cut_off_and_noted(self, open_spool: OpenSpool, tmp_path: Path, cut: int) -> None:
        spool = open_spool()
        append(spool, "whole")
        append(spool, "half")
        path = self.left(spool, tmp_path / "left")
        os.truncate(path, path.stat().st_size - cut)
        spool = self.reopened(tmp_path / "left")
        assert texts(spool) == ["whole", "next"]
        assert spool.stats()["repaired_bytes"] > 0
        sound(spool)

    def test_zeros_that_a_power_cut_left_are_cut_off(self, open_spool: OpenSpool, tmp_path: Path) -> None:
        spool = open_spool()
        append(spool, "whole")
        path = self.left(spool, tmp_path / "left")
        with path.open("ab") as file:
            file.write(bytes(5000))
        spool = self.reopened(tmp_path / "left")
        assert texts(spool) == ["whole", "next"]
        sound(spool)

    def test_damage_in_the_middle_is_set_aside_and_told(self, open_spool: OpenSpool, tmp_path: Path) -> None:
        spool = open_spool()
        append(spool, "whole")
        append(spool, "damaged")
        append(spool, "behind it")
        path = self.left(spool, tmp_path / "left")
        path.write_bytes(path.read_bytes().replace(b"damaged", b"DAMAGED"))
        spool = self.reopened(tmp_path / "left")
        assert texts(spool) == ["whole", "next"]
        (trouble,) = verify(spool.folder).troubles
        assert trouble.kind == "damaged"
        assert b"behind it" in (spool.folder / trouble.file).read_bytes()

    def test_a_header_alone_leaves_nothing(self, open_spool: OpenSpool, tmp_path: Path) -> None:
        path = self.left(open_spool(), tmp_path / "left")
        assert path.exists()
        assert texts(self.reopened(tmp_path / "left")) == ["next"]

    def test_something_else_under_that_name_is_set_aside(self, open_spool: OpenSpool, tmp_path: Path) -> None:
        path = self.left(open_spool(), tmp_path / "left")
        path.write_bytes(b"not ours, whatever it may be")
        spool = self.reopened(tmp_path / "left")
        assert texts(spool) == ["next"]
        assert [trouble.kind for trouble in verify(spool.folder).troubles] == ["damaged"]

    def test_half_a_header_leaves_nothing(self, open_spool: OpenSpool, tmp_path: Path) -> None:
        path = self.left(open_spool(), tmp_path / "left")
        os.truncate(path, 9)
        spool = self.reopened(tmp_path / "left")
        assert texts(spool) == ["next"]
        assert spool.stats()["repaired_bytes"] == 9
        sound(spool)


class Refusing(Disk):
    """A disk that refuses what its test says."""

    writes: OSError | None = None
    syncs: OSError | None = None
    short = 0  # bytes taken of the next write, 0: all
    then: OSError | None = None  # what follows a short write
    written: ClassVar[list[tuple[int, bytes]]] = []

    @staticmethod
    def write(descriptor: int, data: bytes, offset: int) -> int:
        if Refusing.writes is not None:
            raise Refusing.writes
        Refusing.written.append((offset, data))
        if Refusing.short:
            data, Refusing.short = data[: Refusing.short], 0
            Refusing.writes = Refusing.then
        return os.pwrite(descriptor, data, offset)

    @staticmethod
    def sync(descriptor: int) -> None:
        if Refusing.syncs is not None:
            raise Refusing.syncs
        os.fdatasync(descriptor)


@pytest.fixture(autouse=True)
def sound_disk() -> None:
    Refusing.writes = Refusing.syncs = Refusing.then = None
    Refusing.short = 0
    Refusing.written = []


def test_what_the_disk_refuses_waits_in_memory_and_is_there_later(open_spool: OpenSpool) -> None:
    spool = open_spool(Refusing)
    append(spool, "before")
    Refusing.writes = OSError(errno.ENOSPC, "No space left on device")
    for number in range(50):
        append(spool, f"{number}")
    spool.tick()
    assert texts(spool) == ["before"]
    assert spool.reasons() == [
        "records cannot be written (No space left on device): they are kept in memory, 0 % of its bound"
    ]
    assert spool.stats()["buffered_bytes"] > 50 * 60
    assert spool.stats()["failing"] == 1
    Refusing.writes = None
    spool.tick()
    append(spool, "after")
    assert texts(spool) == ["before", *map(str, range(50)), "after"]
    assert (spool.reasons(), spool.stats()["buffered_bytes"]) == ([], 0)
    sound(spool)


def test_half_a_write_is_completed(open_spool: OpenSpool) -> None:
    spool = open_spool(Refusing)
    Refusing.short = 10
    append(spool, "one")
    append(spool, "two")
    spool.tick()
    assert texts(spool) == ["one", "two"]
    sound(spool)


def test_a_full_disk_at_the_start(open_spool: OpenSpool) -> None:
    Refusing.writes = OSError(errno.ENOSPC, "No space left on device")
    spool = open_spool(Refusing)
    append(spool, "one")
    assert "kept in memory" in spool.reasons()[0]
    Refusing.writes = None
    spool.tick()
    assert texts(spool) == ["one"]
    sound(spool)


def test_the_buffer_is_bounded_and_what_is_lost_is_a_gap_with_a_note(open_spool: OpenSpool) -> None:
    spool = open_spool(Refusing, buffer_bytes=1_048_576)
    Refusing.writes = OSError(errno.ENOSPC, "No space left on device")
    while not spool.full:
        append(spool, "x" * 100_000)
    append(spool, "lost", "lost too")
    append(spool, "lost as well")
    assert spool.stats()["buffered_bytes"] < 1_200_000
    assert "the buffer is full: records are lost" in spool.reasons()[0]
    Refusing.writes = None
    spool.tick()
    assert not spool.full
    append(spool, "after")
    assert spool.stats()["lost"] == 3
    assert texts(spool)[-2:] == ["after", "3 records were lost: the buffer was full"]
    report = verify(spool.folder)
    assert [trouble.kind for trouble in report.troubles] == ["gap"]
    assert report.notes == ["lost: 3 records were lost: the buffer was full"]


def test_what_is_left_in_memory_at_the_end_leaves_a_segment_that_can_be_mended(open_spool: OpenSpool) -> None:
    spool = open_spool(Refusing)
    append(spool, "one")
    Refusing.short, Refusing.then = 10, OSError(errno.ENOSPC, "No space left on device")
    append(spool, "two")
    spool.close()
    Refusing.writes = None
    spool = open_spool()
    append(spool, "three")
    assert texts(spool) == ["one", "three"]
    sound(spool)


def test_after_a_failed_fsync_everything_since_the_last_is_written_again(open_spool: OpenSpool) -> None:
    spool = open_spool(Refusing, fsync="10ms")
    append(spool, "safe")
    eventually(lambda: spool.stats()["unsynced_bytes"] == 0)
    Refusing.syncs = OSError(errno.EIO, "Input/output error")
    append(spool, "in danger")
    eventually(lambda: spool.stats()["sync_errors"] > 0)
    assert spool.reasons() == ["records cannot be made durable (Input/output error)"]
    written = [offset for offset, data in Refusing.written if b"in danger" in data]
    assert len(written) >= 2
    assert len(set(written)) == 1
    assert not [data for _, data in Refusing.written[2:] if b"safe" in data]
    Refusing.syncs = None
    eventually(lambda: spool.stats()["unsynced_bytes"] == 0)
    assert spool.reasons() == []
    assert texts(spool) == ["safe", "in danger"]
    sound(spool)


def test_a_segment_that_cannot_be_sealed_yet_is_sealed_later(open_spool: OpenSpool) -> None:
    spool = open_spool(Refusing, fsync="10ms", segment_bytes=65_536)
    append(spool, "x" * 70_000)
    Refusing.syncs = OSError(errno.EIO, "Input/output error")
    spool.tick()
    append(spool, "next")
    eventually(lambda: spool.stats()["sync_errors"] > 2)
    assert spool.stats()["sealed"] == 0
    sound(spool)
    Refusing.syncs = None
    eventually(lambda: spool.stats()["sealed"] == 1)
    sound(spool)


def test_a_disk_that_hangs_is_told(open_spool: OpenSpool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ringfence.records.spool.HUNG", 0.05)
    spool = open_spool(fsync="10ms")
    monkeypatch.setattr(Disk, "sync", staticmethod(lambda descriptor: time.sleep(0.3)))
    append(spool, "one")
    eventually(lambda: spool.reasons() == ["the disk of the records hangs"], 2)
    eventually(lambda: spool.reasons() == [], 2)


def test_a_power_cut_loses_at_most_200_ms(open_spool: OpenSpool, tmp_path: Path) -> None:
    """The disk is taken to hold what the last fsync covered, and nothing behind it."""
    spool = open_spool()
    (path,) = framing.segments(spool.folder)
    written: list[float] = []
    for cut in range(5):
        until = time.monotonic() + 0.15 + cut * 0.07
        while time.monotonic() < until:
            append(spool, f"{len(written)}")
            written.append(time.monotonic())
            time.sleep(0.002)
        now = time.monotonic()
        durable = path.stat().st_size - spool.stats()["unsynced_bytes"]
        folder = tmp_path / f"cut{cut}"
        folder.mkdir()
        (folder / path.name).write_bytes(path.read_bytes()[:durable])
        kept = sum(1 for _ in read(folder))
        assert all(now - moment <= 0.2 for moment in written[kept:])
        mended = Spool(folder, RecordsSettings(), "node1")
        mended.open()
        mended.close()
        sound(mended)


FULL = """
import os, sys
from pathlib import Path
from typing import ClassVar
from ringfence.records.settings import RecordsSettings
from ringfence.records.spool import Spool
from ringfence.records.verify import read, verify
folder = Path(sys.argv[1])
spool = Spool(folder / "records", RecordsSettings(), "node")
spool.open()
ballast = folder / "ballast"
descriptor = os.open(ballast, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
number = 0
def append():
    global number
    number += 1
    spool.append([b"N\\n1\\ntest\\n%d" % number + b"x" * 300], 1, 1)
while not spool.reasons():
    try:
        os.write(descriptor, bytes(4096))
    except OSError:
        pass
    append()
assert "No space left on device" in spool.reasons()[0], spool.reasons()
for _ in range(2000):
    append()
    spool.tick()
os.truncate(ballast, 0)
spool.tick()
append()
assert spool.reasons() == [] and spool.stats()["lost"] == 0
spool.close()
assert [n for n, _ in read(spool.folder)] == list(range(1, number + 1))
assert verify(spool.folder).troubles == []
print("all", number)
"""


def test_a_disk_that_is_really_full(tmp_path: Path) -> None:
    """A file system of 2 MB in a mount namespace of its own."""
    unshare = ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "--mount", "--map-root-user"]
    script = f'mount -t tmpfs -o size=2m none "{tmp_path}" && exec "$@"'
    command = [*unshare, "sh", "-c", script, "sh", sys.executable, "-c", FULL, str(tmp_path)]
    if subprocess.run([*unshare, "true"], capture_output=True, check=False).returncode:
        pytest.skip("no mount namespace may be made here")
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert "all " in done.stdout
