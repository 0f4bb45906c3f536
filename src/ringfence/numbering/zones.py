"""Time zones that a number may be in, by its first digits (libphonenumber's table)."""

from __future__ import annotations

import csv
from functools import cache
from importlib.resources import files
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import AfterValidator


def _known(name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # unknown, no name of a zone at all, or that of a folder
        raise ValueError("no such time zone in the IANA database") from None
    return name


ZoneName = Annotated[str, AfterValidator(_known)]
"""A zone of the IANA database: Asia/Shanghai."""


@cache
def _table() -> tuple[dict[str, tuple[str, ...]], int]:
    """Zones by prefix, and the digits of the longest prefix; read once from this package's zones.csv."""
    text = files("ringfence.numbering").joinpath("zones.csv").read_text(encoding="ascii")
    rows = csv.DictReader(line for line in text.splitlines() if not line.startswith("#"))
    table = {row["prefix"]: tuple(row["zones"].split()) for row in rows}
    return table, max(map(len, table))


def zones_of(value: str) -> tuple[str, ...]:
    """Every zone that a number in E.164 may be in; () where nobody knows, as of satellite telephones and of codes."""
    if value[:1] != "+":
        return ()
    table, longest = _table()
    for size in range(min(longest, len(value) - 1), 0, -1):
        found = table.get(value[1 : size + 1])
        if found is not None:
            return found
    return ()
