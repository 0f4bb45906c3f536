"""Options that several commands share, and how their values are read."""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from ringfence.settings_types import seconds

DEFAULT_CONFIG = Path("config/ringfence.yaml")
SIP_PORT = 5060  # RFC 3261 §19.1.2

_ADDRESS = re.compile(
    r"(?:\[(?P<bracketed>[0-9A-Fa-f:.]+)\]|(?P<host>[^:\[\]\s]+))(?::(?P<port>[0-9]{1,5}))?"
    r"|(?P<six>[0-9A-Fa-f]*:[0-9A-Fa-f]*:[0-9A-Fa-f:.]*)"
)


def duration(text: str | float) -> float:
    """`2s`, `500ms` in seconds, for typer. Raises BadParameter."""
    try:
        value = seconds(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    assert isinstance(value, float)
    return value


def moment(text: str) -> float:
    """`2026-10-01T10:00+08:00` in epoch seconds, for typer: a time names its zone. Raises BadParameter."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        raise typer.BadParameter("a time is written with its offset: 2026-10-01T10:00+08:00")
    return found.timestamp()


def address(text: str) -> tuple[str, int]:
    """`host:port`, `[2001:db8::1]:5060` or a host alone (port 5060). Raises BadParameter."""
    match = _ADDRESS.fullmatch(text)
    if match is None or not 0 < int(match["port"] or SIP_PORT) < 65_536:
        raise typer.BadParameter("an address is HOST or HOST:PORT, IPv6 in brackets")
    return match["bracketed"] or match["six"] or match["host"], int(match["port"] or SIP_PORT)


ConfigFile = Annotated[Path, typer.Option("--config", "-c", metavar="FILE", help="The settings file.")]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON document on standard output.")]
