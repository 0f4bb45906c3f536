"""Lists that were sent over HTTP: kept encrypted until they are imported, one after the other, by a thread.

In the folder, by the import's name (64 hexadecimal digits): `NAME` the list, sealed, until it is imported; `NAME.json`
what it is, whose, and how far it came; `NAME.report.csv` the lines that were not recorded. What was acknowledged is
imported, whatever happens: `resume` goes on with what a process left.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Literal, NamedTuple

import orjson
import structlog

from ringfence.errors import RingfenceError
from ringfence.registry.actors import Actor, must_be
from ringfence.registry.columns import FileKind, Reader
from ringfence.registry.errors import NotOnRecord, RegistryError
from ringfence.registry.importing import Import, Progress, name_of, read_header
from ringfence.registry.numbers import KeyRing
from ringfence.registry.register import Registry
from ringfence.registry.sealed import SealingWriter, reader
from ringfence.registry.settings import UploadSettings

State = Literal["waiting", "running", "done", "stopped"]
MOST_KEPT = 1000  # states of lists that are done; the oldest are forgotten first
_NAME = re.compile(r"[0-9a-f]{64}")
_NONE = Progress(0, 0, 0, 0, 0)
_log = structlog.get_logger(__name__)


class BadList(RegistryError):
    """A list that is not taken: its header is wrong."""


class TooMany(RegistryError):
    """As many lists wait as may."""


class Upload(NamedTuple):
    """A list. name: of its import. size: of its content, in bytes. why: it stopped, "" else. at: epoch seconds."""

    name: str
    kind: FileKind
    actor: Actor
    common: Mapping[str, str]
    size: int
    state: State
    done: Progress
    why: str
    at: float


class Uploads:
    """Receives lists and has them imported.

    open_registry: one of the importing thread's own, as a database's connections belong to a loop.
    """

    def __init__(
        self,
        folder: Path,
        settings: UploadSettings,
        ring: KeyRing,
        open_registry: Callable[[], Awaitable[Registry]],
        reads: Reader,
    ) -> None:
        self._folder = folder
        self._settings = settings
        self._ring = ring
        self._open = open_registry
        self._reads = reads
        self._worker = ThreadPoolExecutor(1, "imports")
        self._live: dict[str, Upload] = {}  # waiting or running
        self._receiving = 0
        self._stopping = False

    def __len__(self) -> int:
        return len(self._live) + self._receiving

    @property
    def limit(self) -> int:
        """How many lists may be received, wait or run."""
        return self._settings.max_waiting

    def resume(self) -> None:
        """Go on with what an earlier process had taken and not imported; what it had half received goes."""
        for path in self._folder.glob(".incoming-*"):
            path.unlink(missing_ok=True)
        for path in self._folder.glob("*.json"):
            known = _read(path)
            if known is not None and known.state != "done" and known.name not in self._live:
                self._begin(known)

    def close(self) -> None:
        """End behind the batch that is being written; `resume` goes on from there."""
        self._stopping = True
        self._worker.shutdown(wait=True, cancel_futures=True)

    async def receive(
        self, kind: FileKind, common: Mapping[str, str], actor: Actor, pieces: AsyncIterator[bytes]
    ) -> Upload:
        """Take a list, on the disk when this returns, and have it imported. The same one again is the same import.

        Raises Forbidden, BadList, TooMany, RegistryError, and whatever `pieces` raises: nothing is left behind then.
        """
        must_be(actor, "holder", "operator")
        if len(self) >= self.limit:
            raise TooMany(f"{self.limit} lists are received or wait: send it later")
        self._receiving += 1
        try:
            draft, name, size = await self._spool(kind, common, actor, pieces)
        finally:
            self._receiving -= 1
        known = self._live.get(name) or _read(self._path(name, ".json"))
        if known is not None and known.state != "stopped":
            draft.unlink()
            return known
        try:
            await asyncio.to_thread(self._check, draft, kind, common)
            if name in self._live:  # sent twice at the same time
                return self._live[name]
            taken = Upload(name, kind, actor, dict(common), size, "waiting", _NONE, "", time.time())
            _write(self._path(name, ".json"), taken)
            draft.replace(self._path(name))
            _to_disk(self._folder)
        except OSError as error:
            raise RegistryError(f"the list cannot be kept in {self._folder}: {error.strerror}") from None
        finally:
            draft.unlink(missing_ok=True)
        self._forget_old()
        self._begin(taken)
        return taken

    def find(self, name: str, actor: Actor) -> Upload:
        """How far a list came. Raises NotOnRecord, also for a holder who asks for another one's."""
        known = None
        if _NAME.fullmatch(name):
            known = self._live.get(name) or _read(self._path(name, ".json"))
        if known is None or (actor.role == "holder" and known.actor.owner != actor.owner):
            raise NotOnRecord("there is no such import")
        return known

    def report(self, name: str, actor: Actor) -> Path:
        """The file with its bad lines so far. Raises NotOnRecord."""
        path = self._path(self.find(name, actor).name, ".report.csv")
        if not path.exists():
            raise NotOnRecord("no line was read yet")
        return path

    def _path(self, name: str, more: str = "") -> Path:
        return self._folder / f"{name}{more}"

    async def _spool(
        self, kind: FileKind, common: Mapping[str, str], actor: Actor, pieces: AsyncIterator[bytes]
    ) -> tuple[Path, str, int]:
        """The list in a file of its own; the import's name; the size."""
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor, path = tempfile.mkstemp(dir=self._folder, prefix=".incoming-")
        except OSError as error:
            raise RegistryError(f"the list cannot be kept in {self._folder}: {error.strerror}") from None
        draft = Path(path)
        digest = hashlib.sha256()
        size = 0
        try:
            with os.fdopen(descriptor, "wb") as target:
                sealing = SealingWriter(target, self._ring)
                async for piece in pieces:
                    size += len(piece)
                    digest.update(piece)
                    sealing.write(piece)
                sealing.finish()
                target.flush()
                await asyncio.to_thread(os.fsync, target.fileno())
        except OSError as error:
            draft.unlink(missing_ok=True)
            raise RegistryError(f"the list cannot be kept in {self._folder}: {error.strerror}") from None
        except BaseException:
            draft.unlink(missing_ok=True)
            raise
        return draft, name_of(digest, kind, actor, common), size

    def _check(self, draft: Path, kind: FileKind, common: Mapping[str, str]) -> None:
        with draft.open("rb") as file:
            try:
                read_header(reader(file, self._ring), kind, "list", common)
            except RegistryError as error:
                raise BadList(str(error)) from None

    def _begin(self, upload: Upload) -> None:
        self._live[upload.name] = upload._replace(state="waiting", why="")
        self._worker.submit(self._import, upload.name)

    def _import(self, name: str) -> None:
        """In the worker's thread."""
        upload = self._live[name]
        try:
            done = asyncio.run(self._imported(upload))
            upload = self._live[name]._replace(state="done", done=done)
        except _Stopped:
            upload = self._live[name]._replace(state="waiting")
        except (RingfenceError, OSError) as error:
            _log.warning("an uploaded list is not imported", why=str(error))
            upload = self._live[name]._replace(state="stopped", why=str(error))
        except Exception:
            _log.exception("an uploaded list is not imported")
            upload = self._live[name]._replace(state="stopped", why="it failed; the log says why")
        try:
            _write(self._path(name, ".json"), upload)
            if upload.state == "done":
                self._path(name).unlink(missing_ok=True)
        except OSError as error:
            _log.warning("the state of an uploaded list is not kept", why=str(error))
        self._live.pop(name)

    async def _imported(self, upload: Upload) -> Progress:
        def progress(done: Progress, size: int) -> None:
            self._live[upload.name] = self._live[upload.name]._replace(state="running", done=done)
            if self._stopping:
                raise _Stopped

        async with await self._open() as registry:
            report = self._path(upload.name, ".report.csv")
            work = Import(registry, upload.kind, upload.actor, self._reads, report, progress, upload.common)
            with self._path(upload.name).open("rb") as file:
                return await work.run_from(reader(file, self._ring), "list")

    def _forget_old(self) -> None:
        """States and reports of lists that were done long ago; a list itself goes when it is imported."""
        kept = sorted(self._folder.glob("*.json"), key=lambda path: path.stat().st_mtime)
        border = time.time() - self._settings.kept
        for place, path in enumerate(kept):
            if path.stat().st_mtime >= border and len(kept) - place <= MOST_KEPT:
                return
            known = _read(path)
            if known is None or known.state == "done":
                path.unlink()
                path.with_suffix(".report.csv").unlink(missing_ok=True)


class _Stopped(Exception):
    """The process is to end."""


def _write(path: Path, upload: Upload) -> None:
    draft = path.with_suffix(".draft")
    said = upload._asdict() | {"actor": upload.actor._asdict(), "done": upload.done._asdict()}
    with open(draft, "wb", opener=_private) as target:
        target.write(orjson.dumps(said))
        target.flush()
        os.fsync(target.fileno())
    draft.replace(path)


def _read(path: Path) -> Upload | None:
    """What a file says; None where it is not there or none of ours."""
    try:
        said = orjson.loads(path.read_bytes())
        return Upload(**said | {"actor": Actor(**said["actor"]), "done": Progress(**said["done"])})
    except (OSError, ValueError, TypeError, KeyError):
        return None


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _to_disk(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
