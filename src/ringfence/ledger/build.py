"""Settings and files to a ledger, or every fault that stands in the way."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from ringfence.ledger.checks import check
from ringfence.ledger.classes import Classes
from ringfence.ledger.compile import Compiled, compiled
from ringfence.ledger.documents import Document, ReadFile, add_documents, add_inline
from ringfence.ledger.draft import Bag, Draft, TrunkDraft
from ringfence.ledger.faults import LedgerError, LedgerFault, Place
from ringfence.ledger.flatten import INLINE
from ringfence.ledger.ledger import Ledger
from ringfence.ledger.settings import TrunkSettings
from ringfence.ledger.snapshot import Snapshot, written
from ringfence.ledger.tables import TABLES, read_into
from ringfence.ledger.terms import Terms
from ringfence.numbering import Numbering

Progress = Callable[[str, float], None]
"""Told what is done and which part of it, 0..1."""

NO_DIGEST = bytes(32)


class Folder(NamedTuple):
    """What lies in a ledger's folder: its YAML files, and its CSV tables as (table, file)."""

    documents: Sequence[Document]
    tables: Sequence[tuple[str, Path]]


def draft_of(
    trunks: Sequence[TrunkSettings],
    numbering: Numbering,
    base_dir: Path,
    read: ReadFile,
    folder: Folder | None = None,
    utc_offset: str = "+08:00",
    progress: Progress = lambda what, part: None,
) -> Draft:
    """Everything that settings and files say, not yet looked at as a whole.

    trunks: those written in the settings. base_dir: where their number files' names start. read: gives a file's bytes.
    """
    draft = Draft(numbering, Classes(numbering), utc_offset)
    _add_trunks(draft, trunks, base_dir, read)
    if folder is None:
        return draft
    add_documents(draft, folder.documents, read)
    order = list(TABLES)
    tables = sorted(folder.tables, key=lambda table: (order.index(table[0]), str(table[1])))
    for number, (table, path) in enumerate(tables):
        progress(f"reading {path.name}", number / len(tables))
        try:
            data = read(path)
        except OSError as error:
            draft.fault(Place(file=str(path)), f"cannot be read: {error.strerror or type(error).__name__}")
            continue
        read_into(draft, table, str(path), data)
    return draft


def _add_trunks(draft: Draft, trunks: Sequence[TrunkSettings], base_dir: Path, read: ReadFile) -> None:
    for position, settings in enumerate(trunks):
        place = Place(("trunks", position))
        if settings.name in draft.trunks:
            other = draft.trunks[settings.name].place.location[-1]
            draft.fault(Place(("trunks", position, "name")), f"{settings.name} is also trunks[{other}]")
            # Its numbers and sources are looked at all the same, under a name that nobody can write.
            settings = settings.model_copy(update={"name": f"{settings.name}#{position}"})
        trunk = TrunkDraft(settings, place, inline=True)
        trunk.sources = [
            (source, Place(("trunks", position, "sources", at))) for at, source in enumerate(settings.sources)
        ]
        draft.trunks[settings.name] = trunk
        bag = Bag(INLINE, "inline", settings.name, settings.holder, terms=Terms())
        add_inline(draft, position, bag, settings.numbers, base_dir, read, settings.area)


def build(draft: Draft, now: float, progress: Progress = lambda what, part: None) -> Compiled:
    """The draft looked at as a whole and compiled.

    now: epoch seconds; what is over by then is in `late`, it stands in nobody's way.
    Raises LedgerError with all faults: names or sources claimed twice, names that lead nowhere, numbers that cannot be
    read, granted twice, outside their holder's titles or never a caller, bad files. Nothing is built from a part.
    """
    check(draft, now)
    grave = [fault for fault in draft.faults if not fault.late]
    if grave:
        raise LedgerError(grave)
    progress("resolving ranges", 0.9)
    return compiled(draft)


def build_ledger(
    trunks: Sequence[TrunkSettings], numbering: Numbering, base_dir: Path, generation: int, read: ReadFile
) -> Ledger:
    """A ledger of nothing but trunks written in the settings, in memory. Raises LedgerError with all faults."""
    made = build(draft_of(trunks, numbering, base_dir, read), 0.0)
    return Ledger(generation, Snapshot(b"".join(written(made.sections, made.facts, NO_DIGEST))))


__all__ = ["Compiled", "Folder", "LedgerError", "LedgerFault", "Progress", "build", "build_ledger", "draft_of"]
