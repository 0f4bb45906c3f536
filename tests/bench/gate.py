"""The call path may not grow unseen: instructions of a whole call through the engine against a recorded baseline.

    python -m tests.bench.gate            # 1 when a call takes over 10 % more instructions than recorded
    python -m tests.bench.gate --record   # writes tests/bench/baseline.json: with the reason in the commit

valgrind counts instructions, the same ones however busy the machine is; two lengths of run are compared, so that the
start cancels out. The count depends on Python's minor version, the processor's kind and what is compiled, so each
combination has an entry. Where valgrind or an entry is missing, CPU time against a fixed loop is compared instead,
with a wider margin.
"""

from __future__ import annotations

import json
import os
import platform
import re
import subprocess
import sys
from pathlib import Path
from timeit import repeat

from tests.bench.callpath import CallPath
from tests.support.peers import find

from ringfence.compiled import extent

BASELINE = Path(__file__).parent / "baseline.json"
SHORT, LONG = 100, 600  # calls
MARGIN, MARGIN_OF_TIME = 1.10, 1.5
_IR = re.compile(r"I +refs: +([0-9,]+)")


def key() -> str:
    """What counts are comparable within."""
    return f"python {platform.python_version().rpartition('.')[0]}, {platform.machine()}, {extent()}"


def instructions(valgrind: Path, calls: int) -> int:
    """All instructions of a process that plays so many calls."""
    command = [
        valgrind, "--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null",
        sys.executable, "-m", "tests.bench.callpath", str(calls),
    ]  # fmt: skip
    environment = {**os.environ, "PYTHONHASHSEED": "0"}
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
    found = _IR.search(done.stderr)
    assert found is not None, done.stderr
    return int(found[1].replace(",", ""))


def counted(valgrind: Path) -> float:
    """Instructions a call."""
    return (instructions(valgrind, LONG) - instructions(valgrind, SHORT)) / (LONG - SHORT)


def timed() -> float:
    """Time of a call in units of a fixed loop's, the fastest of several runs each: a busy machine matters little."""
    path = CallPath()
    path.play(500)
    fastest = min(_spent(path) for _ in range(15))
    return fastest / min(repeat("for i in range(1000): pass", number=10, repeat=15))


def _spent(path: CallPath) -> float:
    before = path.spent
    path.play(200)
    return (path.spent - before) / 200


def main(arguments: list[str]) -> int:
    """0 within the margin, or recorded; 1 beyond it."""
    recorded: dict[str, dict[str, float]] = json.loads(BASELINE.read_text()) if BASELINE.exists() else {}
    valgrind = find("valgrind")
    if arguments == ["--record"]:
        if valgrind is None:
            print("gate: no valgrind here: nothing can be recorded", file=sys.stderr)
            return 1
        recorded[key()] = {"instructions": round(counted(valgrind)), "loops": round(timed(), 4)}
        BASELINE.write_text(json.dumps(recorded, indent=2, sort_keys=True) + "\n")
        print(f"gate: recorded {recorded[key()]} for {key()}")
        return 0
    before = recorded.get(key())
    if valgrind is not None and before is not None:
        return _judged(counted(valgrind), before["instructions"], MARGIN, "instructions")
    print(
        f"gate: {'no valgrind' if valgrind is None else f'no baseline for {key()}'}: time is compared", file=sys.stderr
    )
    alike = [entry["loops"] for name, entry in recorded.items() if name.endswith(extent())]
    if not alike:
        print(f"gate: NOT COMPARED: no baseline of '{extent()}'", file=sys.stderr)
        return int(os.environ.get("RINGFENCE_REQUIRE_PEERS") == "1")
    return _judged(timed(), max(alike), MARGIN_OF_TIME, "loops")


def _judged(now: float, before: float, margin: float, unit: str) -> int:
    print(f"gate: {now:,.4g} {unit} a call, {now / before - 1:+.1%} against the baseline; {margin - 1:.0%} are allowed")
    return int(now > before * margin)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
