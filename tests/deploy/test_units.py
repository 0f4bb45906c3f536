"""The systemd units: sound, of the least privilege, and their commands are commands of ours."""

from __future__ import annotations

import re
import subprocess
from collections import defaultdict
from pathlib import Path

import pytest
from tests.cli.command import Ringfence
from tests.support.peers import require

FOLDER = Path(__file__).resolve().parents[2] / "deploy/systemd"
SERVICES = ("ringfence.service", "ringfence-retain.service")
PROGRAM = "/opt/ringfence/bin/ringfence"

# What the second unit may have otherwise than the daemon's: how it is run, not what it may do.
RUN = {
    "Type", "ExecStart", "ExecStartPre", "ExecReload", "Restart", "RestartSec", "RestartPreventExitStatus", "KillMode",
    "TimeoutStopSec", "TimeoutStartSec", "LimitNOFILE", "OOMScoreAdjust", "Nice", "IOSchedulingClass", "User",
    "RestrictAddressFamilies",
}  # fmt: skip


def service(name: str) -> dict[str, list[str]]:
    """The part [Service]: key to its values."""
    values: dict[str, list[str]] = defaultdict(list)
    for line in (FOLDER / name).read_text().partition("[Service]")[2].partition("[Install]")[0].splitlines():
        if "=" in line and not line.startswith("#"):
            key, _, value = line.partition("=")
            values[key].append(value)
    return values


def test_retention_may_do_no_more_than_the_daemon() -> None:
    daemon, retain = service("ringfence.service"), service("ringfence-retain.service")
    assert {key: daemon[key] for key in daemon.keys() - RUN} == {key: retain[key] for key in retain.keys() - RUN}
    families = [set(one["RestrictAddressFamilies"][0].split()) for one in (retain, daemon)]
    assert families[0] <= families[1]
    # One user for both: with DynamicUser the daemon's is named after its unit, and the state directory is that user's.
    assert retain["User"] == ["ringfence"]


def test_the_timer_starts_the_unit_daily_and_makes_up_for_a_missed_day() -> None:
    timer = (FOLDER / "ringfence-retain.timer").read_text()
    assert re.search(r"^OnCalendar=\*-\*-\* \d\d:\d\d:00$", timer, re.MULTILINE)
    assert "Persistent=yes" in timer
    assert "WantedBy=timers.target" in timer


def test_what_it_starts_is_a_command_of_ours(ringfence: Ringfence) -> None:
    (line,) = service("ringfence-retain.service")["ExecStart"]
    program, *arguments = line.split()
    assert program == PROGRAM
    place = arguments.index("/etc/ringfence/ringfence.yaml")
    assert arguments[place - 1] == "--config"
    done = ringfence(*arguments[: place - 1])  # the fixture names a configuration of its own
    assert (done.code, done.err) == (0, "")
    assert done.out.split() == ["statements", "0", "files", "0", "numbers", "0", "changes", "0", "trace_requests", "0"]


@pytest.fixture
def ringfence(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ringfence:
    """The command line on an empty data directory, which the units name by the environment too."""
    monkeypatch.setenv("RINGFENCE_DATA_DIRECTORY", str(tmp_path / "data"))
    return Ringfence(capsys)


def test_systemd_finds_no_fault(tmp_path: Path) -> None:
    for path in FOLDER.glob("ringfence*.*"):
        text = path.read_text().replace(PROGRAM, "/bin/true").replace("/bin/kill", "/bin/true")
        (tmp_path / path.name).write_text(text)
    names = [*SERVICES, "ringfence-retain.timer"]
    command = [str(require("systemd-analyze")), "verify", "--man=no", *(str(tmp_path / name) for name in names)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    said = [line for line in done.stderr.splitlines() if "ringfence" in line]
    assert (done.returncode, said) == (0, [])
