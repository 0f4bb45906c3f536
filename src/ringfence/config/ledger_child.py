"""The child process that compiles a large ledger: `python -m ringfence.config.ledger_child SETTINGS SNAPSHOT`.

It says what it does and finds as JSON lines on standard output: `{"progress": [what, part]}`, `{"fault": […]}`.
"""

from __future__ import annotations

import ctypes
import gc
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

from ringfence.config.faults import ConfigError, Fault
from ringfence.config.files import Files
from ringfence.config.ledger_files import digest_of
from ringfence.config.ledger_store import NICENESS, compile_here, write
from ringfence.config.load import fault_of, read_settings
from ringfence.config.plan_file import build_numbering
from ringfence.ledger import LedgerError

_PR_SET_PDEATHSIG = 1


def main(path: Path, target: Path) -> int:
    """0 when the snapshot is there, 1 after faults."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)  # nobody waits for it any more
    os.nice(NICENESS)
    gc.disable()  # it makes much, throws nothing away and ends
    files = Files()
    try:
        settings, source = read_settings(path, files)
        assert settings.ledger.folder is not None
        numbering = build_numbering(settings.numbering, source, files)
        digest, _ = digest_of(settings, numbering, settings.ledger.folder, files)
        try:
            base = path.absolute().parent
            made = compile_here(settings, numbering, base, files, _progress)
        except LedgerError as error:
            raise ConfigError(fault_of(fault, source) for fault in error.faults) from None
    except ConfigError as error:
        for fault in error.faults:
            _say({"fault": _plain(fault)})
        return 1
    _progress("writing", 0.95)
    write(target, made, digest)
    _progress("done", 1.0)
    return 0


def _plain(fault: Fault) -> list[Any]:
    return [fault.file, fault.line, fault.path, fault.message, fault.column]


def _progress(what: str, part: float) -> None:
    _say({"progress": [what, part]})


def _say(what: dict[str, Any]) -> None:
    print(json.dumps(what), flush=True)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2])))
