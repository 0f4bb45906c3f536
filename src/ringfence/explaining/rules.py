"""What mode a rule has on a trunk, for people who ask."""

from __future__ import annotations

import difflib
from collections.abc import Collection
from itertools import islice

from ringfence.config import Bundle
from ringfence.ledger import Trunk
from ringfence.screening.discovery import RULES
from ringfence.screening.rule import RuleSettings

MAX_NAMED = 20


def named(trunks: Collection[str]) -> str:
    """The names of all trunks, or of the first of many."""
    if len(trunks) <= MAX_NAMED:
        return ", ".join(sorted(trunks)) or "none"
    return f"{', '.join(islice(trunks, MAX_NAMED))} and {len(trunks) - MAX_NAMED} more"


def no_trunk(name: str, trunks: Collection[str]) -> str:
    """What to say of a trunk that is not there: those that are, or the nearest of many."""
    if len(trunks) <= MAX_NAMED:
        return f"no trunk {name}; there are: {named(trunks)}"
    close = difflib.get_close_matches(name, trunks, n=3)
    return f"no trunk {name}" + (f"; did you mean {' or '.join(close)}?" if close else "")


def mode_of(bundle: Bundle, trunk: Trunk, name: str) -> tuple[str, bool]:
    """A rule's mode on a trunk, and whether the rule applies to it. A rule that settles is always enforced."""
    rule = RULES[name]
    common = getattr(bundle.settings.screening.rules, name)
    settings = rule.settings.model_validate(common.model_dump() | dict(trunk.rules.get(name, {})))
    mode = settings.mode if isinstance(settings, RuleSettings) else "enforce"
    return mode, rule.applies is None or rule.applies(trunk, settings)
