"""Whether a folder of records is what was written: no gap, no edit, no cut."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple

from ringfence.records.errors import RecordsError
from ringfence.records.framing import OPEN, SEAL, SEALED, Damage, Header, blocks, read_header, segments
from ringfence.records.place import spools
from ringfence.records.recover import mapped
from ringfence.records.schema import decode

NOTED = ("lost", "fault")  # events that the writer itself tells of


class Trouble(NamedTuple):
    """One thing that is wrong. kind: `gap`, `edit`, `cut`, `header` or `damaged`."""

    file: str
    kind: str
    offset: int
    text: str


class Report(NamedTuple):
    """What was found. first, next: of the sequence numbers; head: digest of the last block, to keep elsewhere.

    open_bytes: of half a block at the end of the newest segment, which a running writer is just writing, or a killed
    one left; the next start cuts it off. notes: what the writers noted of themselves besides their starts.
    """

    segments: int
    records: int
    first: int
    next: int
    head: str
    open_bytes: int
    troubles: list[Trouble]
    notes: list[str]


class _Chain:
    """What the next segment must follow. None: nothing is known of what was before."""

    def __init__(self) -> None:
        self.link: bytes | None = None
        self.first = self.next = self.records = self.open_bytes = 0
        self.troubles: list[Trouble] = []
        self.notes: list[str] = []


def verify(folder: Path, progress: Callable[[int, int], None] | None = None) -> Report:
    """Read every byte of every segment. progress: told bytes done, and of how many. Raises RecordsError."""
    try:
        paths = segments(folder)
        total = sum(path.stat().st_size for path in paths)
        chain = _Chain()
        done = 0
        for path in paths:
            _segment(path, path is paths[-1], chain)
            done += path.stat().st_size
            if progress is not None:
                progress(done, total)
        for path in sorted(folder.glob("*.damaged")):
            chain.troubles.append(Trouble(path.name, "damaged", 0, "set aside by an earlier start: look into it"))
    except OSError as error:
        raise RecordsError(f"{folder}: cannot be read: {error.strerror}") from None
    head = "" if chain.link is None else chain.link.hex()
    return Report(
        len(paths), chain.records, chain.first, chain.next, head, chain.open_bytes, chain.troubles, chain.notes
    )


def verify_all(folder: Path, progress: Callable[[int, int], None] | None = None) -> dict[str, Report]:
    """`verify` of every spool of a daemon, by its folder's name within; `.` is the daemon's own. Raises RecordsError.

    Only spools that hold segments are told of, and the daemon's own where there is no other.
    """
    try:
        found = {path.relative_to(folder).as_posix(): path for path in spools(folder)}
        sizes = {name: sum(each.stat().st_size for each in segments(path)) for name, path in found.items()}
    except OSError as error:
        raise RecordsError(f"{folder}: cannot be read: {error.strerror}") from None
    reports: dict[str, Report] = {}
    done, total = 0, sum(sizes.values())
    for name, path in found.items():
        reports[name] = verify(path, None if progress is None else partial(_further, progress, done, total))
        done += sizes[name]
    told = {name: report for name, report in reports.items() if report.segments or report.troubles}
    return told or {".": reports["."]}


def _further(progress: Callable[[int, int], None], before: int, total: int, done: int, _: int) -> None:
    progress(before + done, max(total, before + done))


def _segment(path: Path, newest: bool, chain: _Chain) -> None:
    with path.open("rb") as file, mapped(file.fileno(), os.fstat(file.fileno()).st_size) as data:
        header = read_header(data)
        if isinstance(header, Damage):
            if newest and path.suffix == OPEN and header.kind == "cut":
                chain.open_bytes = len(data)
            else:
                chain.troubles.append(Trouble(path.name, header.kind, header.offset, header.text))
                chain.link = None
            return
        _follows(path, header, chain)
        chain.link, chain.next = header.link, header.first
        sealed = False
        for each in blocks(data, header):
            if isinstance(each, Damage):
                if each.kind == "cut" and newest and path.suffix == OPEN:
                    chain.open_bytes = len(data) - each.offset
                else:
                    chain.troubles.append(Trouble(path.name, each.kind, each.offset, each.text))
                    chain.link = None  # what follows can be compared with nothing
                return
            if sealed:
                chain.troubles.append(Trouble(path.name, "edit", each.offset, "something follows the seal"))
                return
            if each.first > chain.next:
                _gap(path, each.offset, each.first, chain)
            if each.kind == SEAL:
                sealed = True
                continue
            chain.link, chain.next = each.link, each.first + len(each.bodies)
            chain.records += len(each.bodies)
            _read_notes(each.bodies, chain)
        if path.suffix == SEALED and not sealed:
            chain.troubles.append(Trouble(path.name, "cut", len(data), "its seal is missing"))


def _follows(path: Path, header: Header, chain: _Chain) -> None:
    if chain.first == 0:
        chain.first = header.first
        return
    if chain.link is None:
        return
    if header.previous != chain.link:
        missing = header.first - chain.next
        text = f"it does not follow the segment before it: {missing} records are missing" if missing > 0 else (
            "it does not follow the segment before it: the end of that one, or this beginning, was changed"
        )  # fmt: skip
        chain.troubles.append(Trouble(path.name, "gap" if missing > 0 else "edit", 0, text))
    elif header.first > chain.next:
        _gap(path, 0, header.first, chain)


def _gap(path: Path, offset: int, first: int, chain: _Chain) -> None:
    """The chain holds, so the writer itself left numbers out: it lost records, and says so in a note."""
    text = f"records {chain.next} to {first - 1} were never written"
    chain.troubles.append(Trouble(path.name, "gap", offset, text))


def _read_notes(bodies: list[bytes], chain: _Chain) -> None:
    for body in bodies:
        if body.startswith(b"N\n"):
            said = decode(body)
            if said["event"] in NOTED:
                chain.notes.append(f"{said['event']}: {said['text']}")


def read(folder: Path) -> Iterator[tuple[int, dict[str, str]]]:
    """(sequence, fields) of every record in order, up to the first damage of each segment. Raises RecordsError."""
    try:
        for path in segments(folder):
            yield from read_segment(path)
    except OSError as error:
        raise RecordsError(f"{folder}: cannot be read: {error.strerror}") from None


def read_segment(path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    """The same of one segment."""
    with path.open("rb") as file, mapped(file.fileno(), os.fstat(file.fileno()).st_size) as data:
        header = read_header(data)
        if isinstance(header, Damage):
            return
        for each in blocks(data, header):
            if isinstance(each, Damage):
                return
            for place, body in enumerate(each.bodies):
                yield each.first + place, decode(body)
