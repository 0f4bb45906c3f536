"""The sample configuration: every key is in it, it loads, and it says what the models say."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from ringfence.config.faults import Location
from ringfence.config.ledger_store import Here
from ringfence.config.load import load, load_bundle
from ringfence.config.schema import json_schema
from ringfence.config.schema_tree import SchemaTree
from ringfence.config.yaml_source import Value, read_yaml

SAMPLE = Path(__file__).resolve().parents[2] / "config/ringfence.yaml"
TREE = SchemaTree(json_schema())

# What the sample sets otherwise than the default, each with a remark beside it.
DELIBERATE = {
    "data_directory",  # the project's data/, not config/data/
    "ledger.folder",  # the demo's trunks
    "screening.rules.harassment_score.mode",  # the demo shows what a score does
    # What the mission demands: the caller's number is what the plan allows where it comes from.
    "screening.rules.irregular_number.mode",
    "screening.rules.inbound_only_class.mode",
    "screening.rules.domestic_from_abroad.mode",
    "screening.rules.foreign_not_marked.mode",
    "screening.rules.diversion.mode",
}


def uncommented() -> Value:
    """The sample with every setting in use: `#key: value` loses its mark, `# remark` stays one."""
    text = re.sub(r"^(\s*)#(?! \S|$)", r"\1", SAMPLE.read_text(), flags=re.MULTILINE)
    return read_yaml(text.encode(), "sample").value


def locations(value: Value, location: Location = ()) -> Iterator[tuple[Location, Value]]:
    yield location, value
    if isinstance(value, dict):
        for key, below in value.items():
            yield from locations(below, (*location, key))
    elif isinstance(value, list):
        for position, below in enumerate(value):
            yield from locations(below, (*location, position))


def test_every_key_is_in_the_sample() -> None:
    shown = {TREE.pattern(location) for location, _ in locations(uncommented())}
    assert {key.pattern for key in TREE.every_key()} - shown == set()


def test_every_key_of_the_sample_exists() -> None:
    found = [location for location, _ in locations(uncommented()) if TREE.pattern(location) is None]
    assert [location for location in found if location[:1] != ("trunks",) or "rules" not in location] == []


def test_every_key_is_described() -> None:
    assert [key.pattern for key in TREE.every_key() if not key.description] == []


def test_the_sample_shows_the_defaults() -> None:
    defaults = {key.pattern: key.default for key in TREE.every_key() if key.has_default}
    other = {
        pattern
        for location, value in locations(read_yaml(SAMPLE.read_bytes(), "sample").value)
        if (pattern := TREE.pattern(location)) in defaults
        and not pattern.startswith("trunks")
        and not isinstance(value, dict)
        and value is not None
        and value != defaults[pattern]
    }
    assert other == DELIBERATE


def test_the_sample_loads_whole() -> None:
    bundle = load_bundle(SAMPLE, environ={})
    found = {port: bundle.ledger.by_source("udp", "127.0.0.1", port) for port in range(5071, 5077)}
    assert {port: trunk and trunk.name for port, trunk in found.items()} == {
        5071: "bank",
        5072: "callcentre",
        5073: "carrier",
        5074: "abroad",
        5075: "lab",
        5076: None,
    }


def test_the_sample_ledger_says_nothing_that_is_over() -> None:
    assert list(load_bundle(SAMPLE, environ={}, make_ledger=Here()).late) == []


def test_names_in_the_sample_are_relative_to_it() -> None:
    assert load(SAMPLE, environ={}).data_directory == SAMPLE.parent / "../data"
