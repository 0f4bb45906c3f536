"""Other people's programs that some tests need: found, or skipped loudly, or demanded."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

REQUIRED = "RINGFENCE_REQUIRE_PEERS"
_DEBIAN_PACKAGES = {
    "sipp": "sip-tester",
    "kamailio": "kamailio",
    "cc": "gcc",
    "systemd-analyze": "systemd",
    "tshark": "tshark",
}


def find(name: str) -> Path | None:
    """Where a program is; system folders that PATH may lack are looked at too."""
    found = shutil.which(name, path=os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"]))
    return None if found is None else Path(found)


def require(name: str) -> Path:
    """The program's path. Without it the test is skipped, or fails when RINGFENCE_REQUIRE_PEERS=1."""
    found = find(name)
    if found is not None:
        return found
    text = f"{name} is not installed (Debian: {_DEBIAN_PACKAGES.get(name, name)})"
    if os.environ.get(REQUIRED) == "1":
        pytest.fail(f"{text}, and {REQUIRED}=1 wants it")
    pytest.skip(text)
