"""The compiled ledger as bytes: written once, mapped by every worker, looked into in place.

A head (magic, version, byte order, length and CRC-32 of what follows, digest of what it was made from), a directory in
JSON, then the sections, each at a multiple of 8. Integers are in the machine's own byte order: a snapshot is a cache
beside the files it was made from, and one that does not fit is made anew.
"""

from __future__ import annotations

import struct
import zlib
from array import array
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import orjson

from ringfence.errors import RingfenceError
from ringfence.ledger.pack import Buffer

MAGIC = b"ringfnce"
VERSION = 2
_HEAD = struct.Struct("=8sIIQI32s4x")  # magic, version, size of the directory, size of all, CRC-32, digest
_CHUNK = 1 << 20


class SnapshotError(RingfenceError):
    """No snapshot of ours, of another version, or damaged."""


Section = tuple[str, tuple[Buffer, ...]]
"""A section's name and the pieces that it is made of."""


def written(sections: Sequence[Section], facts: dict[str, Any], digest: bytes) -> Iterator[Buffer]:
    """The pieces of a snapshot, to be written one behind the other.

    facts: what its reader has to know beside the sections, plain values. digest: 32 bytes that say what it is made of.
    """
    places: dict[str, tuple[int, int]] = {}
    at = 0
    for name, pieces in sections:
        size = sum(memoryview(piece).nbytes for piece in pieces)
        places[name] = (at, size)
        at += _padded(size)
    directory = orjson.dumps({"sections": places, "facts": facts})
    directory += b" " * (-len(directory) % 8)
    body: list[Buffer] = [directory]
    for name, pieces in sections:
        size = places[name][1]
        body += [*pieces, bytes(_padded(size) - size)]
    total = _HEAD.size + len(directory) + at
    checksum = _begun(len(directory), total)
    for piece in body:
        checksum = zlib.crc32(piece, checksum)
    yield _HEAD.pack(MAGIC, VERSION, len(directory), total, checksum, digest)
    yield from body


def _padded(size: int) -> int:
    return size + -size % 8


class Snapshot:
    """A snapshot to read from. Raises SnapshotError.

    buffer: the whole of it; kept as long as this lives. facts: what its writer said. digest: of what it is made from.
    """

    __slots__ = ("_places", "buffer", "digest", "facts", "view")

    def __init__(self, buffer: Buffer) -> None:
        view = memoryview(buffer).cast("B")
        if len(view) < _HEAD.size:
            raise SnapshotError("no ledger snapshot: too short")
        magic, version, directory, total, checksum, digest = _HEAD.unpack(view[: _HEAD.size])
        if magic != MAGIC or version != VERSION:
            raise SnapshotError("no ledger snapshot of this version")
        if total != len(view) or directory > total - _HEAD.size:
            raise SnapshotError("a ledger snapshot that was cut short")
        if _checksum(view[_HEAD.size :], _begun(directory, total)) != checksum:
            raise SnapshotError("a damaged ledger snapshot")
        start = _HEAD.size + directory
        said = orjson.loads(view[_HEAD.size : start])
        self.buffer = buffer
        self.view = view
        self.digest: bytes = digest
        self.facts: dict[str, Any] = said["facts"]
        self._places = {name: (start + at, size) for name, (at, size) in said["sections"].items()}

    def place(self, name: str) -> tuple[int, int]:
        """Where a section begins and its bytes."""
        return self._places[name]

    def section(self, name: str) -> memoryview[int]:
        """A section's bytes."""
        at, size = self._places[name]
        return self.view[at : at + size]


def _begun(directory: int, total: int) -> int:
    """The checksum over what the head says of the sizes."""
    return zlib.crc32(struct.pack("=IQ", directory, total))


def _checksum(view: memoryview[int], checksum: int) -> int:
    for at in range(0, len(view), _CHUNK):
        checksum = zlib.crc32(view[at : at + _CHUNK], checksum)
    return checksum


class Records:
    """Byte strings of any length in two sections: `NAME` and, where each ends, `NAME.ends` (uint64)."""

    __slots__ = ("_data", "_ends")

    def __init__(self, snapshot: Snapshot, name: str) -> None:
        self._data = snapshot.section(name)
        self._ends = snapshot.section(f"{name}.ends").cast("Q")

    def __len__(self) -> int:
        return len(self._ends)

    def __getitem__(self, place: int) -> bytes:
        return bytes(self._data[self._ends[place - 1] if place else 0 : self._ends[place]])


def records(name: str, texts: Iterable[bytes]) -> list[Section]:
    """The two sections that `Records` reads."""
    data = bytearray()
    ends = array("Q")
    for text in texts:
        data += text
        ends.append(len(data))
    return [(name, (data,)), (f"{name}.ends", (ends,))]
