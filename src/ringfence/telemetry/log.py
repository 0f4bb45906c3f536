"""The log: structlog to standard error, for people on a terminal, one JSON object a line otherwise."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import TextIO

import orjson
import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from ringfence.telemetry.redaction import redact
from ringfence.telemetry.repeats import Repeats
from ringfence.telemetry.settings import LoggingSettings

_SEVERE = frozenset({"warning", "error", "critical"})


def configure(
    settings: LoggingSettings,
    stream: TextIO | None = None,
    clock: Callable[[], float] = time.monotonic,
    worker: int | None = None,
) -> None:
    """Set up structlog, and the standard library's log (asyncio, uvicorn) to come out the same way.

    stream: standard error unless given; it decides what `auto` means. clock: for the bound on repeats.
    worker: stands in every line, since the lines of all workers are in one log.
    Warnings and worse are bounded by their text, so values belong into fields.
    """
    out = sys.stderr if stream is None else stream
    human = settings.format == "human" or (settings.format == "auto" and out.isatty())
    level = logging.getLevelNamesMapping()[settings.level.upper()]
    repeats = Repeats()
    shape: list[Processor] = [
        partial(_of_worker, worker),
        structlog.processors.format_exc_info,
        partial(_redacted, settings.level != "debug"),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    last: Processor = structlog.dev.ConsoleRenderer(colors=out.isatty()) if human else _json
    structlog.configure(
        processors=[structlog.processors.add_log_level, partial(_bounded, repeats, clock), *shape, last],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(file=out),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(out)
    handler.addFilter(partial(_bounded_record, repeats, clock))
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.processors.add_log_level, *shape],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, last],
        )
    )
    logging.basicConfig(handlers=[handler], level=level, force=True)


def _bounded(repeats: Repeats, clock: Callable[[], float], _: WrappedLogger, __: str, event: EventDict) -> EventDict:
    if event["level"] in _SEVERE:
        held_back = repeats.admit(str(event["event"]), clock())
        if held_back is None:
            raise structlog.DropEvent
        if held_back:
            event["held_back"] = held_back
    return event


def _bounded_record(repeats: Repeats, clock: Callable[[], float], record: logging.LogRecord) -> bool:
    # The text before its arguments are filled in: one kind, whatever they are.
    return record.levelno < logging.WARNING or repeats.admit(str(record.msg), clock()) is not None


def _of_worker(worker: int | None, _: WrappedLogger, __: str, event: EventDict) -> EventDict:
    if worker is not None:
        event["worker"] = worker
    return event


def _redacted(numbers: bool, _: WrappedLogger, __: str, event: EventDict) -> EventDict:
    redact(event, numbers=numbers)
    return event


def _json(_: WrappedLogger, __: str, event: EventDict) -> str:
    return orjson.dumps(event, default=str).decode()
