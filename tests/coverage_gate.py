"""Branch coverage of the rooms that a call walks through, each by its own tests alone.

    python tests/coverage_gate.py [room …]

Runs `tests/<room>` once a room, on the pure-Python twins; exits 1 when a test fails or fewer than 95 % of the room's branches were taken.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOMS = ("sip", "transaction", "forwarding", "screening")
FLOOR = 95.0  # per cent of branches

ROOT = Path(__file__).resolve().parent.parent


def branches(report: dict[str, object]) -> float:
    """Per cent of branches taken, from coverage's JSON report; 100 where there are none."""
    totals = report["totals"]
    assert isinstance(totals, dict)
    return 100.0 * totals["covered_branches"] / totals["num_branches"] if totals["num_branches"] else 100.0


def missing(report: dict[str, object]) -> list[str]:
    """The files with branches not taken, worst first, each with the lines they leave from."""
    files = report["files"]
    assert isinstance(files, dict)
    left = [(name, file["missing_branches"]) for name, file in files.items() if file["missing_branches"]]
    left.sort(key=lambda entry: -len(entry[1]))
    return [f"{name}: " + ", ".join(f"{a}->{b}" for a, b in gaps[:12]) for name, gaps in left]


def measure(room: str) -> dict[str, object] | None:
    """Coverage's JSON report of a room under its own tests; None when a test failed."""
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "coverage.json"
        command = [
            sys.executable, "-m", "pytest", f"tests/{room}", "--no-header", "-p", "no:cacheprovider",
            f"--cov=ringfence.{room}", "--cov-branch", f"--cov-report=json:{target}",
        ]  # fmt: skip
        environ = {**os.environ, "COVERAGE_FILE": str(Path(folder) / "data"), "RINGFENCE_PURE": "1"}
        result = subprocess.run(command, cwd=ROOT, env=environ, check=False)
        return json.loads(target.read_text()) if result.returncode == 0 else None


def main(rooms: list[str]) -> int:
    failed = False
    for room in rooms or ROOMS:
        report = measure(room)
        if report is None:
            print(f"coverage of {room}: its tests failed", flush=True)
            failed = True
            continue
        share = branches(report)
        print(f"coverage of {room}: {share:.1f} % of branches, at least {FLOOR:g} % wanted", flush=True)
        if share < FLOOR:
            failed = True
            print("\n".join(f"  not taken: {line}" for line in missing(report)[:10]))
    return int(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
