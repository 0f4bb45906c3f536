"""From a ledger's files to a ledger in this process, by the way that holds up nobody.

A small one is read here. A large one is compiled by a child process into a snapshot in the data directory, which this
process and its fellows map: what takes seconds happens beside the calls, and what it makes is in memory once.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import mmap
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from ringfence.config.faults import ConfigError, Fault
from ringfence.config.files import Files
from ringfence.config.ledger_files import digest_of, read_folder
from ringfence.config.settings import Settings
from ringfence.ledger import Ledger, LedgerFault
from ringfence.ledger.build import NO_DIGEST, Compiled, Folder, Progress, build, draft_of
from ringfence.ledger.documents import ReadFile
from ringfence.ledger.faults import Place
from ringfence.ledger.snapshot import Snapshot, SnapshotError, written
from ringfence.numbering import Numbering

SMALL = 256 << 10  # bytes of files that are read in less time than a process takes to start
KEPT = 2  # snapshots that stay: the one in force and the one before, should somebody go back
NICENESS = 10  # of the child: calls come first

Made = tuple[Ledger, Sequence[LedgerFault]]


class MakeLedger(Protocol):
    """Gives the ledger of some settings, and what a day that has come makes invalid in it.

    Raises LedgerError or ConfigError with every fault.
    """

    def __call__(
        self, settings: Settings, numbering: Numbering, base_dir: Path, generation: int, files: Files
    ) -> Made: ...


def silent(what: str, part: float) -> None:
    """Progress that nobody looks at."""


class Altered(Protocol):
    """A ledger's folder as it would be with something changed."""

    def folder(self, settings: Settings, files: Files) -> Folder:
        """What it would hold."""
        ...

    def read(self, read: ReadFile) -> ReadFile:
        """A reader of its files."""
        ...


def compile_here(
    settings: Settings,
    numbering: Numbering,
    base_dir: Path,
    files: Files,
    progress: Progress = silent,
    altered: Altered | None = None,
) -> Compiled:
    """The ledger compiled in this process. Raises LedgerError or ConfigError."""
    folder = None
    if altered is not None:
        folder = altered.folder(settings, files)
    elif settings.ledger.folder is not None:
        folder = read_folder(settings.ledger.folder, files)
    draft = draft_of(
        settings.trunks,
        numbering,
        base_dir,
        files.read if altered is None else altered.read(files.read),
        folder,
        utc_offset=settings.ledger.utc_offset,
        progress=progress,
    )
    return build(draft, time.time(), progress)


class Here:
    """Everything in this process and in its memory, nothing on disk: for commands that only look."""

    def __init__(self, progress: Progress = silent, altered: Altered | None = None) -> None:
        self._progress = progress
        self._altered = altered

    def __call__(self, settings: Settings, numbering: Numbering, base_dir: Path, generation: int, files: Files) -> Made:
        made = compile_here(settings, numbering, base_dir, files, self._progress, self._altered)
        return Ledger(generation, Snapshot(b"".join(written(made.sections, made.facts, NO_DIGEST)))), made.late


class Stored:
    """By a snapshot in the data directory where the ledger is large.

    path, environ: the settings, as the child reads them again. progress: told how far the child is.
    """

    def __init__(self, path: Path, environ: Mapping[str, str] = os.environ, progress: Progress = silent) -> None:
        self._path = path
        self._environ = environ
        self._progress = progress

    def __call__(self, settings: Settings, numbering: Numbering, base_dir: Path, generation: int, files: Files) -> Made:
        folder = settings.ledger.folder
        if folder is None:
            return Here()(settings, numbering, base_dir, generation, files)
        if not folder.is_dir():
            raise ConfigError([])  # the settings' own checks have said so
        digest, size = digest_of(settings, numbering, folder, files)
        if size <= SMALL:
            return Here()(settings, numbering, base_dir, generation, files)
        target = _place(settings.data_directory, digest)
        store = target.parent
        snapshot = _mapped(target, digest)
        if snapshot is None:
            store.mkdir(parents=True, exist_ok=True)
            with _alone(store / "lock"):
                snapshot = _mapped(target, digest)  # a fellow may have made it meanwhile
                if snapshot is None:
                    self._compile(target)
                    snapshot = _mapped(target, digest)
                    if snapshot is None:
                        raise ConfigError([Fault(str(folder), 0, "", "changed while it was read")])
                _tidy(store, target)
        return Ledger(generation, snapshot), [_late(each) for each in snapshot.facts["late"]]

    def _compile(self, target: Path) -> None:
        """Let a child make the snapshot. Raises ConfigError with what it found."""
        command = [sys.executable, "-m", "ringfence.config.ledger_child", str(self._path), str(target)]
        with subprocess.Popen(  # noqa: S603 (our own module)
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, env=dict(self._environ), text=True,
        ) as child:  # fmt: skip
            faults: list[Fault] = []
            assert child.stdout is not None
            for line in child.stdout:
                said = json.loads(line)
                if "progress" in said:
                    self._progress(*said["progress"])
                else:
                    faults.append(Fault(*said["fault"]))
        if faults:
            raise ConfigError(faults)
        if child.returncode:
            raise ConfigError([Fault(str(self._path), 0, "ledger", f"its compiler ended with {child.returncode}")])


def _late(said: list[Any]) -> LedgerFault:
    return LedgerFault(Place(*said[0]), said[1], late=True)


def _place(data_directory: Path, digest: bytes) -> Path:
    return data_directory / "ledger" / f"{digest.hex()[:32]}.snapshot"


def mapped_again(data_directory: Path, digest: bytes) -> Snapshot:
    """A snapshot that another process of this data directory has mapped. Raises ConfigError."""
    path = _place(data_directory, digest)
    snapshot = _mapped(path, digest)
    if snapshot is None:
        raise ConfigError([Fault(str(path), 0, "", "is not there any more, or damaged")])
    return snapshot


def _mapped(path: Path, digest: bytes) -> Snapshot | None:
    """The snapshot of a digest; None when there is none that is whole."""
    try:
        with path.open("rb") as file:
            snapshot = Snapshot(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    except (OSError, ValueError, SnapshotError):
        return None
    return snapshot if snapshot.digest == digest else None


@contextlib.contextmanager
def _alone(lock: Path) -> Iterator[None]:
    """While the block runs, no other process of this data directory is in one."""
    with lock.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _tidy(store: Path, target: Path) -> None:
    """Remove snapshots of former times; who has one mapped keeps it."""
    others = sorted(
        (path for path in store.glob("*.snapshot") if path != target), key=lambda path: -path.stat().st_mtime_ns
    )
    for path in others[KEPT - 1 :]:
        path.unlink(missing_ok=True)


def write(target: Path, made: Compiled, digest: bytes) -> None:
    """Write a snapshot so that it is there whole or not at all, also after a power failure."""
    facts = {**made.facts, "late": [[list(fault.place), fault.message] for fault in made.late]}
    with tempfile.NamedTemporaryFile(dir=target.parent, prefix=".", delete=False) as file:
        temporary = Path(file.name)
        try:
            for piece in written(made.sections, facts, digest):
                file.write(piece)
            file.flush()
            os.fsync(file.fileno())
            temporary.replace(target)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
