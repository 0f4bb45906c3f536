"""Old captures are deleted: they hold whole messages, numbers and all."""

from __future__ import annotations

from pathlib import Path

import structlog

_log = structlog.get_logger(__name__)


def forget_old(folder: Path, keep: float, now: float) -> int:
    """Delete captures that were last written to more than `keep` seconds ago; how many. A failure is logged."""
    gone = 0
    try:
        for path in folder.glob("*.pcapng"):
            if path.stat().st_mtime + keep < now:
                path.unlink()
                gone += 1
    except OSError as error:
        _log.warning("old captures cannot be deleted", folder=str(folder), why=error.strerror)
    if gone:
        _log.info("old captures deleted", files=gone)
    return gone
