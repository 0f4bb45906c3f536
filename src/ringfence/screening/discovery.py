"""The rules that exist: every file of `rules/`. There is no list to edit."""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules
from typing import Any

from ringfence.screening import rules as package
from ringfence.screening.rule import Rule


def discovered() -> dict[str, Rule[Any]]:
    """Every rule by name, in the order they are asked: by rank, then by name."""
    found: dict[str, Rule[Any]] = {}
    for module in iter_modules(package.__path__):
        rule = import_module(f"{package.__name__}.{module.name}").RULE
        if not isinstance(rule, Rule):
            raise TypeError(f"RULE of {module.name} is no Rule")
        found[module.name] = rule
    return dict(sorted(found.items(), key=lambda item: (item[1].rank, item[0])))


RULES: dict[str, Rule[Any]] = discovered()
