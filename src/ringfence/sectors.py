"""The sectors that trunks, holders, grants, consents, refusals, wishes and calling hours tell apart: one vocabulary."""

from __future__ import annotations

from typing import Literal, get_args

Sector = Literal[
    "finance", "insurance", "real_estate", "healthcare", "recruitment",
    "travel", "education", "retail", "telecom", "other",
]  # fmt: skip
"""The ten industries that wishes tell apart (YD/T 4535 has ten); the names are ours, its own list was not at hand."""

SECTORS: tuple[Sector, ...] = get_args(Sector)
