"""Evidence files: each stands under its own SHA-256, encrypted, is written once, and its content is never changed.

The name is the SHA-256 of the plain content, since that is what statements, audit trail and proofs name and a third
party can compute. So whoever has a copy of a file can tell whether it is among ours; nobody learns what is in one.
"""

from __future__ import annotations

import asyncio
import codecs
import hashlib
import os
import re
import tempfile
from collections.abc import Callable, Collection, Iterable
from pathlib import Path
from typing import NamedTuple

import sqlalchemy as sa

from ringfence.registry import tables as t
from ringfence.registry.actors import Actor, must_be
from ringfence.registry.errors import RegistryError
from ringfence.registry.numbers import KeyRing
from ringfence.registry.register import Registry
from ringfence.registry.sealed import HEADER_BYTES, SealingWriter, is_current, reader, rewrapped
from ringfence.registry.writing import writing

_BEGINNINGS = (
    (b"%PDF-", "application/pdf"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"OggS", "audio/ogg"),
    (b"ID3", "audio/mpeg"),
    (b"\xff\xfb", "audio/mpeg"),
    (b"\xff\xf3", "audio/mpeg"),
)


_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")  # all but tab and line ends


class BadFile(RegistryError):
    """A file that is not taken: too long, empty, or of a kind that the settings do not list."""


class Stored(NamedTuple):
    """A file of the folder."""

    sha256: str
    size: int
    media_type: str


class EvidenceFolder:
    """`folder/ab/abcd…`: files by their SHA-256, readable by the owner alone, sealed under the registry's keys.

    Files from before they were encrypted are read all the same; `seal` encrypts them.
    """

    def __init__(self, folder: Path, max_bytes: int, media_types: Collection[str], ring: KeyRing) -> None:
        self._folder = folder
        self._ring = ring
        self._max_bytes = max_bytes
        self._media_types = media_types

    @property
    def max_bytes(self) -> int:
        """The largest file that is taken."""
        return self._max_bytes

    def path(self, sha256: str) -> Path:
        """Where a file stands."""
        return self._folder / sha256[:2] / sha256

    def take(self, pieces: Iterable[bytes]) -> Stored:
        """Write a file, on the disk when this returns. Raises BadFile, RegistryError; nothing is left behind then."""
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor, name = tempfile.mkstemp(dir=self._folder, prefix=".incoming-")
        except OSError as error:
            raise RegistryError(f"evidence cannot be written to {self._folder}: {error.strerror}") from None
        draft = Path(name)
        try:
            with os.fdopen(descriptor, "wb") as target:
                sealing = SealingWriter(target, self._ring)
                digest, size, media_type = self._copy(pieces, sealing.write)
                sealing.finish()
                target.flush()
                os.fsync(target.fileno())
            place = self.path(digest)
            if not place.exists():
                place.parent.mkdir(mode=0o700, exist_ok=True)
                draft.replace(place)
                _to_disk(place.parent)
                _to_disk(self._folder)
        except OSError as error:
            raise RegistryError(f"evidence cannot be written to {self._folder}: {error.strerror}") from None
        finally:
            draft.unlink(missing_ok=True)
        return Stored(digest, size, media_type)

    def _copy(self, pieces: Iterable[bytes], write: Callable[[bytes], object]) -> tuple[str, int, str]:
        digest = hashlib.sha256()
        size = 0
        kind = _Kind()
        for piece in pieces:
            size += len(piece)
            if size > self._max_bytes:
                raise BadFile(f"the file is over {self._max_bytes} bytes")
            digest.update(piece)
            kind.feed(piece)
            write(piece)
        if not size:
            raise BadFile("the file is empty")
        media_type = kind.found()
        if media_type not in self._media_types:
            raise BadFile(
                f"{media_type or 'this kind of file'} is not taken; there are: {', '.join(self._media_types)}"
            )
        return digest.hexdigest(), size, media_type

    def read(self, sha256: str) -> bytes:
        """A file's plain content, checked against its name. Raises RegistryError when it is missing or was changed."""
        try:
            with self.path(sha256).open("rb") as source:
                data = reader(source, self._ring).read()
        except OSError as error:
            raise RegistryError(f"evidence {sha256} cannot be read: {error.strerror}") from None
        except RegistryError as error:
            raise RegistryError(f"evidence {sha256} cannot be read: {error}") from None
        if hashlib.sha256(data).hexdigest() != sha256:
            raise RegistryError(f"evidence {sha256} was changed: its content has another SHA-256")
        return data

    def seal(self, sha256: str) -> bool:
        """Have a file stand under the present key; False where it does, or is missing. Raises RegistryError.

        On the disk when this returns; at any moment either the file of before or that of now is there, whole.
        """
        place = self.path(sha256)
        draft = None
        try:
            with place.open("rb") as source:
                if is_current(source.read(HEADER_BYTES), self._ring):
                    return False
                source.seek(0)
                descriptor, name = tempfile.mkstemp(dir=self._folder, prefix=".incoming-")
                draft = Path(name)
                with os.fdopen(descriptor, "wb") as target:
                    rewrapped(source, target, self._ring)
                    target.flush()
                    os.fsync(target.fileno())
            draft.replace(place)
            _to_disk(place.parent)
        except FileNotFoundError:
            return False
        except OSError as error:
            raise RegistryError(f"evidence {sha256} cannot be encrypted: {error.strerror}") from None
        except RegistryError as error:
            raise RegistryError(f"evidence {sha256} cannot be encrypted: {error}") from None
        finally:
            if draft is not None:
                draft.unlink(missing_ok=True)
        return True

    def remove(self, sha256: str) -> None:
        """Delete a file; nothing happens where it is not."""
        self.path(sha256).unlink(missing_ok=True)


async def store(registry: Registry, folder: EvidenceFolder, pieces: Iterable[bytes], actor: Actor) -> Stored:
    """Keep a file and say in the audit trail who brought it. Raises BadFile, Forbidden, RegistryError."""
    must_be(actor, "holder", "operator")
    stored = await asyncio.to_thread(folder.take, pieces)
    async with writing(registry.database, actor) as current:
        connection = current.connection
        known = (
            await connection.execute(sa.select(t.evidence.c.size).where(t.evidence.c.sha256 == stored.sha256))
        ).first()
        if known is None:
            await connection.execute(sa.insert(t.evidence).values(**stored._asdict(), stored_at=current.at))
        else:
            # Its time to be cited begins anew.
            await connection.execute(
                sa.update(t.evidence)
                .where(t.evidence.c.sha256 == stored.sha256)
                .values(removed_at=None, stored_at=current.at)
            )
        if not folder.path(stored.sha256).exists():  # retention took it away meanwhile: under the same lock as this
            raise RegistryError("the file was being removed: send it again")
        owner = sa.select(t.evidence_owner).where(
            t.evidence_owner.c.sha256 == stored.sha256, t.evidence_owner.c.actor == actor.owner
        )
        if (await connection.execute(owner)).first() is None:
            await connection.execute(sa.insert(t.evidence_owner).values(sha256=stored.sha256, actor=actor.owner))
        current.entry("evidence", None, {"sha256": stored.sha256, "size": stored.size})
    return stored


class _Kind:
    """Tells a file's kind: by its first bytes, or as text when all of it is UTF-8 without control characters."""

    def __init__(self) -> None:
        self._head = b""
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        self._text = True

    def feed(self, piece: bytes) -> None:
        if len(self._head) < 16:
            self._head += piece[:16]
        if self._text:
            try:
                text = self._decoder.decode(piece)
            except UnicodeDecodeError:
                self._text = False
            else:
                self._text = not _CONTROL.search(text)

    def found(self) -> str:
        """Its media type; empty for a kind that it does not know."""
        for beginning, media_type in _BEGINNINGS:
            if self._head.startswith(beginning):
                return media_type
        if self._head[:4] == b"RIFF" and self._head[8:12] == b"WAVE":
            return "audio/wav"
        return "text/plain" if self._text else ""


def _to_disk(folder: Path) -> None:
    """The folder's own entries: without this a crash may lose the name of a file that is on the disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
