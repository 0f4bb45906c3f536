"""Which national calendars days are known by."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field

from ringfence.settings_types import Frozen


class CalendarsSettings(Frozen):
    """Public holidays and shifted working days, by the callee's country."""

    shipped: tuple[Literal["cn", "sg"], ...] = Field(
        default=("cn", "sg"), description="calendars that come with ringfence: cn and sg"
    )
    files: tuple[Path, ...] = Field(
        default=(),
        description="calendars of your own, in the same form as config/calendar/cn.yaml; one takes the place of the "
        "shipped one of its country",
    )
