"""The feeding process: a child of the daemon's that brings records to ClickHouse and says how far it is."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import structlog

from ringfence.clickhouse.settings import ClickHouseSettings
from ringfence.control.lifeline import end_with_parent
from ringfence.records.place import folder_of
from ringfence.records.settings import RecordsSettings
from ringfence.telemetry.log import configure
from ringfence.telemetry.settings import LoggingSettings

REPORT = "clickhouse"  # the channel's command by which the daemon is told
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0  # seconds before a batch is tried again; doubles while it is not taken
TELL_EVERY = 5.0  # seconds between two words to the daemon, at least
_log = structlog.get_logger(__name__)


def arguments(
    settings: ClickHouseSettings,
    records: RecordsSettings,
    data_directory: Path,
    channel: Path,
    logging: LoggingSettings,
) -> list[str]:
    """The command line that starts this process for a daemon; no password or key is on it."""
    line = [sys.executable, "-m", "ringfence.clickhouse", "--parent", str(os.getpid())]
    line += ["--records", records.model_dump_json(), "--data-directory", str(data_directory), "--channel", str(channel)]
    line += ["--settings", settings.model_dump_json()]
    return [*line, "--log-level", logging.level, "--log-format", logging.format]


async def feed(
    settings: ClickHouseSettings,
    records: RecordsSettings,
    data_directory: Path,
    channel: Path | None,
    once: bool,
) -> None:
    """Feed until cancelled, or until nothing is left to do where it is for once. Raises ClickHouseError."""
    from ringfence.clickhouse.client import Client  # here: the daemon imports this file, and has no use for these
    from ringfence.clickhouse.errors import ClickHouseError
    from ringfence.clickhouse.feeders import Feeders
    from ringfence.clickhouse.sealing import open_sealer
    from ringfence.records.keys import open_keys

    folder = folder_of(records, data_directory)
    sealer = open_sealer(settings.key_file, data_directory)
    keys = partial(open_keys, records, data_directory)  # at every encrypted segment: an operator may change them
    async with Client(settings) as client:
        feeders = Feeders(folder, settings, client, sealer, keys)
        telling = asyncio.create_task(_tell(feeders.stats, channel)) if channel is not None else None
        pause = FIRST_PAUSE
        try:
            while True:
                try:
                    fed = await feeders.step()
                except ClickHouseError as error:
                    if once:
                        raise
                    _log.warning("records are not fed to ClickHouse", why=str(error), again_in=pause)
                    await asyncio.sleep(pause)
                    pause = min(2 * pause, LONGEST_PAUSE)
                    continue
                pause = FIRST_PAUSE
                if once and not fed:
                    return
                if fed < settings.batch:
                    await asyncio.sleep(0 if once else settings.pause)
        finally:
            if telling is not None:
                telling.cancel()


async def _tell(stats: Callable[[], dict[str, Any]], channel: Path) -> None:
    from ringfence.clickhouse.errors import ClickHouseError
    from ringfence.control.channel import ask
    from ringfence.control.errors import ControlError

    while True:
        try:
            await ask(channel, REPORT, stats())
        except (ControlError, ClickHouseError):
            pass  # it will be told next time
        await asyncio.sleep(TELL_EVERY)


def main(argv: Sequence[str] | None = None) -> None:
    """Work until SIGTERM, or until the parent is gone."""
    parser = argparse.ArgumentParser(prog="python -m ringfence.clickhouse", description="feeds records to ClickHouse")
    parser.add_argument("--settings", type=ClickHouseSettings.model_validate_json, required=True, help="as JSON")
    parser.add_argument("--records", type=RecordsSettings.model_validate_json, required=True, help="likewise")
    parser.add_argument("--data-directory", type=Path, required=True, help="where keys are made")
    parser.add_argument("--channel", type=Path, help="Unix socket of the SIP process, to tell it how far we are")
    parser.add_argument("--parent", type=int, help="process to end with")
    parser.add_argument("--once", action="store_true", help="end when there is nothing left to do")
    parser.add_argument("--log-level", default="info")
    parser.add_argument("--log-format", default="auto")
    given = parser.parse_args(argv)
    if given.parent is not None:
        end_with_parent(given.parent)
        os.nice(10)  # calls first
    configure(LoggingSettings(level=given.log_level, format=given.log_format))
    from ringfence.clickhouse.errors import ClickHouseError

    try:
        asyncio.run(feed(given.settings, given.records, given.data_directory, given.channel, given.once))
    except ClickHouseError as error:
        _log.error("records cannot be fed to ClickHouse", why=str(error))
        raise SystemExit(1) from error
