"""The shapes that settings of every room share: a frozen base, durations with units, addresses to listen on."""

from __future__ import annotations

import re
from ipaddress import ip_address
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer

_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)")
_UNIT_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


class Frozen(BaseModel):
    """A part of the settings: never changed after load, no unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def seconds(value: object) -> object:
    """`500ms`, `32s`, `3m`, `12h`, `30d` as float seconds; a float passes (defaults). Raises ValueError otherwise."""
    if isinstance(value, float):
        return value
    match = _DURATION.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None:
        raise ValueError("a duration needs a number with its unit: 500ms, 32s, 3m, 12h, 30d")
    return float(match[1]) * _UNIT_SECONDS[match[2]]


def duration_text(value: float) -> str:
    """The shortest spelling that `seconds` reads back."""
    for unit in ("d", "h", "m", "s"):
        count = value / _UNIT_SECONDS[unit]
        if count >= 1 and count == int(count):
            return f"{int(count)}{unit}"
    return f"{value * 1000:g}ms"


Duration = Annotated[
    float,
    BeforeValidator(seconds, json_schema_input_type=str),
    PlainSerializer(duration_text, return_type=str, when_used="json"),
    Field(ge=0),
]
"""Float seconds inside, text with a unit in files."""


def read_bind(value: str) -> tuple[str, int]:
    """`127.0.0.1:9060` or `[::1]:9060` as (host, port); port 0 lets the kernel choose. Raises ValueError."""
    host, colon, port = value.rpartition(":")
    if not colon or not port.isascii() or not port.isdigit() or int(port) > 65535:
        raise ValueError("bind is a numeric address with its port: 127.0.0.1:9060 or [::1]:9060")
    bracketed = host.startswith("[") and host.endswith("]")
    address = ip_address(host[1:-1] if bracketed else host)
    if (address.version == 6) != bracketed:
        raise ValueError("an IPv6 address stands in brackets: [::1]:9060")
    return str(address), int(port)
