"""The plans that come with ringfence: files of config/numbering/."""

from __future__ import annotations

from ringfence.errors import RingfenceError
from ringfence.numbering.plan_settings import PlanSettings
from ringfence.shipped import Shipped

_PLANS = Shipped("ringfence.numbering", "plans", PlanSettings)


class NoSuchPlan(RingfenceError):
    """No plan of this name comes with ringfence."""


def packaged_names() -> list[str]:
    """The names of all plans, sorted."""
    return _PLANS.names()


def packaged(name: str) -> PlanSettings:
    """A plan by its name, read once. Raises NoSuchPlan."""
    try:
        return _PLANS.get(name)
    except KeyError:
        known = ", ".join(packaged_names())
        raise NoSuchPlan(f"no plan {name} comes with ringfence; there are: {known}") from None
