from __future__ import annotations

from pathlib import Path

import pytest

from ringfence.config.faults import ConfigError
from ringfence.config.files import Files
from ringfence.config.load import load, load_bundle

from .conftest import WriteConfig

TRUNK = """\
trunks:
  - name: bank
    holder: A bank
    kind: enterprise
    sources: [{address: 192.0.2.1}]
    numbers: [{file: numbers.csv}]
"""


def faults(path: Path, bundle: bool = True) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        (load_bundle if bundle else load)(path, environ={})
    return [str(fault).replace(str(path.parent), "DIR") for fault in caught.value.faults]


def test_settings_with_names_made_absolute(config: WriteConfig, tmp_path: Path) -> None:
    settings = load(config("node: edge-1\n"), environ={})
    assert settings.node == "edge-1"
    assert settings.data_directory == tmp_path / "data"
    assert settings.listeners[0].address == ("127.0.0.1", 5060)


def test_the_environment_overrides(config: WriteConfig) -> None:
    path = config("node: edge-1\n")
    assert load(path, environ={"RINGFENCE_NODE": "edge-2"}).node == "edge-2"
    with pytest.raises(ConfigError, match="environment RINGFENCE_NODE: node:"):
        load(path, environ={"RINGFENCE_NODE": "no blanks"})


def test_a_bundle_is_settings_numbers_and_rules_of_one_generation(config: WriteConfig, tmp_path: Path) -> None:
    (tmp_path / "numbers.csv").write_text("from,to\n+861000000000,+861000000999\n")
    path = config(TRUNK)
    files = Files()
    bundle = load_bundle(path, 7, files, environ={})
    trunk = bundle.ledger.by_source("udp", "192.0.2.1", 5060)
    assert trunk is bundle.ledger.trunks["bank"]
    assert bundle.generation == bundle.ledger.generation == 7
    assert set(files.stamps) == {path, tmp_path / "numbers.csv"}


def test_faults_of_number_files_and_between_parts_come_together(config: WriteConfig, tmp_path: Path) -> None:
    (tmp_path / "numbers.csv").write_text("number\n+861000000000\nnonsense\n")
    found = faults(config(TRUNK + "    gateways: nowhere\n"))
    assert found[0].startswith("DIR/numbers.csv:3:1: trunks[0].numbers[0]: not a number")
    assert found[1:] == ["DIR/ringfence.yaml:13: trunks[0].gateways: no gateway group nowhere; there are: default"]


def test_faults_between_parts_alone(config: WriteConfig) -> None:
    text = TRUNK.replace("    numbers: [{file: numbers.csv}]\n", "    gateways: nowhere\n")
    expected = ["DIR/ringfence.yaml:12: trunks[0].gateways: no gateway group nowhere; there are: default"]
    assert faults(config(text)) == faults(config(text), bundle=False) == expected


def test_overrides_of_rules_that_cannot_be(config: WriteConfig, tmp_path: Path) -> None:
    (tmp_path / "numbers.csv").write_text("number\n+861000000000\n")
    text = TRUNK + "    rules:\n      rate: {limt: 5}\n      nosuch: {mode: off}\n    gateways: nowhere\n"
    found = faults(config(text))
    assert found[0] == "DIR/ringfence.yaml:14: trunks[0].rules.rate.limt: unknown key"
    assert found[1].startswith("DIR/ringfence.yaml:15: trunks[0].rules.nosuch: no such rule; there are ")
    assert found[2] == "DIR/ringfence.yaml:16: trunks[0].gateways: no gateway group nowhere; there are: default"


def test_faults_of_number_files_and_of_rules_come_together(config: WriteConfig, tmp_path: Path) -> None:
    (tmp_path / "numbers.csv").write_text("prefix\nnone\n")
    told = faults(config(TRUNK + "    rules: {rate: {limit: -1}, unheard_of: {}}\n"))
    assert [text.partition(": ")[0] for text in told].count("DIR/numbers.csv:2:1") == 1
    assert [text for text in told if "rules.rate.limit: must be greater than 0" in text]
    assert [text for text in told if "rules.unheard_of: no such rule" in text]


def test_a_fault_in_one_part_hides_none_in_another(config: WriteConfig, tmp_path: Path) -> None:
    (tmp_path / "numbers.csv").write_text("prefix\nnone\n")
    told = faults(config(TRUNK + "    gateways: nowhere\n    rules: {unheard_of: {}}\nredis: {deadline: 50}\nnod: x\n"))
    assert [text.split(": ")[1] for text in told] == [
        "trunks[0].numbers[0]", "trunks[0].gateways", "trunks[0].rules.unheard_of", "redis.deadline", "nod",
    ]  # fmt: skip


def test_what_depends_on_a_part_with_faults_is_not_guessed_at(config: WriteConfig, tmp_path: Path) -> None:
    (tmp_path / "numbers.csv").write_text("number\n02112345678\n")
    told = faults(config(TRUNK + "numbering: {country_code: 1.5}\n"))
    assert [text.split(": ")[1] for text in told] == ["numbering.country_code"]


def test_a_number_file_that_is_missing_is_named(config: WriteConfig) -> None:
    assert faults(config(TRUNK)) == [
        "DIR/numbers.csv: trunks[0].numbers[0].file: cannot be read: No such file or directory"
    ]


def test_ledger_faults_in_the_settings_have_their_line(config: WriteConfig) -> None:
    text = TRUNK.replace("{file: numbers.csv}", "{number: nonsense}")
    assert faults(config(text))[0].startswith("DIR/ringfence.yaml:12: trunks[0].numbers[0].number: not a number")


def test_faults_within_parts(config: WriteConfig) -> None:
    assert faults(config("noed: x\n")) == ["DIR/ringfence.yaml:7: noed: unknown key; did you mean node?"]


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    assert faults(tmp_path / "none.yaml") == ["DIR/none.yaml: cannot be read: No such file or directory"]
