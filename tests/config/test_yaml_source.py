from __future__ import annotations

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from ringfence.config import yaml_source
from ringfence.config.faults import ConfigError
from ringfence.config.yaml_source import read_yaml


def value(text: str) -> object:
    return read_yaml(text.encode(), "f.yaml").value


def faults(text: str | bytes) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        read_yaml(text.encode() if isinstance(text, str) else text, "f.yaml")
    return [str(fault) for fault in caught.value.faults]


@pytest.mark.parametrize(
    ("scalar", "expected"),
    [
        ("021555", "021555"),
        ("0211234", "0211234"),
        ("+8613800138000", "+8613800138000"),
        ("13800138000", 13800138000),
        ("13:30", "13:30"),
        ("no", "no"),
        ("off", "off"),
        ("Yes", "Yes"),
        ("true", True),
        ("FALSE", False),
        ("", None),
        ("~", None),
        ("null", None),
        ("0", 0),
        ("-5", -5),
        ("0x1F", 31),
        ("0o17", 15),
        ("0b1", "0b1"),
        ("1_000", "1_000"),
        ("1.5", 1.5),
        (".5", 0.5),
        ("1e3", 1000.0),
        ("1e999", "1e999"),
        (".inf", ".inf"),
        (".nan", ".nan"),
        ("10.0.0.1", "10.0.0.1"),
        ("2026-11-24", "2026-11-24"),
        ("500ms", "500ms"),
        ("9" * 5000, "9" * 5000),
        ("'5'", "5"),
        ('"true"', "true"),
        ("!!str 5", "5"),
        ("! 5", "5"),
    ],
)
def test_scalars(scalar: str, expected: object) -> None:
    assert value(f"key: {scalar}") == {"key": expected}
    assert type(value(f"key: {scalar}")["key"]) is type(expected)  # type: ignore[index]


def test_keys_are_always_text() -> None:
    assert value("{5060: a, no: b, 021: c, ~: d}") == {"5060": "a", "no": "b", "021": "c", "~": "d"}


def test_collections_and_empty_files() -> None:
    assert value("a: {b: [1, {c: x}]}\nd:\n- e\n- - f\n") == {"a": {"b": [1, {"c": "x"}]}, "d": ["e", ["f"]]}
    assert value("") == value("# nothing but a comment\n") == {}
    assert read_yaml(b"\xef\xbb\xbfa: 1", "f").value == {"a": 1}


def test_every_node_knows_its_line() -> None:
    root = read_yaml(b"a: 1\nb:\n  - x\n  - c: |\n      long\n      text\n    d:\n      e: 2\n", "f.yaml")
    lines = {
        "a": root.child("a"),
        "b": root.child("b"),
        "b0": root.child("b").child(0),
        "b1": root.child("b").child(1),
        "d": root.child("b").child(1).child("d"),
        "e": root.child("b").child(1).child("d").child("e"),
    }
    assert {name: node.line for name, node in lines.items()} == {
        "a": 1,
        "b": 2,
        "b0": 3,
        "b1": 4,
        "d": 7,
        "e": 8,
    }
    assert root.child("b").child(2) is None
    assert root.child("a").child("x") is None
    assert root.child("z") is None


def test_every_repeated_key_is_reported() -> None:
    assert faults("a: 1\nb: {c: 1, c: 2}\na: 2\n") == [
        "f.yaml:2: b.c: given twice: first in line 2",
        "f.yaml:3: a: given twice: first in line 1",
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [1,\nb: 2\n", "f.yaml:3: did not find expected ',' or ']'"),
        ("a:\n\t- b", "f.yaml:2: found character that cannot start any token"),
        ("a: 1\n---\nb: 2", "f.yaml:2: a second document: one file holds one"),
        ("a: \x01", "f.yaml:1: control characters are not allowed"),
        ("? [1]\n: 2", "f.yaml:1: a key must be plain text"),
        ("a: &x [*x]", "f.yaml:1: a[0]: *x: no finished node above has this anchor"),
        ("a: *y", "f.yaml:1: a: *y: no finished node above has this anchor"),
        (
            "a: !!python/object:os.system {}",
            "f.yaml:1: a: tag tag:yaml.org,2002:python/object:os.system has no meaning here",
        ),
        ("a: !!int 5", "f.yaml:1: a: tag tag:yaml.org,2002:int has no meaning here"),
        ("a:\n- !x [1]", "f.yaml:2: a[0]: tag !x has no meaning here"),
        (b"a: 1\nb: \xff", "f.yaml:2: not UTF-8"),
    ],
)
def test_what_is_not_settings_yaml_names_its_line(text: str | bytes, message: str) -> None:
    assert faults(text) == [message]


def test_depth_is_bounded_and_its_place_named() -> None:
    assert value("[" * 32 + "]" * 32)
    assert faults("[" * 100) == ["f.yaml:1: [0][0][0][0]: nested deeper than 32 levels"]
    assert faults("a: 1\nb:\n  c: " + "[" * 100) == ["f.yaml:3: b.c[0][0]: nested deeper than 32 levels"]


def test_depth_is_bounded_where_the_composer_of_libyaml_would_crash() -> None:
    """Newer libyaml has a bound of its own and stops as it reads ahead, where no place is known yet."""
    (fault,) = faults("a: 1\nb: " + "[" * 200_000)
    assert fault in (
        "f.yaml:2: b[0][0][0]: nested deeper than 32 levels",
        "f.yaml:2: nested deeper than 32 levels",
    )


def test_depth_is_bounded_without_libyaml(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(yaml_source, "_LOADER", yaml.SafeLoader)
    assert faults("b: " + "[" * 2_000) == ["f.yaml:1: b[0][0][0]: nested deeper than 32 levels"]


def test_aliases_are_counted_as_often_as_they_are_used() -> None:
    shared = value("a: &x {b: [1, 2]}\nc: *x\nd: [*x, *x]")
    assert shared == {"a": {"b": [1, 2]}, "c": {"b": [1, 2]}, "d": [{"b": [1, 2]}] * 2}
    bomb = "a0: &a0 [1,1,1,1,1,1,1,1,1,1]\n"
    bomb += "".join(f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 10))
    assert faults(bomb) == ["f.yaml:6: a5[7]: more than 1000000 values: move numbers to CSV files"]


def test_plain_values_are_counted_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(yaml_source, "MAX_NODES", 10)
    assert value("[1, 2, 3, 4, 5, 6, 7, 8]")
    assert "more than 10 values" in faults("[1, 2, 3, 4, 5, 6, 7, 8, 9, 10]")[0]
    assert "more than 10 values" in faults("{a: [1, 2, 3, 4, 5], b: [1, 2, 3, 4, 5]}")[0]


def test_size_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(yaml_source, "MAX_BYTES", 5)
    assert value("a: 12")
    assert faults("a: 123") == ["f.yaml: larger than 5 bytes: move numbers to CSV files"]


@settings(max_examples=200, deadline=None)
@given(st.one_of(st.binary(max_size=200), st.text("ab: -[]{}&*!|>#'\"\n\t0", max_size=60).map(str.encode)))
def test_any_bytes_give_values_or_faults(data: bytes) -> None:
    try:
        read_yaml(data, "f.yaml")
    except ConfigError as error:
        assert error.faults
