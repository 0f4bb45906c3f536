"""Whether a folder of records is what was written: no gap, no edit, no cut."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple

from ringfence.records import gone
from ringfence.records.errors import RecordsError, Tampered
from ringfence.records.framing import (
    HEAD,
    LENGTH,
    OPEN,
    SEAL,
    VAULT,
    Damage,
    Header,
    Readable,
    blocks,
    read_header,
    segments,
    size_of,
)
from ringfence.records.gone import Gone
from ringfence.records.place import spools
from ringfence.records.schema import decode
from ringfence.records.vault import Keys, opened
from ringfence.records.vault_file import About, read_card

_END = 2**63  # behind every sequence number
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
    deleted, thinned: segments that retention took away, or took records out of, and the chain goes on over them.
    """

    segments: int
    records: int
    first: int
    next: int
    head: str
    open_bytes: int
    troubles: list[Trouble]
    notes: list[str]
    deleted: int
    thinned: int


class _Chain:
    """What the next segment must follow. None: nothing is known of what was before."""

    def __init__(self, gone: dict[int, list[Gone]]) -> None:
        self.gone = gone
        self.link: bytes | None = None
        self.first = self.next = self.records = self.open_bytes = self.deleted = self.thinned = 0
        self.troubles: list[Trouble] = []
        self.notes: list[str] = []


def verify(folder: Path, progress: Callable[[int, int], None] | None = None, keys: Keys | None = None) -> Report:
    """Read every byte of every segment. progress: told bytes done, and of how many.

    keys: for encrypted segments. Raises RecordsError, also where a key is missing.
    """
    try:
        paths = segments(folder)
        sizes = [size_of(path) for path in paths]
        deleted, fault = gone.read(folder)
        chain = _Chain(deleted)
        if fault:
            chain.troubles.append(Trouble(gone.FILE, "edit", 0, fault))
        done = 0
        for path, size in zip(paths, sizes, strict=True):
            _segment(path, path is paths[-1], chain, keys)
            done += size
            if progress is not None:
                progress(done, sum(sizes))
        _bridge(_END, chain)
        for path in sorted(folder.glob("*.damaged")):
            chain.troubles.append(Trouble(path.name, "damaged", 0, "set aside by an earlier start: look into it"))
    except OSError as error:
        raise RecordsError(f"{folder}: cannot be read: {error.strerror}") from None
    return Report(
        len(paths), chain.records, chain.first, chain.next, "" if chain.link is None else chain.link.hex(),
        chain.open_bytes, chain.troubles, chain.notes, chain.deleted, chain.thinned,
    )  # fmt: skip


def verify_all(
    folder: Path, progress: Callable[[int, int], None] | None = None, keys: Keys | None = None
) -> dict[str, Report]:
    """`verify` of every spool of a daemon, by its folder's name within; `.` is the daemon's own. Raises RecordsError.

    Only spools that hold segments are told of, and the daemon's own where there is no other.
    """
    try:
        found = {path.relative_to(folder).as_posix(): path for path in spools(folder)}
        sizes = {name: sum(map(size_of, segments(path))) for name, path in found.items()}
    except OSError as error:
        raise RecordsError(f"{folder}: cannot be read: {error.strerror}") from None
    reports: dict[str, Report] = {}
    done, total = 0, sum(sizes.values())
    for name, path in found.items():
        reports[name] = verify(path, None if progress is None else partial(_further, progress, done, total), keys)
        done += sizes[name]
    told = {name: report for name, report in reports.items() if report.segments or report.troubles}
    return told or {".": reports["."]}


def _further(progress: Callable[[int, int], None], before: int, total: int, done: int, _: int) -> None:
    progress(before + done, max(total, before + done))


def _segment(path: Path, newest: bool, chain: _Chain, keys: Keys | None) -> None:
    before = len(chain.troubles)
    try:
        about = read_card(path).about if path.suffix == VAULT else None
        with opened(path, keys) as data:
            _walk(path, newest and path.suffix == OPEN, data, chain, about is not None and about.thinned)
    except Tampered as error:
        chain.troubles.append(Trouble(path.name, "edit", 0, str(error)))
        chain.link = None
        return
    if about is not None and len(chain.troubles) == before:
        _matches(path, about, chain)


def _walk(path: Path, unfinished: bool, data: Readable, chain: _Chain, thinned: bool) -> None:
    """unfinished: half a block may stand at its end. thinned: numbers are missing by right."""
    header = read_header(data)
    if isinstance(header, Damage):
        if unfinished and header.kind == "cut":
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
            if each.kind == "cut" and unfinished:
                chain.open_bytes = len(data) - each.offset
            else:
                chain.troubles.append(Trouble(path.name, each.kind, each.offset, each.text))
                chain.link = None  # what follows can be compared with nothing
            return
        if sealed:
            chain.troubles.append(Trouble(path.name, "edit", each.offset, "something follows the seal"))
            return
        if each.first > chain.next and not thinned:
            _gap(path, each.offset, each.first, chain)
        if each.kind == SEAL:
            sealed = True
            continue
        chain.link, chain.next = each.link, each.first + len(each.bodies)
        chain.records += len(each.bodies)
        _read_notes(each.bodies, chain)
    if path.suffix != OPEN and not sealed:
        chain.troubles.append(Trouble(path.name, "cut", len(data), "its seal is missing"))


def _matches(path: Path, about: About, chain: _Chain) -> None:
    """What a vault says in the clear is what is in it; of a thinned one the journal says what stood there."""
    if about.thinned:
        here = Gone(about.first, about.next, about.previous, about.link, chain.link or b"")
        if here not in chain.gone.get(about.first, ()):
            text = f"records were taken out of it, and {gone.FILE} does not say so"
            chain.troubles.append(Trouble(path.name, "edit", 0, text))
        chain.thinned += 1
        chain.link, chain.next = about.link, about.next
    elif (about.link, about.next) != (chain.link, chain.next):
        chain.troubles.append(Trouble(path.name, "edit", 0, "its trailer does not say what is in it"))


def _bridge(first: int, chain: _Chain) -> None:
    """Follow the chain over segments that the journal says are gone, up to the one that begins with `first`."""
    if chain.first == 0 and chain.gone:
        oldest = chain.gone[min(chain.gone)][-1]
        if oldest.first < first:
            chain.first, chain.next, chain.link = oldest.first, oldest.first, oldest.previous
    while chain.next < first and chain.link is not None:
        known = [each for each in chain.gone.get(chain.next, ()) if each.previous == chain.link]
        if not known:
            return
        chain.link, chain.next = known[-1].link, known[-1].next
        chain.deleted += 1


def _follows(path: Path, header: Header, chain: _Chain) -> None:
    _bridge(header.first, chain)
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


def read(folder: Path, keys: Keys | None = None) -> Iterator[tuple[int, dict[str, str]]]:
    """(sequence, fields) of every record in order, up to the first damage of each segment. Raises RecordsError."""
    try:
        for path in segments(folder):
            for sequence, _, body in bodies(path, keys):
                yield sequence, decode(body)
    except OSError as error:
        raise RecordsError(f"{folder}: cannot be read: {error.strerror}") from None


def bodies(path: Path, keys: Keys | None = None) -> Iterator[tuple[int, int, bytes]]:
    """(sequence, offset of its body among the plain bytes, body) of every record up to the first damage.

    Raises RecordsError, OSError.
    """
    with opened(path, keys) as data:
        yield from bodies_in(data)


def bodies_in(data: Readable) -> Iterator[tuple[int, int, bytes]]:
    """The same of a segment that is open."""
    header = read_header(data)
    if isinstance(header, Damage):
        return
    for each in blocks(data, header):
        if isinstance(each, Damage):
            return
        place = each.offset + HEAD.size
        for number, body in enumerate(each.bodies):
            place += LENGTH.size
            yield each.first + number, place, body
            place += len(body)
