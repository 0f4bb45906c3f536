"""A vault as bytes: what a sealed segment becomes when it is compressed and encrypted.

    MAGIC | two slots with the segment's own key, wrapped | chunks | table of the chunks' sizes | about (JSON) | TAIL

The plain bytes of the segment are cut into chunks of CHUNK bytes, each compressed (zlib) and encrypted (AES-256-GCM)
by itself, so that one record is read without the rest. `about` stands in the clear: it has nothing of any call, and the
writer of records and `verify` learn from it where the chain goes on without holding a key. TAIL has a tag over
table and about, under the segment's key.

All integers are little-endian.
"""

from __future__ import annotations

import os
import struct
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from ringfence.records.errors import RecordsError, Tampered

MAGIC = b"RFVLT\x01\r\n"
SLOT = 64  # bytes of a wrapped key: 4 name the key that wraps it, 12 nonce, 32 key, 16 tag
SLOTS = 2  # so that one is whole whatever happens while keys are changed
CHUNKS_AT = len(MAGIC) + SLOTS * SLOT
CHUNK = 32_768  # plain bytes; larger ones compress little better and make every look-up dearer
TAIL = struct.Struct("<QII16s8s")  # offset of the table, chunks, length of about, tag, MAGIC
SIZE_OF = struct.Struct("<I")


class About(NamedTuple):
    """What a vault says in the clear.

    first, next: sequence numbers of the segment. previous, link: digests of the last block before it and of its own.
    began, ended: of its records, microseconds; 0: it has none. size: plain bytes. thinned: whether retention took
    records out; the chain of blocks inside is then another one, and the retention journal says what stood here.
    """

    node: str
    schema: int
    first: int
    next: int
    previous: bytes
    link: bytes
    began: int
    ended: int
    size: int
    thinned: bool


class Layout(NamedTuple):
    """A vault's trailer. covered: table and about, as the tag covers them."""

    about: About
    table_at: int
    chunks: int
    covered: bytes
    tag: bytes


def about_values(about: About) -> dict[str, Any]:
    """As JSON has it."""
    return {**about._asdict(), "previous": about.previous.hex(), "link": about.link.hex()}


def about_from(values: dict[str, Any]) -> About:
    """The same again. Raises KeyError, TypeError, ValueError."""
    previous, link = bytes.fromhex(values["previous"]), bytes.fromhex(values["link"])
    return About(**{**values, "previous": previous, "link": link})


class Stamp(NamedTuple):
    """What a file system tells files, and states of one file, apart by. changed: nanoseconds."""

    inode: int
    size: int
    changed: int


def stamp_of(status: os.stat_result) -> Stamp:
    """Of what `stat` says."""
    return Stamp(status.st_ino, status.st_size, status.st_mtime_ns)


class Card(NamedTuple):
    """A vault at first sight. tag: of this very file, no other has it. slots: its key, wrapped. stamp: at that time."""

    about: About
    tag: bytes
    slots: list[bytes]
    stamp: Stamp


def read_card(path: Path) -> Card:
    """No key is needed. Raises Tampered, RecordsError."""
    try:
        with path.open("rb", buffering=0) as file:
            stamp = stamp_of(os.fstat(file.fileno()))  # before the rest, so that it is never newer than that
            said, _, about = _trailer(path, file.fileno())
            return Card(about, said[3], read_slots(path, file.fileno()), stamp)
    except OSError as error:
        raise RecordsError(f"{path.name}: cannot be read: {error.strerror}") from None


def read_slots(path: Path, descriptor: int) -> list[bytes]:
    """The wrapped keys. Raises Tampered, OSError."""
    data = os.pread(descriptor, CHUNKS_AT, 0)
    if not data.startswith(MAGIC) or len(data) < CHUNKS_AT:
        raise Tampered(f"{path.name}: its beginning was changed")
    return [data[at : at + SLOT] for at in range(len(MAGIC), CHUNKS_AT, SLOT)]


def read_layout(path: Path, descriptor: int) -> Layout:
    """All that is needed to read it. Raises RecordsError, OSError."""
    (table_at, count, length, tag, _), end, about = _trailer(path, descriptor)
    covered = os.pread(descriptor, end - table_at, table_at)
    if len(covered) != count * SIZE_OF.size + length:
        raise Tampered(f"{path.name}: its trailer was changed or damaged")
    return Layout(about, table_at, count, covered, tag)


def _trailer(path: Path, descriptor: int) -> tuple[tuple[int, int, int, bytes, bytes], int, About]:
    size = os.fstat(descriptor).st_size
    end = size - TAIL.size
    tail = os.pread(descriptor, TAIL.size, end) if end > CHUNKS_AT else b""
    if len(tail) < TAIL.size:
        raise Tampered(f"{path.name}: this is no vault, or its end is missing")
    said = TAIL.unpack(tail)
    if said[4] != MAGIC or not CHUNKS_AT <= said[0] <= end - said[2]:
        raise Tampered(f"{path.name}: this is no vault, or its end is missing")
    try:
        return said, end, about_from(orjson.loads(os.pread(descriptor, said[2], end - said[2])))
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError):
        raise Tampered(f"{path.name}: its trailer was changed or damaged") from None
