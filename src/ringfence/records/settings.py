"""Settings of the decision records."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field

from ringfence.settings_types import Duration, Frozen


class RetentionSettings(Frozen):
    """How long records stay, by what was decided; they go by whole segments, so up to a segment's age later."""

    forwarded: Duration = Field(default=180 * 86400.0, ge=3600, description="of calls that were forwarded unmarked")
    tagged: Duration = Field(default=180 * 86400.0, ge=3600, description="of calls that were forwarded tagged")
    rejected: Duration = Field(
        default=180 * 86400.0, ge=3600, description="of calls that were rejected, refused or given up meanwhile"
    )


class RecordsSettings(Frozen):
    """One record of every INVITE, on disk before the call goes on."""

    enabled: bool = Field(default=True, description="whether records are written")
    folder: Path | None = Field(
        default=None, description="folder of the records; none: data_directory/records; made if missing"
    )
    fsync: Duration = Field(
        default=0.1,
        gt=0,
        le=0.2,
        description="longest time between two fsyncs: what a power cut may lose; at most 200ms",
    )
    segment: Duration = Field(
        default=3600.0, ge=60, le=86400, description="age at which a file of records is sealed and a new one begun"
    )
    segment_bytes: int = Field(
        default=268_435_456, ge=65_536, le=2**32, description="size at which it is sealed in any case"
    )
    buffer_bytes: int = Field(
        default=268_435_456,
        ge=1_048_576,
        description="memory for records that the disk does not take; a call takes about 1 KB",
    )
    when_full: Literal["refuse", "forward"] = Field(
        default="refuse",
        description="once that memory is full: refuse new calls with 503 (emergency calls go on), or forward them "
        "without a record",
    )
    index: bool = Field(
        default=True, description="index sealed files for `records find` and `trace`, in a process of its own"
    )
    retention: RetentionSettings = Field(
        default=RetentionSettings(), description="how long records stay; kept by the indexing process"
    )
