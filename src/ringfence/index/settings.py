"""How the consent index follows the registry."""

from __future__ import annotations

from pydantic import Field

from ringfence.settings_types import Duration, Frozen


class IndexSettings(Frozen):
    """The store's copy of consents, refusals and wishes, kept by a process beside the SIP process."""

    poll: Duration = Field(
        0.25, gt=0, le=1, description="time between two looks at the registry; a withdrawal works within one and a bit"
    )
    max_age: Duration = Field(
        60.0,
        ge=5,
        description="how long the index is believed when nobody keeps it up to date (the registry is down, its process "
        "does not run); then marketing calls are refused",
    )
