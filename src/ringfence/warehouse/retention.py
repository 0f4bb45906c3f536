"""How long records stay, by what was decided; whole segments go with the longest, others are thinned before."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

from ringfence.records.errors import RecordsError
from ringfence.records.framing import SEALED
from ringfence.records.settings import RetentionSettings
from ringfence.warehouse.segment_index import ACTIONS, SUFFIX

CLASSES = {
    "forward": "forwarded", "inside": "forwarded", "tag": "tagged",
    "reject": "rejected", "refuse": "rejected", "abandon": "rejected",
}  # fmt: skip
"""Which of the retention's settings an action falls under."""


def keep_to(settings: RetentionSettings, folder: Path, now: float) -> tuple[int, int]:
    """Delete what is over its time. now: epoch seconds. (segments deleted, segments thinned). Raises RecordsError.

    A segment's age is that of its newest record. Where one class is over its time and another is not, the records that
    stay get into the index, and the segment goes: a chain with records taken out would prove nothing.
    """
    deleted = thinned = 0
    try:
        for index in sorted((folder / "index").glob(f"*{SUFFIX}")):
            segment = folder / f"{index.stem}{SEALED}"
            ended, already = _about(index)
            age = now - ended / 1e6
            over = {action for action, name in CLASSES.items() if age > getattr(settings, name)}
            if len(over) == len(CLASSES):
                segment.unlink(missing_ok=True)
                index.unlink()
                deleted += 1
            elif over and len(over) > already:
                _thin(index, segment, over)
                thinned += 1
    except (sqlite3.Error, OSError) as error:
        raise RecordsError(f"records over their time cannot be deleted: {error}") from None
    return deleted, thinned


def _about(index: Path) -> tuple[int, int]:
    """When the newest record was written, and how many actions were thinned out already."""
    base = sqlite3.connect(f"file:{index}?mode=ro", uri=True)
    try:
        ended, thinned = base.execute("SELECT ended, thinned FROM about").fetchone()
        return int(ended), int(thinned)
    finally:
        base.close()


def _thin(index: Path, segment: Path, over: set[str]) -> None:
    """Make the index anew with the bodies of what stays, put it in the old one's place, then let the segment go."""
    draft = index.with_suffix(f".{os.getpid()}.draft")
    draft.unlink(missing_ok=True)
    source = sqlite3.connect(f"file:{index}?mode=ro", uri=True)
    try:
        os.close(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        target = sqlite3.connect(draft, isolation_level=None)
        source.backup(target)
        _fill(target, segment, over)
        target.close()
        with draft.open("rb") as file:
            os.fsync(file.fileno())
        draft.replace(index)
        segment.unlink(missing_ok=True)
    finally:
        source.close()
        draft.unlink(missing_ok=True)


def _fill(base: sqlite3.Connection, segment: Path, over: set[str]) -> None:
    marks = ",".join("?" * len(over))
    numbers = [ACTIONS.index(action) for action in sorted(over)]
    gone = f"SELECT sequence FROM calls WHERE action IN ({marks})"  # noqa: S608 (question marks alone)
    base.execute("BEGIN")
    base.execute(f"DELETE FROM endings WHERE decision IN ({gone})", numbers)  # noqa: S608
    base.execute(f"DELETE FROM calls WHERE action IN ({marks})", numbers)  # noqa: S608
    if segment.exists():
        with segment.open("rb") as file:
            for table in ("calls", "endings"):
                rows = base.execute(f"SELECT rowid, place, size FROM {table}").fetchall()  # noqa: S608
                kept = [(os.pread(file.fileno(), size, place), row) for row, place, size in rows]
                base.executemany(f"UPDATE {table} SET body = ? WHERE rowid = ?", kept)  # noqa: S608
    base.execute("UPDATE about SET thinned = ?", (len(over),))
    base.execute("COMMIT")
    base.execute("VACUUM")
