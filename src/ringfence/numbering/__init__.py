"""Text to number by a national plan: in one comparable form, with its class, area and country. Pure."""

from ringfence.numbering.number import FOREIGN, IRREGULARITIES, NO_CLASS, Kind, Number, NumberClass
from ringfence.numbering.packaged import NoSuchPlan
from ringfence.numbering.plan import Numbering
from ringfence.numbering.plan_settings import PlanSettings
from ringfence.numbering.settings import NumberingSettings
from ringfence.numbering.tables import PlanError, PlanFault

__all__ = [
    "FOREIGN",
    "IRREGULARITIES",
    "NO_CLASS",
    "Kind",
    "NoSuchPlan",
    "Number",
    "NumberClass",
    "Numbering",
    "NumberingSettings",
    "PlanError",
    "PlanFault",
    "PlanSettings",
]
