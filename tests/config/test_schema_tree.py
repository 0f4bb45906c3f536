from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from ringfence.config.schema_tree import SchemaTree
from ringfence.settings_types import Duration, Frozen

Digits = Annotated[str, StringConstraints(pattern=r"^[0-9]+$")]


class Leaf(Frozen):
    """A leaf."""

    wait: Duration = Field(0.5, description="How long.")


class Consent(Frozen):
    kind: Literal["consent"] = "consent"
    points: int = 1


class Rate(Frozen):
    kind: Literal["rate"] = "rate"
    limit: int = Field(description="Calls.")


class Root(Frozen):
    name: str
    leaf: Leaf | None = None
    groups: dict[str, Leaf] = Field(default_factory=dict)
    rules: tuple[Consent | Rate, ...] = ()
    free: dict[str, str] = Field(default_factory=dict)
    codes: dict[Digits, Leaf] = Field(default_factory=dict)


TREE = SchemaTree.of(Root)


def test_every_key_once_with_its_pattern() -> None:
    assert [key.pattern for key in TREE.every_key()] == [
        "name", "leaf", "leaf.wait", "groups", "groups.*.wait", "rules", "rules[].kind", "rules[].points",
        "rules[].limit", "free", "codes", "codes.*.wait",
    ]  # fmt: skip


def test_what_a_key_says() -> None:
    keys = {key.pattern: key for key in TREE.every_key()}
    assert keys["name"].required and not keys["name"].has_default
    assert keys["leaf"].description == "A leaf."
    wait = keys["leaf.wait"]
    assert (wait.description, wait.default, wait.required) == ("How long.", "500ms", False)
    assert keys["rules[].limit"].required


def test_patterns_of_locations() -> None:
    assert TREE.pattern(("groups", "core", "wait")) == "groups.*.wait"
    assert TREE.pattern(("rules", 3, "limit")) == "rules[].limit"
    assert TREE.pattern(("rules", 3, "what")) is None
    assert TREE.pattern(("name", 0)) is None
    assert TREE.pattern(("free", "x")) == "free.*"
    assert TREE.pattern(("codes", "95", "wait")) == "codes.*.wait"


def test_names_to_suggest_from() -> None:
    assert TREE.names(("leaf",)) == ["wait"]
    assert TREE.names(("rules", 0)) == ["kind", "points", "kind", "limit"]
    assert TREE.names(("free",)) == []
