"""Settings of the decision records."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator

from ringfence.settings_types import Duration, Frozen


class RetentionSettings(Frozen):
    """How long records stay, by class; an age is that of its segment's newest record, so up to `segment` longer.

    A call is of the first of these that fits it.
    """

    emergency: Duration = Field(default=180 * 86400.0, ge=3600, description="of calls to emergency numbers")
    marketing: Duration = Field(
        default=180 * 86400.0,
        ge=3600,
        description="of calls from trunks whose purpose is marketing, whatever became of them",
    )
    rejected: Duration = Field(
        default=180 * 86400.0, ge=3600, description="of calls that were rejected, refused or given up meanwhile"
    )
    tagged: Duration = Field(default=180 * 86400.0, ge=3600, description="of calls that were forwarded tagged")
    forwarded: Duration = Field(default=180 * 86400.0, ge=3600, description="of calls that were forwarded unmarked")


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
        default=True,
        description="encrypt sealed files, index them for `records find` and `trace` and delete what is over its time, "
        "in a process of its own; without it files stay in the clear and for good",
    )
    key_file: Path | None = Field(
        default=None,
        description="file with the keys that sealed files are encrypted by, 64 hexadecimal digits a line, the present "
        "one first; none: made at the first start in data_directory/keys/records.key",
    )
    key_env: str | None = Field(default=None, description="environment variable with these keys, instead of a file")
    retention: RetentionSettings = Field(
        default=RetentionSettings(), description="how long records stay; kept by the indexing process"
    )

    @model_validator(mode="after")
    def _one_place_of_keys(self) -> Self:
        if self.key_file is not None and self.key_env is not None:
            raise ValueError("key_file and key_env exclude each other")
        return self
