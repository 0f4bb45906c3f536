"""What mode a rule has on a trunk, for people who ask."""

from __future__ import annotations

from ringfence.config import Bundle
from ringfence.ledger import Trunk
from ringfence.screening.discovery import RULES
from ringfence.screening.rule import RuleSettings


def mode_of(bundle: Bundle, trunk: Trunk, name: str) -> tuple[str, bool]:
    """A rule's mode on a trunk, and whether the rule applies to it. A rule that settles is always enforced."""
    rule = RULES[name]
    common = getattr(bundle.settings.screening.rules, name)
    settings = rule.settings.model_validate(common.model_dump() | dict(trunk.rules.get(name, {})))
    mode = settings.mode if isinstance(settings, RuleSettings) else "enforce"
    return mode, rule.applies is None or rule.applies(trunk, settings)
