"""Plans checked, numbers read by them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.cli.command import SAMPLE, Ringfence

PLANS = Path("config/numbering")


@pytest.mark.parametrize(("name", "classes", "provinces"), [("cn", 27, 31), ("sg", 9, 0)])
def test_the_plans_that_come_with_it_have_no_fault(
    ringfence: Ringfence, name: str, classes: int, provinces: int
) -> None:
    done = ringfence("numbering", "check", PLANS / f"{name}.yaml", "--json")
    assert done.code == 0
    answer = json.loads(done.out)
    assert (answer["valid"], answer["plan"]) == (True, name)
    assert (answer["classes"], answer["provinces"]) == (classes, provinces)
    assert "no fault" in ringfence("numbering", "check", PLANS / f"{name}.yaml").out


def test_faults_have_file_and_line(ringfence: Ringfence, tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text((PLANS / "cn.yaml").read_text().replace("surety: low", "surety: none"))
    line = next(at for at, text in enumerate(file.read_text().splitlines(), 1) if "surety: none" in text)
    done = ringfence("numbering", "check", file)
    assert done.code == 78
    assert done.out.startswith(f"{file}:{line}: classes.other_95_code.surety: must be")
    answer = json.loads(ringfence("numbering", "check", file, "--json").out)
    assert (answer["valid"], answer["faults"][0]["line"]) == (False, line)


def test_the_schema_is_json(ringfence: Ringfence) -> None:
    schema = json.loads(ringfence("numbering", "schema").out)
    assert schema["title"] == "ringfence numbering plan"
    assert {"plan", "country_code", "classes", "provinces", "dialling"} <= set(schema["properties"])


@pytest.mark.parametrize(
    ("arguments", "code", "answer"),
    [
        (("0755 6234 5678",), 0, {"number": "+8675562345678", "class": "fixed", "area": "755", "province": "GD"}),
        (("62345678", "--area", "021"), 0, {"number": "+862162345678", "province": "SH"}),
        (("62345678",), 1, {"number": "", "irregular": "no_area_code"}),
        (("+861000000101",), 0, {"class": "fixed", "irregular": ""}),  # the sample assigns it
        (("17012345678",), 0, {"class": "mobile_virtual", "features": ["mvno"]}),
        (("+12425550123",), 0, {"class": "foreign", "country": "BS"}),  # libphonenumber knows more than the code +1
        (("+442079460001",), 0, {"country": "GB", "libphonenumber": "+44 20 7946 0001, fixed_line, valid"}),
        (
            ("61234567", "--plan", str(PLANS / "sg.yaml")),
            0,
            {"number": "+6561234567", "class": "fixed", "country": "SG"},
        ),
        (("alice",), 1, {"kind": "malformed", "class": "none"}),
    ],
)
def test_a_number_is_read(
    ringfence: Ringfence, arguments: tuple[str, ...], code: int, answer: dict[str, object]
) -> None:
    done = ringfence("numbering", "read", *arguments, "--json", "--config", SAMPLE)
    assert done.code == code
    assert {key: value for key, value in json.loads(done.out).items() if key in answer} == answer
    people = ringfence("numbering", "read", *arguments, "--config", SAMPLE)
    assert people.code == code
    assert "class" in people.out
