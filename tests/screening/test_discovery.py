"""Every rule file is found, has its test, and declares what it says."""

from __future__ import annotations

import importlib
from pathlib import Path
from types import ModuleType

import pytest

import ringfence.screening.rules as package
from ringfence.screening import Refusal, discovery
from ringfence.screening.discovery import RULES, discovered

FILES = {path.stem for path in Path(package.__path__[0]).glob("*.py")} - {"__init__"}


def test_the_files_are_the_list() -> None:
    assert set(RULES) == FILES
    assert next(iter(RULES)) == "emergency"
    assert [rule.rank for rule in RULES.values()] == sorted(rule.rank for rule in RULES.values())


@pytest.mark.parametrize("name", sorted(FILES))
def test_every_rule_has_its_test_and_described_settings(name: str) -> None:
    assert (Path(__file__).parent / "rules" / f"test_{name}.py").is_file()
    rule = RULES[name]
    assert rule.judge.__doc__
    assert all(field.description for field in rule.settings.model_fields.values())
    assert all(isinstance(refusal, Refusal) for refusal in rule.answers.values())
    assert rule.fixed <= set(rule.settings.model_fields)


def test_a_file_without_a_rule_is_our_mistake(monkeypatch: pytest.MonkeyPatch) -> None:
    broken = ModuleType("broken")
    broken.RULE = "no rule"  # type: ignore[attr-defined]
    monkeypatch.setattr(discovery, "import_module", lambda name: broken)
    with pytest.raises(TypeError, match="is no Rule"):
        discovered()
    monkeypatch.setattr(discovery, "import_module", importlib.import_module)
    assert list(discovered()) == list(RULES)
