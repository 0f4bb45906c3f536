"""What retention took away: one line a segment in a journal, so that the chain can be followed over the holes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from ringfence.records import journal
from ringfence.records.vault_file import About

FILE = "retention.log"


class Gone(NamedTuple):
    """A segment of which records were deleted: what stood there, and what is left.

    first, next: sequence numbers. previous, link: digests before its first block and of its last one, as they were.
    left: digest of the last block of the thinned segment that took its place; b"": it is gone altogether.
    """

    first: int
    next: int
    previous: bytes
    link: bytes
    left: bytes


def note(folder: Path, about: About, left: bytes, deleted: Mapping[str, int], at: float) -> None:
    """Before anything is deleted. deleted: calls by class. at: epoch seconds. Raises RecordsError."""
    entry = {
        "at": round(at, 3),
        "first": about.first,
        "next": about.next,
        "previous": about.previous.hex(),
        "link": about.link.hex(),
        "left": left.hex(),
        "deleted": dict(deleted),
    }
    journal.append(folder / FILE, entry)


def read(folder: Path) -> tuple[dict[int, list[Gone]], str]:
    """What is gone by first sequence number, oldest line first; and what is wrong with the journal, "" for nothing."""
    gone: dict[int, list[Gone]] = {}
    for line in journal.read(folder / FILE):
        if line.fault:
            return gone, f"line {line.number}: {line.fault}"
        said = line.entry
        digests = (bytes.fromhex(said[name]) for name in ("previous", "link", "left"))
        gone.setdefault(said["first"], []).append(Gone(said["first"], said["next"], *digests))
    return gone, ""
