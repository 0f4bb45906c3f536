"""How long records stay, by class; whole segments go with the longest of theirs, others are thinned before."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from ringfence.records import gone
from ringfence.records.errors import RecordsError
from ringfence.records.framing import BLOCK, LENGTH, SEAL, VAULT, block, segments, start
from ringfence.records.keys import KeyRing
from ringfence.records.schema import DECISION, END, OUTCOME, decode
from ringfence.records.settings import RetentionSettings
from ringfence.records.vault import Vault, lock_away
from ringfence.records.vault_file import About
from ringfence.records.verify import bodies_in
from ringfence.warehouse.catalogue import Catalogue
from ringfence.warehouse.classes import CLASSES, class_of
from ringfence.warehouse.segment_index import build, classes_in, filter_of, index_of


@dataclass
class Report:
    """What a look at everything found. deleted: calls by class; left: those that stay.

    segments: files that were deleted; thinned: that lost records. unindexed: files that nobody can tell the calls of
    yet; they stay.
    """

    deleted: Counter[str] = field(default_factory=Counter)
    left: Counter[str] = field(default_factory=Counter)
    segments: int = 0
    thinned: int = 0
    unindexed: int = 0

    def add(self, other: Report) -> None:
        """What was found in another spool."""
        self.deleted.update(other.deleted)
        self.left.update(other.left)
        self.segments += other.segments
        self.thinned += other.thinned
        self.unindexed += other.unindexed


def keep_to(settings: RetentionSettings, folder: Path, now: float, ring: KeyRing | None) -> Report:
    """Delete what is over its time in a spool. now: epoch seconds. ring: None only tells what would go.

    Raises RecordsError.

    A segment's age is that of its newest record. What goes is told in the retention journal first.
    """
    report = Report()
    times = {name: getattr(settings, name) for name in CLASSES}
    known = Catalogue(folder)
    try:
        for path in segments(folder):
            if path.suffix != VAULT:
                report.unindexed += 1
                continue
            card = known.card(path)
            about, index = card.about, index_of(folder, path.stem, card.tag)
            if not index.exists():
                report.unindexed += 1
                continue
            age = now - about.ended / 1e6
            _keep(path, about, index, {name for name in CLASSES if age > times[name]}, now, ring, report)
        if report.segments or report.thinned:
            known.renew()
    except OSError as error:
        raise RecordsError(f"records over their time cannot be deleted: {error}") from None
    return report


def _keep(
    path: Path, about: About, index: Path, over: set[str], now: float, ring: KeyRing | None, report: Report
) -> None:
    classes = classes_in(index)
    deleted = {name: count for name, count in classes.items() if name in over}
    left = {name: count for name, count in classes.items() if name not in over}
    report.deleted.update(deleted)
    report.left.update(left)
    if not left and (deleted or len(over) == len(CLASSES)):
        report.segments += 1
        if ring is not None:
            gone.note(path.parent, about, b"", deleted, now)
            path.unlink()
            index.unlink()
            filter_of(index).unlink(missing_ok=True)
    elif deleted:
        report.thinned += 1
        if ring is not None:
            _thin(path, about, index, deleted, now, ring)


def _thin(path: Path, about: About, index: Path, deleted: dict[str, int], now: float, ring: KeyRing) -> None:
    """Put a segment with what stays in the old one's place; its index is made anew.

    It is written from memory, `records.segment_bytes` of it, since nothing may stand on the disk in the clear.
    """
    vault = Vault(path, ring)
    try:
        data, link = _thinned(vault, set(deleted))
    finally:
        vault.close()
    gone.note(path.parent, about, link, deleted, now)
    lock_away(path, data, about._replace(size=len(data), thinned=True), ring)
    index.unlink()
    filter_of(index).unlink(missing_ok=True)
    build(path, ring)


def _thinned(vault: Vault, over: set[str]) -> tuple[bytes, bytes]:
    """A segment without the calls of some classes, chained anew; and the digest of its last block.

    What is told of a call that is in another segment stays: it holds no number.
    """
    about = vault.about
    head, link = start(about.node, about.schema, about.first, about.previous, about.began)
    parts = [head]
    dropped: set[str] = set()
    for sequence, _, body in bodies_in(vault):
        fields = decode(body)
        kind = fields["kind"]
        if kind == DECISION and CLASSES[class_of(fields)] in over:
            dropped.add(str(sequence))
        elif kind not in (OUTCOME, END) or fields["decision"] not in dropped:
            data, link = block(BLOCK, LENGTH.pack(len(body)) + body, sequence, about.ended, 0, link)
            parts.append(data)
    seal, _ = block(SEAL, b"", about.next, about.ended, 0, link)
    return b"".join([*parts, seal]), link
