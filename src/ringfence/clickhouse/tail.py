"""The spool followed while it is written: records behind a sequence number, in order, each as soon as it is safe.

What was written less than SAFE ago may still be lost by a power cut, and its number be given to another record.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from ringfence.clickhouse.errors import ClickHouseError
from ringfence.records.errors import RecordsError, Tampered
from ringfence.records.framing import (
    BLOCK,
    DIGEST,
    HEAD,
    OPEN,
    SEAL,
    VAULT,
    Damage,
    Header,
    Readable,
    blocks,
    read_header,
    segments,
    split,
)
from ringfence.records.vault import Keys, Vault, opened
from ringfence.records.vault_file import read_card

SAFE = 1.0  # seconds: five times as long as records.fsync may be


class Found(NamedTuple):
    """One record."""

    node: str
    sequence: int
    body: bytes
    wall: int  # microseconds since 1970 at which it was written


class End:
    """How far a folder's records go. Digests are not looked at, so that a look costs next to nothing."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._stem = ""
        self._offset = 0
        self._next = 1

    def next(self) -> int:
        """The sequence number behind the last record. Raises ClickHouseError."""
        try:
            every = segments(self._folder)
            return self._in(every[-1]) if every else 1
        except RecordsError as error:
            raise ClickHouseError(f"{self._folder}: records cannot be read: {error}") from None
        except OSError as error:
            raise ClickHouseError(f"{self._folder}: records cannot be read: {error.strerror}") from None

    def _in(self, path: Path) -> int:
        if path.suffix == VAULT:
            return read_card(path).about.next
        with opened(path, None) as data:
            if path.stem != self._stem:
                header = read_header(data)
                if isinstance(header, Damage):
                    return int(path.stem)
                self._stem, self._offset, self._next = path.stem, header.size, header.first
            while self._offset + HEAD.size <= len(data):
                kind, length, first, _, _ = HEAD.unpack(data[self._offset : self._offset + HEAD.size])
                end = self._offset + HEAD.size + length + DIGEST
                if kind not in (BLOCK, SEAL) or end > len(data):
                    break
                self._next = first + len(split(bytes(data[self._offset : end - DIGEST])))
                self._offset = end
        return self._next


class Tail:
    """Reads on from `next`, the sequence number of the first record that is wanted. keys: for encrypted segments.

    waiting: microseconds since 1970 at which the oldest record that is not yet read was written, 0: there is none.
    damaged: segments that could not be read to their end.
    """

    def __init__(self, folder: Path, next_: int, keys: Keys | None = None) -> None:
        self.folder = folder
        self.next = next_
        self.waiting = 0
        self.damaged: set[str] = set()
        self._keys = keys
        self._place: tuple[str, Header] | None = None  # where the last look ended in its segment

    def read(self, most: int) -> list[Found]:
        """The next records, at most so many and the rest of a block. Raises ClickHouseError."""
        found: list[Found] = []
        try:
            for path in self._wanted():
                found += self._of(path, most - len(found))
                if len(found) >= most:
                    break
        except RecordsError as error:
            raise ClickHouseError(f"{self.folder}: records cannot be read: {error}") from None
        except OSError as error:
            raise ClickHouseError(f"{self.folder}: records cannot be read: {error.strerror}") from None
        return found

    def _wanted(self) -> list[Path]:
        """Segments from the one with `next` on."""
        every = segments(self.folder)
        if not every:
            return []
        behind = [place for place, path in enumerate(every) if int(path.stem) <= self.next]
        return every[behind[-1] if behind else 0 :]

    def _of(self, path: Path, most: int) -> Iterator[Found]:
        try:
            with opened(path, self._keys) as data:
                yield from self._in(path, data, most)
        except Tampered:
            self._damage(path)

    def _in(self, path: Path, data: Readable, most: int) -> Iterator[Found]:
        safe = (time.time() - SAFE) * 1e6
        header = self._header(path, data)
        if isinstance(header, Damage):
            self._damage(path)
            return
        count = 0
        self.waiting = 0
        for block in blocks(data, header):
            if isinstance(block, Damage):
                self._damage(path)
                return
            following = block.first + len(block.bodies)
            if (path.suffix == OPEN and block.wall > safe) or count >= most:
                self.waiting = block.wall
                return
            for sequence, body in enumerate(block.bodies, block.first):
                if sequence >= self.next:
                    count += 1
                    yield Found(header.node, sequence, body, block.wall)
            self.next = max(self.next, following)
            self._place = path.stem, header._replace(size=block.end, link=block.link, first=following)

    def _header(self, path: Path, data: Readable) -> Header | Damage:
        """Where reading goes on; at the beginning of what retention took records out of, for places moved there."""
        thinned = isinstance(data, Vault) and data.about.thinned
        if self._place is not None and self._place[0] == path.stem and not thinned:
            return self._place[1]
        return read_header(data)

    def _damage(self, path: Path) -> None:
        if path.suffix != OPEN:  # of an open one the end may be on its way
            self.damaged.add(path.stem)
