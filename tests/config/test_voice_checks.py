"""Service numbers that cannot be: each fault names the line of the settings."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.support.ledgers import MAIN, faults

GRANTS = "trunk,number\nbank,+862160000001\nbank,95588\n"


def found(folder: Path, *lines: str) -> list[str]:
    """What is wrong, behind the name of the file."""
    text = MAIN + "voice:\n  lines:\n" + "".join(f"    - {line}\n" for line in lines)
    said = faults(folder, {"grants.csv": GRANTS}, text)
    return [each.replace(f"{folder}/ringfence.yaml:", "") for each in said]


def test_lines_that_can_be(tmp_path: Path) -> None:
    assert (
        found(
            tmp_path,
            '{number: "12321", refuses: everybody, announcement: default}',
            '{number: "1232101", refuses: sector, sector: finance}',
            '{number: "1232102", refuses: holder, holders: {"1": Bank, "2": Shop}}',
            '{number: "1232103", refuses: last_caller}',
        )
        == []
    )


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        (
            '{number: "12321", refuses: everybody, announcement: nowhere}',
            "11:59: voice.lines[0].announcement: no gateway group nowhere; there are: default",
        ),
        ('{number: "12321", refuses: sector, sector: arms}', "sector: must be 'finance', 'insurance', "),
        ('{number: "110", refuses: everybody}', "voice.lines[0].number: 110 is an emergency number"),
        ('{number: "+86110", refuses: everybody}', "voice.lines[0].number: +86110 is an emergency number"),
        ('{number: "95588", refuses: everybody}', "number: 95588 is granted to bank, whose callers would refuse"),
        ('{number: "02160000001", refuses: everybody}', "02160000001 is granted to bank"),
        (
            '{number: "12321", refuses: holder, holder: Bnak}',
            "voice.lines[0].holder: no trunk has the holder Bnak; did you mean Bank?",
        ),
        (
            '{number: "12321", refuses: holder, holders: {"1": Bank, "2": Nobody}}',
            "voice.lines[0].holders: no trunk has the holder Nobody",
        ),
        (
            '{number: "12321", refuses: sector}',
            "voice.lines[0]: sector belongs to `refuses: sector`, and to no other",
        ),
    ],
)
def test_lines_that_cannot(tmp_path: Path, line: str, fault: str) -> None:
    (said,) = found(tmp_path, line)
    assert fault.split(": ", 1)[-1] in said


def test_one_number_means_one_thing(tmp_path: Path) -> None:
    (said,) = found(
        tmp_path,
        '{number: "12321", refuses: everybody}',
        '{number: "+8612321", refuses: last_caller}',
    )
    assert said.endswith("voice.lines[1].number: +8612321 means lines[0] already")
