"""The indexing process: the daemon's child that encrypts and indexes sealed segments and deletes old records.

It talks to nobody: what it has done is in the folder, and what it could not do is in the log and tried again.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from ringfence.control.lifeline import end_with_parent
from ringfence.records.errors import RecordsError
from ringfence.records.place import folder_of, spools
from ringfence.records.settings import RecordsSettings
from ringfence.telemetry.log import configure
from ringfence.telemetry.settings import LoggingSettings

if TYPE_CHECKING:
    from ringfence.records.keys import KeyRing

LOOK = 2.0  # seconds between two looks for a sealed segment
CLEAN = 600.0  # seconds between two looks for what is over its time
_log = structlog.get_logger(__name__)


def arguments(records: RecordsSettings, data_directory: Path, logging: LoggingSettings) -> list[str]:
    """The command line that starts this process for a daemon."""
    line = [sys.executable, "-m", "ringfence.warehouse", "--parent", str(os.getpid())]
    line += ["--records", records.model_dump_json(), "--data-directory", str(data_directory)]
    return [*line, "--log-level", logging.level, "--log-format", logging.format]


def main(argv: Sequence[str] | None = None) -> None:
    """Work until SIGTERM, or until the parent is gone."""
    from ringfence.records.keys import open_keys  # the daemon, which imports this file, has no use for cryptography

    parser = argparse.ArgumentParser(prog="python -m ringfence.warehouse", description="keeps sealed records")
    parser.add_argument("--records", default="{}", help="the settings `records`, JSON")
    parser.add_argument("--data-directory", type=Path, required=True, help="the setting `data_directory`")
    parser.add_argument("--parent", type=int, help="process to end with")
    parser.add_argument("--once", action="store_true", help="end when there is nothing left to do")
    parser.add_argument("--log-level", default="info")
    parser.add_argument("--log-format", default="auto")
    given = parser.parse_args(argv)
    if given.parent is not None:
        end_with_parent(given.parent)
        os.nice(10)  # calls first
    configure(LoggingSettings(level=given.log_level, format=given.log_format))
    settings = RecordsSettings.model_validate_json(given.records)
    folder = folder_of(settings, given.data_directory)
    ring: KeyRing | None = None
    cleaned = -CLEAN
    while True:
        clean = time.monotonic() - cleaned >= CLEAN
        try:
            ring = ring or open_keys(settings, given.data_directory)
            done, failed = _round(settings, folder, ring, clean)
        except (RecordsError, OSError) as error:
            done, failed = 0, 1
            _log.error("records cannot be looked after", why=str(error))
        if clean:
            cleaned = time.monotonic()
        if given.once:
            raise SystemExit(int(failed > 0))
        if not done:
            time.sleep(LOOK)


def _round(settings: RecordsSettings, folder: Path, ring: KeyRing, clean: bool) -> tuple[int, int]:
    """One look at every spool in a folder. (indexed, failed). Raises OSError.

    A spool that cannot be looked after keeps none of the others from it.
    """
    from ringfence.warehouse.keeping import alone, index_all
    from ringfence.warehouse.retention import Report, keep_to

    done = failed = 0
    report = Report()
    for spool in spools(folder):
        try:
            with alone(spool):
                indexed, not_indexed = index_all(spool, ring)
                done, failed = done + indexed, failed + not_indexed
                if clean:
                    report.add(keep_to(settings.retention, spool, time.time(), ring))
        except (RecordsError, OSError) as error:
            failed += 1
            _log.error("records cannot be looked after", folder=str(spool), why=str(error))
    if report.segments or report.thinned:
        _log.info(
            "records over their time were deleted",
            segments=report.segments,
            thinned=report.thinned,
            calls=dict(report.deleted),
        )
    return done, failed
