"""Settings of the log."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from ringfence.settings_types import Frozen


class LoggingSettings(Frozen):
    """What is logged and how it looks; it always goes to standard error."""

    level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="least severe level written; debug alone may show phone numbers"
    )
    format: Literal["auto", "human", "json"] = Field(
        default="auto", description="human, json (one object a line), or auto: human on a terminal, else json"
    )
