"""Segments as bytes: a header, blocks of records chained by digests, and a seal.

A segment begins with MAGIC, the length of its header, the header (JSON) and the header's digest. Each block is HEAD,
the records of one loop turn and a digest over the digest before it, HEAD and records; the first block's "digest before"
is the header's. A record is its length and its body. A sealed segment ends with a block of SEAL without records.
The header of the next segment names the digest of the last block, so that segments hang together too.

All integers are little-endian. Sequence numbers count records from 1, over all segments of one folder.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from hashlib import blake2b
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import orjson

MAGIC = b"RFREC\x01\r\n"  # the line end shows a file that went through a text conversion
BLOCK, SEAL = b"RFbk", b"RFse"
HEAD = struct.Struct("<4sIQQQ")  # kind, length of the records, sequence of the first, wall and monotonic microseconds
LENGTH = struct.Struct("<I")
DIGEST = 16  # bytes
NOTHING = bytes(DIGEST)  # what the first segment of a folder follows
OPEN, SEALED, VAULT = ".open", ".rec", ".vault"  # being written; whole, in the clear; whole, encrypted
LONGEST_HEADER = 65_536
LONGEST_BLOCK = 2**30  # bytes of one turn's records; a longer length is no length


class Readable(Protocol):
    """A segment's plain bytes, wherever they are: a mapped file, a vault."""

    def __len__(self) -> int: ...

    def __getitem__(self, part: slice, /) -> bytes | memoryview: ...


Start = tuple[bytes, bytes]
"""A segment's first bytes, and the digest that its first block follows."""


def digest(before: bytes, data: bytes) -> bytes:
    """The next link of the chain."""
    return blake2b(before + data, digest_size=DIGEST).digest()


def start(node: str, schema: int, first: int, previous: bytes, wall: int) -> Start:
    """A segment's beginning. first: sequence of its first record. previous: digest of the last block before it."""
    header = orjson.dumps({"node": node, "schema": schema, "first": first, "previous": previous.hex(), "created": wall})
    data = MAGIC + LENGTH.pack(len(header)) + header
    link = digest(NOTHING, data)
    return data + link, link


def block(kind: bytes, records: bytes, first: int, wall: int, monotonic: int, before: bytes) -> Start:
    """One block and its digest. wall, monotonic: microseconds."""
    data = HEAD.pack(kind, len(records), first, wall, monotonic) + records
    link = digest(before, data)
    return data + link, link


class Header(NamedTuple):
    """A segment's header. size: bytes up to the first block. link: its digest."""

    node: str
    schema: int
    first: int
    previous: bytes
    created: int
    size: int
    link: bytes


class Block(NamedTuple):
    """One block. offset, end: where it stands in the file. bodies: its records."""

    kind: bytes
    offset: int
    end: int
    first: int
    wall: int
    monotonic: int
    bodies: list[bytes]
    link: bytes


class Damage(NamedTuple):
    """What is wrong with a segment, and where. kind: `cut`, `edit`, `gap` or `header`."""

    kind: str
    offset: int
    text: str


def read_header(data: Readable) -> Header | Damage:
    """The header at the start of a segment."""
    head = bytes(data[: len(MAGIC) + LENGTH.size])
    if len(head) < len(MAGIC) + LENGTH.size:
        return Damage("cut", len(head), "the header is not whole")
    (length,) = LENGTH.unpack_from(head, len(MAGIC))
    if head[: len(MAGIC)] != MAGIC or length > LONGEST_HEADER:
        return Damage("header", 0, "this is no segment of records")
    end = len(head) + length
    raw, link = bytes(data[:end]), bytes(data[end : end + DIGEST])
    if len(link) < DIGEST:
        return Damage("cut", end, "the header is not whole")
    if digest(NOTHING, raw) != link:
        return Damage("edit", 0, "the header was changed")
    try:
        said: dict[str, Any] = orjson.loads(raw[len(head) :])
        previous = bytes.fromhex(said["previous"])
        return Header(said["node"], said["schema"], said["first"], previous, said["created"], end + DIGEST, link)
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError):
        return Damage("header", 0, "the header cannot be read")


def blocks(data: Readable, header: Header) -> Iterator[Block | Damage]:
    """Every block in order; ends with the first damage, since nothing behind it can be believed."""
    offset, link, expected = header.size, header.link, header.first
    size = len(data)
    while offset < size:
        if size - offset < HEAD.size:
            yield Damage("cut", offset, "half a block at the end")
            return
        kind, length, first, wall, monotonic = HEAD.unpack(data[offset : offset + HEAD.size])
        end = offset + HEAD.size + length + DIGEST
        if kind not in (BLOCK, SEAL) or length > LONGEST_BLOCK:
            yield Damage("edit", offset, "no block begins here")
            return
        if end > size:
            yield Damage("cut", offset, "half a block at the end")
            return
        covered = bytes(data[offset : end - DIGEST])
        link = digest(link, covered)
        if link != bytes(data[end - DIGEST : end]):
            yield Damage("edit", offset, "the digest does not fit: changed bytes, or a block was taken out or put in")
            return
        bodies = split(covered)
        if first < expected:
            yield Damage("gap", offset, f"record {first} comes again; {expected} was awaited")
            return
        yield Block(kind, offset, end, first, wall, monotonic, bodies, link)
        expected = first + len(bodies)
        offset = end


def split(covered: bytes) -> list[bytes]:
    """The records in a block without its digest; its digest was right, so the lengths are our own."""
    bodies = []
    at, end = HEAD.size, len(covered)
    while at < end:
        (length,) = LENGTH.unpack_from(covered, at)
        at += LENGTH.size
        bodies.append(covered[at : at + length])
        at += length
    return bodies


def name_of(first: int, suffix: str) -> str:
    """A segment's file name: names sort as their records do."""
    return f"{first:020d}{suffix}"


def segments(folder: Path) -> list[Path]:
    """Every segment of a folder, oldest first, open ones too; each once, encrypted where it is."""
    found = [path for path in folder.iterdir() if path.suffix in (OPEN, SEALED, VAULT) and path.stem.isdigit()]
    found.sort(key=lambda path: path.name)
    vaults = {path.stem for path in found if path.suffix == VAULT}
    return [path for path in found if path.suffix == VAULT or path.stem not in vaults]


def size_of(path: Path) -> int:
    """Bytes of a segment; 0 of one that was sealed, encrypted or deleted since somebody looked. Raises OSError."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
