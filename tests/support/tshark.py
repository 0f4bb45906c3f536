"""What Wireshark's dissectors make of a file: the judge of captures that we write and read."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from tests.support.peers import require

Row = dict[str, str]


@pytest.fixture(scope="session")
def tshark() -> Path:
    return require("tshark")


def dissect(tshark: Path, file: Path, *fields: str, only: str = "sip") -> list[Row]:
    """The packets that a display filter lets through, with these fields; checksums are verified."""
    command: list[str | Path] = [tshark, "-r", file, "-n", "-Y", only, "-T", "fields", "-E", "separator=\x1f"]
    for check in ("ip.check_checksum", "udp.check_checksum"):
        command += ["-o", f"{check}:TRUE"]
    for field in fields:
        command += ["-e", field]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    return [dict(zip(fields, line.split("\x1f"), strict=True)) for line in done.stdout.splitlines()]
