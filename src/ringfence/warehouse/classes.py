"""What retention tells calls apart by."""

from __future__ import annotations

from collections.abc import Mapping

CLASSES = ("emergency", "marketing", "rejected", "tagged", "forwarded")
"""As the settings of `records.retention` name them; a call is of the first that fits."""

EMERGENCY, MARKETING = 0, 1
_BY_ACTION = {"reject": 2, "refuse": 2, "abandon": 2, "tag": 3}
_FORWARDED = 4


def class_of(decision: Mapping[str, str]) -> int:
    """A decision's place in CLASSES. Schema 1 has no purpose: its marketing calls go by what was decided."""
    if decision["reason"].startswith("emergency."):
        return EMERGENCY
    if decision["purpose"] == "marketing":
        return MARKETING
    return _BY_ACTION.get(decision["action"], _FORWARDED)
