"""Settings of the operators' HTTP."""

from __future__ import annotations

from pathlib import Path
from typing import Self

from pydantic import Field, model_validator

from ringfence.numbering.settings import NumberingSettings
from ringfence.records.settings import RecordsSettings
from ringfence.registry.settings import RegistrySettings
from ringfence.settings_types import Frozen, read_bind
from ringfence.tracing.settings import TraceSettings


class ControlSettings(Frozen):
    """Metrics, health and commands over HTTP, served by a process beside the SIP process."""

    enabled: bool = Field(default=True, description="whether the HTTP process is started")
    bind: str = Field(
        default="127.0.0.1:9460",
        description="numeric address and port of HTTP, which is not encrypted: keep it on a trusted network",
    )
    token_file: Path | None = Field(
        default=None, description="file that holds the token (16 characters or more) that commands must carry"
    )
    token_env: str | None = Field(
        default=None,
        pattern=r"^[A-Z_][A-Z0-9_]*$",
        description="environment variable that holds the token instead; with neither, every command is refused",
    )

    @model_validator(mode="after")
    def _sound(self) -> Self:
        read_bind(self.bind)
        if self.token_file is not None and self.token_env is not None:
            raise ValueError("token_file and token_env both say where the token is: keep one")
        return self


class RegistryPlace(Frozen):
    """What the HTTP process needs to know to open the registry; nothing secret."""

    settings: RegistrySettings
    data_directory: Path
    numbering: NumberingSettings


class TracePlace(Frozen):
    """What the HTTP process needs to know to trace calls; nothing secret."""

    node: str
    data_directory: Path
    records: RecordsSettings
    trace: TraceSettings
