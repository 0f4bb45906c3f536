from __future__ import annotations

from typing import Annotated, Literal

import pytest
from pydantic import Field, field_validator

from ringfence.config.faults import ConfigError
from ringfence.config.validation import validate
from ringfence.config.yaml_source import read_yaml
from ringfence.settings_types import Duration, Frozen


class Item(Frozen):
    name: str
    area: str | None = None
    ports: tuple[int, ...] = ()
    mode: Literal["off", "observe"] = "off"


class Consent(Frozen):
    kind: Literal["consent"]
    points: int = 1


class Rate(Frozen):
    kind: Literal["rate"]
    limit: int


class Root(Frozen):
    node: str = "x"
    wait: Duration = 1.0
    threshold: float = Field(0.5, le=1)
    items: tuple[Item, ...] = ()
    groups: dict[str, Item] = Field(default_factory=dict)
    either: str | Item = "x"
    rules: tuple[Annotated[Consent | Rate, Field(discriminator="kind")], ...] = ()

    @field_validator("node")
    @classmethod
    def _short(cls, node: str) -> str:
        if len(node) > 5:
            raise ValueError("a node's name is short")
        return node


def faults(text: str, environ: dict[str, str] | None = None) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        validate(Root, read_yaml(text.encode(), "c.yaml"), "c.yaml", environ or {})
    return [str(fault) for fault in caught.value.faults]


def model(text: str, environ: dict[str, str] | None = None) -> Root:
    return validate(Root, read_yaml(text.encode(), "c.yaml"), "c.yaml", environ or {})[0]


def test_values_become_the_model() -> None:
    root = model("node: 021\nwait: 500ms\nitems:\n- {name: a, mode: off, ports: [1, 2]}\n")
    assert (root.node, root.wait, root.items[0].mode, root.items[0].ports) == ("021", 0.5, "off", (1, 2))


def test_all_faults_at_once_with_line_and_path() -> None:
    text = """\
node: much_too_long
wait: 5
threshold: 3
items:
  - name: 13800138000
    nmae: x
  - area: "021"
    ports: [1, x]
groups:
  core:
    name: a
    mode: enforce
rules:
  - kind: rate
    limt: 5
  - kind: what
"""
    assert faults(text) == [
        "c.yaml:1: node: a node's name is short",
        "c.yaml:2: wait: a duration needs a number with its unit: 500ms, 32s, 3m, 12h, 30d",
        "c.yaml:3: threshold: must be less than or equal to 1",
        "c.yaml:5: items[0].name: must be text: put it in quotes, or digits are lost",
        "c.yaml:6: items[0].nmae: unknown key; did you mean name?",
        "c.yaml:7: items[1].name: missing",
        "c.yaml:8: items[1].ports[1]: must be a valid integer, unable to parse string as an integer",
        "c.yaml:12: groups.core.mode: must be 'off' or 'observe'",
        "c.yaml:14: rules[0].limit: missing",
        "c.yaml:15: rules[0].limt: unknown key; did you mean limit?",
        "c.yaml:16: rules[1]: Input tag 'what' found using 'kind' does not match any of the expected tags: "
        "'consent', 'rate'",
    ]


def test_a_value_of_several_kinds_gets_one_fault() -> None:
    assert faults("either: [1]") == [
        "c.yaml:1: either: must be a valid string; or must be a valid dictionary or instance of Item"
    ]


def test_keys_without_value() -> None:
    assert model("items:\nnode: a") == Root(node="a")  # a section that is all commented out
    assert faults("items:\n- name:\n") == ["c.yaml:2: items[0].name: has no value: remove the key or write one"]


def test_unlike_anything_known_gets_no_suggestion() -> None:
    assert faults("zzzz: 1") == ["c.yaml:1: zzzz: unknown key"]


def test_a_file_must_hold_keys() -> None:
    assert faults("- a") == ["c.yaml:1: must be keys with values"]


def test_overrides_are_validated_and_named() -> None:
    assert model("threshold: 0.1", {"RINGFENCE_THRESHOLD": "0.7"}).threshold == 0.7
    assert model("node: x", {"RINGFENCE_NODE": "12345"}).node == "12345"
    environ = {"RINGFENCE_THRESHOLD": "7", "RINGFENCE_GROUPS__CORE__NMAE": "x"}
    assert faults("threshold: 0.1\n", environ) == [
        "c.yaml: groups.core.name: missing",
        "environment RINGFENCE_GROUPS__CORE__NMAE: groups.core.nmae: unknown key; did you mean name?",
        "environment RINGFENCE_THRESHOLD: threshold: must be less than or equal to 1",
    ]


def test_the_source_names_the_nearest_written_key() -> None:
    text = "items:\n- name: a\n\n- name: b\n  ports: [1,\n    2]\n"
    _, source = validate(Root, read_yaml(text.encode(), "c.yaml"), "c.yaml", {"RINGFENCE_NODE": "z"})
    assert str(source.fault(("items", 1, "ports", 1), "x")) == "c.yaml:6: items[1].ports[1]: x"
    assert str(source.fault(("items", 1, "area"), "x")) == "c.yaml:4: items[1].area: x"
    assert str(source.fault(("node",), "x")) == "environment RINGFENCE_NODE: node: x"
    assert str(source.fault(("groups",), "x")) == "c.yaml: groups: x"
