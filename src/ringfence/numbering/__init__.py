"""Text to number: what was written in an identity or a target, in one comparable form. Pure."""

from ringfence.numbering.number import Kind, Number
from ringfence.numbering.plan import Numbering
from ringfence.numbering.settings import NumberingSettings

__all__ = ["Kind", "Number", "Numbering", "NumberingSettings"]
