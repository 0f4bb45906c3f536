"""What a folder of records holds when a writer opens it: where to go on, and what the last one left undone."""

from __future__ import annotations

import mmap
import os
from dataclasses import dataclass, field
from pathlib import Path

from ringfence.records import gone
from ringfence.records.errors import RecordsError
from ringfence.records.framing import (
    DIGEST,
    HEAD,
    NOTHING,
    OPEN,
    SEAL,
    VAULT,
    Block,
    Damage,
    Header,
    blocks,
    read_header,
    segments,
)
from ringfence.records.vault_file import read_card


@dataclass(frozen=True)
class Unsealed:
    """A segment that its writer did not seal.

    next: the sequence behind its last record. end: bytes of it that are whole. link: of its last block.
    """

    path: Path
    first: int
    next: int
    end: int
    link: bytes


@dataclass
class Found:
    """next: the sequence of the next record. link: of the last block. notes: what was repaired, for the record."""

    next: int = 1
    link: bytes = NOTHING
    repaired_bytes: int = 0
    notes: list[str] = field(default_factory=list)
    unsealed: list[Unsealed] = field(default_factory=list)


def recover(folder: Path) -> Found:
    """Look through a folder that nobody else writes; half blocks at the end of open segments are cut off.

    Raises RecordsError where the folder cannot be read or mended.
    """
    found = Found()
    deleted, _ = gone.read(folder)
    newest = max((each[-1] for each in deleted.values()), key=lambda each: each.next, default=None)
    if newest is not None:  # where retention took everything, the chain goes on behind what stood there
        found.next, found.link = newest.next, newest.link
    try:
        for path in segments(folder):
            if path.suffix == OPEN:
                _open_segment(path, found)
            elif path.suffix == VAULT:
                about = read_card(path).about
                if about.next >= found.next:
                    found.next, found.link = about.next, about.link
            else:
                _sealed_segment(path, found)
    except OSError as error:
        raise RecordsError(f"{folder}: records cannot be read: {error.strerror}") from None
    return found


def _open_segment(path: Path, found: Found) -> None:
    with path.open("r+b") as file:
        size = os.fstat(file.fileno()).st_size
        with mapped(file.fileno(), size) as data:
            header = read_header(data)
            if isinstance(header, Damage):
                found.repaired_bytes += size
                if header.kind == "cut":  # its writer went before it wrote a record
                    found.notes.append(f"{path.name}: {header.text}; there is nothing in it")
                    path.unlink()
                else:
                    found.notes.append(f"{path.name}: {header.text}; set aside")
                    path.rename(path.with_suffix(".damaged"))
                return
            end, last, link, damage = header.size, header.first, header.link, None
            for each in blocks(data, header):
                if isinstance(each, Damage):
                    damage = each
                    break
                if each.kind == SEAL:
                    break
                end, last, link = each.end, each.first + len(each.bodies), each.link
        if damage is not None:
            if damage.kind != "cut" and not _unwritten(path, damage.offset):
                keep = path.with_suffix(f".{damage.offset}.damaged")
                keep.write_bytes(path.read_bytes()[damage.offset :])
            found.notes.append(f"{path.name}: {damage.text}; {size - end} bytes from {end} on were cut off")
            found.repaired_bytes += size - end
        file.truncate(end)
        os.fsync(file.fileno())
    if last > header.first:
        found.unsealed.append(Unsealed(path, header.first, last, end, link))
        found.next, found.link = max(found.next, last), link
    else:
        path.unlink()  # a header alone


def _unwritten(path: Path, offset: int) -> bool:
    """Whether only zeros follow: a power cut leaves them where the length reached the disk before the data."""
    with path.open("rb") as file:
        file.seek(offset)
        while chunk := file.read(1 << 20):
            if chunk.strip(b"\0"):
                return False
    return True


def _sealed_segment(path: Path, found: Found) -> None:
    """Its seal tells where it ended; a damaged one is left as it is, for `verify` to tell."""
    seal = read_seal(path)
    if seal is not None:
        if seal[0] >= found.next:
            found.next, found.link = seal
        return
    with path.open("rb") as file, mapped(file.fileno(), os.fstat(file.fileno()).st_size) as data:
        header = read_header(data)
        if isinstance(header, Header):
            found.next = max(found.next, header.first)
            for each in blocks(data, header):
                if isinstance(each, Block):
                    found.next, found.link = max(found.next, each.first + len(each.bodies)), each.link
    found.notes.append(f"{path.name}: its seal is missing or damaged")


def read_seal(path: Path) -> tuple[int, bytes] | None:
    """(sequence behind its last record, digest of its last block) of a sealed segment; None without a good seal."""
    size = HEAD.size + 2 * DIGEST
    with path.open("rb") as file:
        end = os.fstat(file.fileno()).st_size
        if end < size:
            return None
        data = os.pread(file.fileno(), size, end - size)
    kind, length, first, _, _ = HEAD.unpack_from(data, DIGEST)
    if kind != SEAL or length:
        return None
    return first, data[:DIGEST]


def mapped(descriptor: int, size: int) -> mmap.mmap | memoryview:
    """A file's bytes, read as they are needed; an empty file has none to map."""
    return mmap.mmap(descriptor, size, access=mmap.ACCESS_READ) if size else memoryview(b"")
