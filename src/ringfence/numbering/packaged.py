"""The plans that come with ringfence: files of config/numbering/, packed into the wheel."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

import yaml

from ringfence.errors import RingfenceError
from ringfence.numbering.plan_settings import PlanSettings

# Every scalar stays the text it is: with PyYAML's own idea of types an area code 021555 is octal 9069.
_LOADER = getattr(yaml, "CBaseLoader", yaml.BaseLoader)


class NoSuchPlan(RingfenceError):
    """No plan of this name comes with ringfence."""


def packaged_names() -> list[str]:
    """The names of all plans, sorted."""
    folder = files("ringfence.numbering").joinpath("plans")
    return sorted(entry.name.removesuffix(".yaml") for entry in folder.iterdir() if entry.name.endswith(".yaml"))


@cache
def packaged(name: str) -> PlanSettings:
    """A plan by its name, read once. Raises NoSuchPlan."""
    known = packaged_names()
    if name not in known:
        raise NoSuchPlan(f"no plan {name} comes with ringfence; there are: {', '.join(known)}")
    data = files("ringfence.numbering").joinpath("plans").joinpath(f"{name}.yaml").read_bytes()
    return PlanSettings.model_validate(yaml.load(data, _LOADER))  # noqa: S506 - a base loader makes text alone
