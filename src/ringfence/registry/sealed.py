"""Files encrypted at rest, so that a stolen disk or backup tells nothing without the key file.

The STREAM construction (Hoang, Reyhanitabar, Rogaway, Vizár 2015), laid out as age does: a random key a file, wrapped
under a key of the ring; then chunks of 64 KiB, each AES-256-GCM with a counter and a mark of the last one as its nonce.
So chunks cannot be changed, left out, doubled or put in another order, a file that was cut short is told from a whole
one, and any part can be read without the rest.

MAGIC, 64 bytes of wrapped key, then chunks of 64 KiB + 16 bytes, the last one shorter or whole.
"""

from __future__ import annotations

import io
import os
from typing import BinaryIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from ringfence.key_files import KEY_BYTES
from ringfence.registry.errors import RegistryError
from ringfence.registry.numbers import WRAPPED_BYTES, KeyRing

MAGIC = b"\x93RFE1\r\n\x1a"  # no kind of evidence begins so
HEADER_BYTES = len(MAGIC) + WRAPPED_BYTES
CHUNK = 64 * 1024
_TAG_BYTES = 16
_SEALED_CHUNK = CHUNK + _TAG_BYTES


class SealingWriter:
    """Encrypts what is written to it; without `finish` the file is none."""

    def __init__(self, target: BinaryIO, ring: KeyRing) -> None:
        key = os.urandom(KEY_BYTES)
        self._target = target
        self._box = AESGCM(key)
        self._chunk = 0
        self._rest = bytearray()
        target.write(MAGIC + ring.wrap(key))

    def write(self, data: bytes) -> int:
        """Take some bytes; how many."""
        self._rest += data
        while len(self._rest) > CHUNK:  # the last chunk is known only when it is over
            self._put(bytes(self._rest[:CHUNK]), last=False)
            del self._rest[:CHUNK]
        return len(data)

    def finish(self) -> None:
        """Write the last chunk."""
        self._put(bytes(self._rest), last=True)

    def _put(self, data: bytes, last: bool) -> None:
        self._target.write(self._box.encrypt(_nonce(self._chunk, last), data, None))
        self._chunk += 1


class SealedReader(io.RawIOBase):
    """A sealed file as it was before: any place of it can be read. Put an io.BufferedReader of CHUNK around it.

    Reading raises RegistryError where the file was changed, cut short, or is under a key that is not in the ring.
    size: of the plain file, in bytes.
    """

    def __init__(self, source: BinaryIO, ring: KeyRing) -> None:
        """source: a file that `is_sealed`, which is closed with this. Raises RegistryError."""
        super().__init__()
        self._source = source
        header = source.read(HEADER_BYTES)
        length = source.seek(0, os.SEEK_END) - HEADER_BYTES
        self._chunks = max(1, -(-length // _SEALED_CHUNK))
        self.size = length - self._chunks * _TAG_BYTES
        shortest = _TAG_BYTES + (self._chunks > 1)  # of the last chunk: only an empty file's is empty
        if len(header) < HEADER_BYTES or length - (self._chunks - 1) * _SEALED_CHUNK < shortest:
            raise RegistryError("the encrypted file was cut short")
        self._box = AESGCM(ring.unwrap(header[len(MAGIC) :]))
        self._place = 0

    def readable(self) -> bool:
        """Always."""
        return True

    def seekable(self) -> bool:
        """Always."""
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Go to a place of the plain file."""
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._place, os.SEEK_END: self.size}[whence]
        self._place = max(0, base + offset)
        return self._place

    def tell(self) -> int:
        """The place in the plain file."""
        return self._place

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        """Up to the end of a chunk."""
        number, offset = divmod(self._place, CHUNK)
        if self._place >= self.size and self.size:
            return 0
        self._source.seek(HEADER_BYTES + number * _SEALED_CHUNK)
        sealed = self._source.read(_SEALED_CHUNK)
        try:
            data = self._box.decrypt(_nonce(number, number == self._chunks - 1), sealed, None)
        except InvalidTag:
            raise RegistryError("the encrypted file was changed or cut short") from None
        some = data[offset : offset + len(buffer)]
        buffer[: len(some)] = some
        self._place += len(some)
        return len(some)

    def close(self) -> None:
        """Close the source too."""
        self._source.close()
        super().close()


def is_sealed(beginning: bytes) -> bool:
    """Whether a file that begins so is encrypted."""
    return beginning[: len(MAGIC)] == MAGIC


def reader(source: io.BufferedReader, ring: KeyRing) -> io.BufferedReader:
    """A file's plain content, whether it is encrypted or from before files were. Raises RegistryError."""
    beginning = source.read(len(MAGIC))
    source.seek(0)
    return io.BufferedReader(SealedReader(source, ring), CHUNK) if is_sealed(beginning) else source


def rewrapped(source: BinaryIO, target: BinaryIO, ring: KeyRing) -> None:
    """Copy a file to one under the ring's present key; a plain one is encrypted. Raises RegistryError, OSError."""
    header = source.read(HEADER_BYTES)
    source.seek(0)
    if is_sealed(header):
        source.seek(HEADER_BYTES)
        target.write(MAGIC + ring.wrap(ring.unwrap(header[len(MAGIC) :])))
        while piece := source.read(CHUNK):
            target.write(piece)
        return
    writer = SealingWriter(target, ring)
    while piece := source.read(CHUNK):
        writer.write(piece)
    writer.finish()


def is_current(beginning: bytes, ring: KeyRing) -> bool:
    """Whether a file that begins so (HEADER_BYTES of it) is encrypted under the ring's present key."""
    return is_sealed(beginning) and ring.current(beginning[len(MAGIC) :])


def _nonce(chunk: int, last: bool) -> bytes:
    """Never the same twice under one key: each file has its own."""
    return chunk.to_bytes(11, "big") + bytes((last,))
