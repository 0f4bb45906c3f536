"""Which national plan numbers are read by, and what the operator knows beyond it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field, StringConstraints

from ringfence.numbering.plan_settings import Prefixes, Word
from ringfence.settings_types import Frozen

AnonymousWord = Annotated[str, StringConstraints(pattern=r"^[^\s;]+$", max_length=64)]


class NumberingSettings(Frozen):
    """How written numbers are read; a trunk's area completes its local numbers."""

    plan: Word = Field(default="cn", description="national plan that comes with ringfence: cn or sg")
    plan_file: Path | None = Field(
        default=None, description="a plan of your own, in the same form as config/numbering/cn.yaml, instead of `plan`"
    )
    assigned: dict[Word, tuple[Prefixes, ...]] = Field(
        default={},
        description="prefixes that you know to be of a class of the plan, by the class's name: middle numbers of your "
        "platforms, data lines, test lines; they count before the plan's own",
    )
    anonymous: tuple[AnonymousWord, ...] = Field(
        default=("anonymous", "unavailable", "restricted", "unknown", "private", "withheld"),
        description="user parts that withhold the number, in any case",
    )
