"""Plans that come with ringfence: the files of config/numbering, and nothing else."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import pytest

from ringfence.config.plan_file import read_plan
from ringfence.numbering import NumberingSettings
from ringfence.numbering.packaged import packaged, packaged_names

FOLDER = Path(__file__).resolve().parents[2] / "config/numbering"


def test_they_are_what_the_configuration_shows() -> None:
    assert packaged_names() == sorted(path.stem for path in FOLDER.glob("*.yaml")) == ["cn", "sg"]


@pytest.mark.parametrize("name", packaged_names())
def test_both_ways_to_read_a_plan_say_the_same(name: str) -> None:
    # Once as plain text scalars, once with YAML 1.2's types and a line for each value.
    plan, _ = read_plan(FOLDER / f"{name}.yaml")
    assert packaged(name) == plan
    assert plan.plan == name
    inside = files("ringfence.numbering").joinpath("plans").joinpath(f"{name}.yaml").read_bytes()
    assert inside == (FOLDER / f"{name}.yaml").read_bytes()


def test_the_settings_name_one_that_is_there() -> None:
    assert NumberingSettings().plan in packaged_names()
    description = NumberingSettings.model_fields["plan"].description or ""
    assert all(name in description for name in packaged_names())
