"""Fuzz one parser until told to stop: `python -m tests.fuzz message [libFuzzer options] [corpus folder]`.

Needs atheris. Without a corpus folder it starts from the messages of tests/data, or from the plans
and calendars that ringfence comes with.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["ringfence"]):
    from tests.fuzz.targets import TARGETS

from tests.support.torture import rfc4475, rfc5118, shipped_corpus

FOLDERS = {"plan": "numbering", "calendar": "calendar"}


def main() -> None:
    name = sys.argv[1] if len(sys.argv) > 1 else ""
    if name not in TARGETS:
        sys.exit(f"usage: python -m tests.fuzz {'|'.join(TARGETS)} [libFuzzer options]")
    with tempfile.TemporaryDirectory() as folder:
        if name in FOLDERS:
            seeds = [path.read_bytes() for path in Path("config", FOLDERS[name]).glob("*.yaml")]
        else:
            seeds = [case.data for case in rfc4475()] + [case.data for case in rfc5118()] + shipped_corpus()
        for at, seed in enumerate(seeds):
            (Path(folder) / str(at)).write_bytes(seed)
        atheris.Setup([sys.argv[0], *sys.argv[2:], folder], TARGETS[name])
        atheris.Fuzz()


if __name__ == "__main__":
    main()
