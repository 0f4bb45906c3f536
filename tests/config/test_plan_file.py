"""A plan of the operator's own: every fault with its file and line, all or nothing, and watched for changes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.support.settings import daemon_settings

from ringfence.config import ConfigError, Reloader, load_bundle
from ringfence.config.plan_file import checked_plan, plan_schema, read_plan
from ringfence.config.schema_tree import SchemaTree
from ringfence.config.yaml_source import read_yaml

PLANS = Path(__file__).resolve().parents[2] / "config/numbering"
CHINA = (PLANS / "cn.yaml").read_text()


def faults(tmp_path: Path, text: str) -> list[str]:
    file = tmp_path / "plan.yaml"
    file.write_text(text)
    with pytest.raises(ConfigError) as caught:
        checked_plan(file)
    return [str(fault).removeprefix(f"{tmp_path}/") for fault in caught.value.faults]


def line_of(text: str, part: str) -> int:
    return next(at for at, line in enumerate(text.splitlines(), 1) if part in line)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('prefixes: ["145", "147", "149"]', 'prefixes: ["145", "139"]',
         "classes.data_card.prefixes[1]: 139 with 11 digits is also mobile"),
        ('"8": ["10"]', '"8": ["21"]', "provinces.SH.areas.8[0]: area code 21 is given twice"),
        ("only_on: [platform]", "only_on: [plattform]",
         "classes.middle_number.only_on[0]: no such kind of trunk; there are: enterprise, call_center, interconnect, "
         "international, platform, internal"),
        ("surety: low", "surety: lowest", "classes.other_95_code.surety: must be 'high', 'medium' or 'low'"),
        ("from_abroad: roaming", "from_abroad: roams",
         "classes.mobile.from_abroad: must be 'never' or 'roaming'"),
        ('country_code: "86"', "country_code: 86", "country_code: must be text: put it in quotes, or digits are lost"),
        ("prefixes: [\"26\"]", "prefixes: [26]",
         "classes.area_unassigned.prefixes[0]: must be text: put it in quotes, or digits are lost"),
        ("    suffix: true", "    sufix: true", "classes.code_with_suffix.sufix: unknown key; did you mean suffix?"),
    ],
)  # fmt: skip
def test_faults_have_their_line(tmp_path: Path, old: str, new: str, message: str) -> None:
    assert old in CHINA
    text = CHINA.replace(old, new, 1)
    # A province's areas are one line; an area code given twice shows where it is given again.
    line = line_of(text, "SH: {name" if "provinces.SH" in message else new)
    assert faults(tmp_path, text) == [f"plan.yaml:{line}: {message}"]


def test_every_fault_is_named_at_once(tmp_path: Path) -> None:
    text = CHINA.replace("surety: low", "surety: none").replace("only_on: [platform]", "only_on: [9]")
    assert len(faults(tmp_path, text)) == 2


@pytest.mark.parametrize("text", ["", "a: [", "- 1\n", "plan: cn\n"])
def test_what_is_no_plan(tmp_path: Path, text: str) -> None:
    assert faults(tmp_path, text)


def test_a_plan_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.yaml: cannot be read: No such file"):
        read_plan(tmp_path / "none.yaml")


def settings_file(tmp_path: Path, **numbering: Any) -> Path:
    file = tmp_path / "ringfence.yaml"
    settings = daemon_settings("127.0.0.1:5060", ["192.0.2.1"], ["127.0.0.1:5080"])
    settings["trunks"][0]["area"] = "021"
    file.write_text(yaml.safe_dump(settings | {"numbering": numbering}))
    return file


def test_the_settings_name_a_plan_beside_them(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(CHINA.replace('prefixes: ["400"]', 'prefixes: ["400", "401"]'))
    file = settings_file(tmp_path, plan_file="mine.yaml")
    assert load_bundle(file, environ={}).numbering.read("4011234567").class_.name == "shared_cost"
    assert load_bundle(settings_file(tmp_path), environ={}).numbering.read("4011234567").value == ""


@pytest.mark.parametrize(
    ("numbering", "message"),
    [
        ({"plan": "xx"}, r"ringfence\.yaml:\d+: numbering\.plan: no plan xx comes with ringfence; there are: cn, sg"),
        ({"plan_file": "none.yaml"}, r"none\.yaml: cannot be read: No such file"),
        (
            {"assigned": {"fixed": ["60000"]}},
            r"ringfence\.yaml:\d+: numbering\.assigned\.fixed\[0\]: 60000: no number of",
        ),
        ({"assigned": {"x": ["1"]}}, r"ringfence\.yaml:\d+: numbering\.assigned\.x: the plan has no such class"),
        ({"plan": "sg"}, r"ringfence\.yaml:\d+: trunks\[0\]\.area: the plan sg has no such area"),
    ],
)
def test_faults_of_the_settings(tmp_path: Path, numbering: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        load_bundle(settings_file(tmp_path, **numbering), environ={})


def test_a_province_that_the_plan_does_not_have(tmp_path: Path) -> None:
    file = settings_file(tmp_path)
    file.write_text(file.read_text().replace("area: '021'", "province: XX"))
    with pytest.raises(ConfigError, match=r"trunks\[0\]\.province: no such province; the plan has: AH, BJ, "):
        load_bundle(file, environ={})


def test_a_changed_plan_is_a_reload(tmp_path: Path) -> None:
    plan = tmp_path / "mine.yaml"
    plan.write_text(CHINA)
    file = settings_file(tmp_path, plan_file="mine.yaml")
    reloader = Reloader(lambda files, generation: load_bundle(file, generation, files, environ={}))
    assert reloader.current.numbering.read("14512345678").class_.name == "data_card"
    plan.write_text(CHINA.replace('"145", ', ""))
    assert not reloader.poll()
    assert reloader.poll()
    assert reloader.faults == []
    assert reloader.current.numbering.read("14512345678").class_.name == "mobile_unassigned"
    plan.write_text(CHINA.replace("surety: low", "surety: none"))
    reloader.poll()
    assert reloader.poll()
    assert str(reloader.faults[0]).startswith(f"{plan}:")
    assert reloader.current.generation == 2


@pytest.mark.parametrize("name", ["cn", "sg"])
def test_the_schema_has_every_key_that_plans_write(name: str) -> None:
    tree = SchemaTree(plan_schema())
    root = read_yaml((PLANS / f"{name}.yaml").read_bytes(), name)

    def walk(value: Any, location: tuple[str | int, ...]) -> None:
        assert not location or tree.pattern(location) is not None, location
        items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
        for part, below in items:
            walk(below, (*location, part))

    walk(root.value, ())
