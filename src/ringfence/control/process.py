"""The HTTP process: its command line, made by the daemon and read here, and its token."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import structlog

from ringfence.control.errors import ControlError
from ringfence.control.lifeline import end_with_parent
from ringfence.control.settings import ControlSettings, RegistryPlace, TracePlace
from ringfence.settings_types import read_bind
from ringfence.telemetry.log import configure
from ringfence.telemetry.settings import LoggingSettings

SHORTEST_TOKEN = 16  # characters; a shorter one could be tried through


def arguments(
    settings: ControlSettings,
    logging: LoggingSettings,
    channel: Path,
    registry: RegistryPlace | None = None,
    trace: TracePlace | None = None,
) -> list[str]:
    """The command line that starts this process for a daemon; no token, password or key is ever on it."""
    line = [sys.executable, "-m", "ringfence.control", "--channel", str(channel), "--bind", settings.bind]
    line += ["--parent", str(os.getpid()), "--log-level", logging.level, "--log-format", logging.format]
    if settings.token_file is not None:
        line += ["--token-file", str(settings.token_file)]
    if settings.token_env is not None:
        line += ["--token-env", settings.token_env]
    if registry is not None:
        line += ["--registry", registry.model_dump_json()]
    if trace is not None:
        line += ["--trace", trace.model_dump_json()]
    return line


def read_token(file: Path | None, variable: str | None) -> str | None:
    """The token that commands must carry; None where none is configured. Raises ControlError: unreadable, short."""
    if file is None and variable is None:
        return None
    try:
        token = file.read_text(encoding="utf-8").strip() if file is not None else os.environ.get(variable or "", "")
    except (OSError, UnicodeDecodeError) as error:
        raise ControlError("control.token_file cannot be read") from error
    if len(token) < SHORTEST_TOKEN:
        raise ControlError(f"the control token is shorter than {SHORTEST_TOKEN} characters")
    return token


def main(argv: Sequence[str] | None = None) -> None:
    """Serve until SIGTERM, or until the parent is gone; a fault of the operator's ends it with a line in the log."""
    parser = argparse.ArgumentParser(prog="python -m ringfence.control", description="ringfence's HTTP process")
    parser.add_argument("--channel", type=Path, required=True, help="Unix socket of the SIP process")
    parser.add_argument("--bind", type=read_bind, required=True, help="address and port of HTTP")
    parser.add_argument("--parent", type=int, help="process to end with")
    parser.add_argument("--token-file", type=Path)
    parser.add_argument("--token-env")
    parser.add_argument("--registry", type=RegistryPlace.model_validate_json, help="where the registry is, as JSON")
    parser.add_argument("--trace", type=TracePlace.model_validate_json, help="how calls are traced, as JSON")
    parser.add_argument("--log-level", default="info")
    parser.add_argument("--log-format", default="auto")
    given = parser.parse_args(argv)
    if given.parent is not None:
        end_with_parent(given.parent)
    from ringfence.control.server import serve  # late: the daemon imports this module for `arguments`

    configure(LoggingSettings(level=given.log_level, format=given.log_format))
    try:
        token = read_token(given.token_file, given.token_env)
        serve(given.channel, given.bind, token, given.registry, given.trace)
    except ControlError as error:
        structlog.get_logger(__name__).error("control cannot serve", why=str(error))
        raise SystemExit(1) from error
