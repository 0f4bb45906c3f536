"""The indexing process: a child of the daemon's that indexes sealed segments and deletes what is over its time.

It talks to nobody: what it has done is in the folder, and what it could not do is in the log and tried again.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import structlog

from ringfence.control.lifeline import end_with_parent
from ringfence.records.errors import RecordsError
from ringfence.records.framing import SEALED, segments
from ringfence.records.place import spools
from ringfence.records.settings import RetentionSettings
from ringfence.telemetry.log import configure
from ringfence.telemetry.settings import LoggingSettings
from ringfence.warehouse.retention import keep_to
from ringfence.warehouse.segment_index import build, index_of

LOOK = 2.0  # seconds between two looks for a sealed segment
CLEAN = 600.0  # seconds between two looks for what is over its time
_log = structlog.get_logger(__name__)


def arguments(folder: Path, retention: RetentionSettings, logging: LoggingSettings) -> list[str]:
    """The command line that starts this process for a daemon."""
    line = [sys.executable, "-m", "ringfence.warehouse", "--folder", str(folder), "--parent", str(os.getpid())]
    line += ["--retention", retention.model_dump_json(), "--log-level", logging.level, "--log-format", logging.format]
    return line


def index_all(folder: Path) -> tuple[int, int]:
    """Index every sealed segment of a spool that has no index. (indexed, failed); a failure is logged."""
    done = failed = 0
    for segment in segments(folder):
        if segment.suffix != SEALED or index_of(segment).exists():
            continue
        try:
            began = time.monotonic()
            count = build(segment)
        except RecordsError as error:
            failed += 1
            _log.error("a segment cannot be indexed", first=int(segment.stem), why=str(error))
        else:
            done += 1
            _log.info(
                "segment indexed", first=int(segment.stem), records=count, seconds=round(time.monotonic() - began, 2)
            )
    return done, failed


def main(argv: Sequence[str] | None = None) -> None:
    """Work until SIGTERM, or until the parent is gone."""
    parser = argparse.ArgumentParser(prog="python -m ringfence.warehouse", description="indexes sealed records")
    parser.add_argument("--folder", type=Path, required=True, help="the records' folder")
    parser.add_argument("--parent", type=int, help="process to end with")
    parser.add_argument("--retention", default="{}", help="how long records stay, JSON")
    parser.add_argument("--once", action="store_true", help="end when there is nothing left to do")
    parser.add_argument("--log-level", default="info")
    parser.add_argument("--log-format", default="auto")
    given = parser.parse_args(argv)
    if given.parent is not None:
        end_with_parent(given.parent)
        os.nice(10)  # calls first
    configure(LoggingSettings(level=given.log_level, format=given.log_format))
    retention = RetentionSettings.model_validate_json(given.retention)
    cleaned = -CLEAN
    while True:
        try:
            done = failed = 0
            due = time.monotonic() - cleaned >= CLEAN
            for folder in spools(given.folder):
                indexed, not_indexed = index_all(folder)
                done, failed = done + indexed, failed + not_indexed
                if due:
                    keep_to(retention, folder, time.time())
            if due:
                cleaned = time.monotonic()
        except (RecordsError, OSError) as error:
            done, failed = 0, 1
            _log.error("records cannot be looked after", why=str(error))
        if given.once:
            raise SystemExit(int(failed > 0))
        if not done:
            time.sleep(LOOK)
