"""Sealed segments at rest: compressed, encrypted, and read like any other segment. `vault_file` says how they look."""

from __future__ import annotations

import os
import secrets
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import blake2b
from pathlib import Path

import orjson
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from ringfence.key_files import KEY_BYTES
from ringfence.records.errors import RecordsError, Tampered
from ringfence.records.framing import SEALED, VAULT, Readable
from ringfence.records.keys import KeyRing
from ringfence.records.recover import mapped
from ringfence.records.vault_file import (
    CHUNK,
    CHUNKS_AT,
    MAGIC,
    SIZE_OF,
    SLOT,
    SLOTS,
    TAIL,
    About,
    about_values,
    read_layout,
    read_slots,
)

LEVEL = 1  # of zlib: higher ones save a tenth and take three times as long
KEPT_CHUNKS = 4  # plain chunks that a reader holds
_TRAILER_NONCE = b"\xff" * 12  # no chunk has this number

Keys = Callable[[], KeyRing]
"""Opens the keys; asked for when the first vault is met, so that whoever has none can read what is in the clear."""


class Vault:
    """An open vault: a segment's plain bytes by slices. Raises Tampered, RecordsError, OSError.

    digest_key: what its index finds numbers by. tag: of this very file, no other has it.
    """

    def __init__(self, path: Path, ring: KeyRing) -> None:
        self.path = path
        self._descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            layout = read_layout(path, self._descriptor)
            key = _key_of(path, self._descriptor, ring)
            self._box = AESGCM(key)
            self.digest_key = digest_key_of(key)
            self._open(_TRAILER_NONCE, layout.tag, layout.covered, "its trailer")
        except BaseException:
            os.close(self._descriptor)
            raise
        self.about = layout.about
        self.tag = layout.tag
        self._table = layout.covered[: layout.chunks * SIZE_OF.size]
        self._places: list[tuple[int, int]] = []
        self._plain: dict[int, bytes] = {}

    def close(self) -> None:
        """Let the file go."""
        os.close(self._descriptor)

    def __len__(self) -> int:
        return self.about.size

    def __getitem__(self, part: slice) -> bytes:
        start, stop, _ = part.indices(self.about.size)
        number, offset = divmod(start, CHUNK)
        last = (stop - 1) // CHUNK
        if number >= last:
            return self._chunk(number)[offset : offset + stop - start] if stop > start else b""
        data = b"".join([self._chunk(each) for each in range(number, last + 1)])
        return data[offset : offset + stop - start]

    def _chunk(self, number: int) -> bytes:
        plain = self._plain.get(number)
        if plain is None:
            self._places = self._places or _places(self._table)
            place, size = self._places[number]
            sealed = os.pread(self._descriptor, size, place)
            plain = zlib.decompress(self._open(_nonce(number), sealed, None, f"chunk {number}"))
            if len(self._plain) >= KEPT_CHUNKS:
                del self._plain[next(iter(self._plain))]
            self._plain[number] = plain
        return plain

    def _open(self, nonce: bytes, sealed: bytes, tied: bytes | None, what: str) -> bytes:
        try:
            return self._box.decrypt(nonce, sealed, tied)
        except InvalidTag:
            raise Tampered(f"{self.path.name}: {what} was changed or damaged") from None


def lock_away(target: Path, data: Readable, about: About, ring: KeyRing) -> None:
    """Write a segment's bytes as a vault; it appears whole or not at all, with mode 0600. Raises OSError."""
    key = secrets.token_bytes(KEY_BYTES)
    box = AESGCM(key)  # the key is new, so chunks may be numbered for their nonces
    draft = target.with_suffix(f".{os.getpid()}.draft")
    sizes = bytearray()
    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb", buffering=1 << 20) as file:
            file.write(MAGIC + ring.wrap(key) + bytes((SLOTS - 1) * SLOT))
            for number, start in enumerate(range(0, about.size, CHUNK)):
                plain = bytes(data[start : min(start + CHUNK, about.size)])
                sealed = box.encrypt(_nonce(number), zlib.compress(plain, LEVEL), None)
                sizes += SIZE_OF.pack(len(sealed))
                file.write(sealed)
            table_at = file.tell()
            said = orjson.dumps(about_values(about))
            covered = bytes(sizes) + said
            tag = box.encrypt(_TRAILER_NONCE, b"", covered)
            file.write(covered + TAIL.pack(table_at, len(sizes) // SIZE_OF.size, len(said), tag, MAGIC))
            file.flush()
            os.fsync(file.fileno())
        draft.replace(target)
        _sync_folder(target.parent)
    finally:
        draft.unlink(missing_ok=True)


def rewrap(path: Path, ring: KeyRing) -> bool:
    """Put a vault's key under the present one, and no other. False: it is. Raises RecordsError, OSError.

    The second slot is written and durable before the first is touched, so that one is whole at every moment.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    try:
        slots = read_slots(path, descriptor)
        if all(ring.current(slot) or slot == bytes(SLOT) for slot in slots):
            return False
        new = ring.wrap(_key_of(path, descriptor, ring))
        good = next(place for place, slot in enumerate(slots) if _opens(slot, ring))
        for place in (1 - good, good):
            os.pwrite(descriptor, new, len(MAGIC) + place * SLOT)
            os.fsync(descriptor)
        return True
    finally:
        os.close(descriptor)


@contextmanager
def opened(path: Path, keys: Keys | None) -> Iterator[Readable]:
    """A segment's plain bytes, whatever it is kept as. Raises RecordsError, OSError."""
    if path.suffix != VAULT and not path.exists():  # it was sealed or encrypted since somebody looked
        path = next((later for later in map(path.with_suffix, (SEALED, VAULT)) if later.exists()), path)
    if path.suffix == VAULT:
        if keys is None:
            raise RecordsError(f"{path.name}: it is encrypted, and no key was given")
        vault = Vault(path, keys())
        try:
            yield vault
        finally:
            vault.close()
        return
    with path.open("rb") as file, mapped(file.fileno(), os.fstat(file.fileno()).st_size) as data:
        yield data


def _key_of(path: Path, descriptor: int, ring: KeyRing) -> bytes:
    return key_in(path, read_slots(path, descriptor), ring)


def key_in(path: Path, slots: list[bytes], ring: KeyRing) -> bytes:
    """A vault's own key. Raises Tampered, RecordsError."""
    try:
        return ring.unwrap(slots)
    except RecordsError as error:
        raise type(error)(f"{path.name}: {error}") from None


def digest_key_of(key: bytes) -> bytes:
    """What an index finds numbers by, of a vault's own key."""
    return blake2b(b"look-up", digest_size=KEY_BYTES, key=key).digest()


def _opens(slot: bytes, ring: KeyRing) -> bool:
    try:
        ring.unwrap([slot])
    except RecordsError:
        return False
    return True


def _nonce(number: int) -> bytes:
    return number.to_bytes(12, "big")


def _places(table: bytes) -> list[tuple[int, int]]:
    """(offset, size) of each chunk."""
    places, at = [], CHUNKS_AT
    for (size,) in SIZE_OF.iter_unpack(table):
        places.append((at, size))
        at += size
    return places


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
