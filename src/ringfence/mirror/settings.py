"""Settings of the copies that are made of messages and decisions."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator

from ringfence.settings_types import Duration, Frozen

_COLLECTOR = re.compile(r"(udp|tcp)://(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?)):(\d{1,5})")


def read_collector(value: str) -> tuple[Literal["udp", "tcp"], str, int]:
    """`udp://homer.example.net:9060` or `tcp://[2001:db8::1]:9060` in its parts. Raises ValueError."""
    match = _COLLECTOR.fullmatch(value)
    if match is None or not 0 < int(match[4]) < 65_536:
        raise ValueError("a collector is written udp://host:port or tcp://host:port, IPv6 in brackets")
    return "udp" if match[1] == "udp" else "tcp", match[2] or match[3], int(match[4])


class HepSettings(Frozen):
    """Messages and decisions to a Homer collector, by HEP3 (sipcapture)."""

    collector: str | None = Field(
        default=None, description="`udp://host:port` or `tcp://host:port`; none: nothing is exported"
    )
    capture_id: int = Field(default=1, ge=0, le=2**32 - 1, description="number by which the collector knows this node")
    share: float = Field(
        default=1.0, gt=0, le=1, description="share of calls that are exported, each of them whole; by their Call-ID"
    )
    events: bool = Field(
        default=True, description="export what was decided and how calls ended as well; needs `records.enabled`"
    )

    @field_validator("collector")
    @classmethod
    def _readable(cls, value: str | None) -> str | None:
        if value is not None:
            read_collector(value)
        return value


class CaptureSettings(Frozen):
    """What `ringfence capture` may write, and where."""

    folder: Path | None = Field(
        default=None, description="folder of the pcapng files; none: data_directory/captures; made if missing"
    )
    longest: Duration = Field(default=3600.0, gt=0, le=86_400, description="longest time that a capture may run")
    max_bytes: int = Field(
        default=104_857_600, ge=65_536, le=2**40, description="size at which a capture ends in any case"
    )
    at_once: int = Field(default=4, ge=1, le=64, description="captures that may run at the same time")
    keep: Duration = Field(default=7 * 86_400.0, ge=86_400, description="how long files stay after the last message")


class MirrorSettings(Frozen):
    """Copies of messages and decisions for others; made by a process of its own, never in the way of a call."""

    hep: HepSettings = Field(default_factory=HepSettings, description="export to Homer")
    capture: CaptureSettings = Field(default_factory=CaptureSettings, description="captures on demand")
    buffer_bytes: int = Field(
        default=16_777_216,
        ge=1_048_576,
        le=2**32,
        description="memory for copies that wait for that process, and there for the collector; more is dropped",
    )
