"""The compiled twins under AddressSanitizer and UndefinedBehaviorSanitizer, with the tests of what they do."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.native.build import build, runtime
from tests.support.peers import REQUIRED, require

ROOT = Path(__file__).resolve().parents[2]
TESTS = [
    "tests/sip",
    "tests/transport/test_datagrams.py",
    "tests/transport/test_relay.py",
    "tests/transaction/test_machines.py",
    "tests/native/test_memory.py",
    "tests/native/test_types.py",
    "tests/ledger",
    "tests/fuzz/test_differential.py",
]


@pytest.fixture(scope="module")
def libraries(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sanitized")
    build(require("cc"), folder)
    return folder


def environment(**more: str) -> dict[str, str]:
    """PYTHONMALLOC: each object in a block of its own, so that the sanitizer sees where it ends.

    detect_leaks: the interpreter leaves much behind on purpose; `test_memory` looks for our leaks.
    """
    return {
        **os.environ,
        "LD_PRELOAD": str(runtime(require("cc"))),
        "PYTHONMALLOC": "malloc",
        "ASAN_OPTIONS": "detect_leaks=0:abort_on_error=1:allocator_may_return_null=1",
        "UBSAN_OPTIONS": "print_stacktrace=1",
        "RINGFENCE_PURE": "0",
        REQUIRED: "0",  # a minute of fuzzing is for the build that is shipped
        **more,
    }


@pytest.mark.timeout(600)
def test_the_tests_pass_and_no_sanitizer_speaks(libraries: Path) -> None:
    command = [sys.executable, "-m", "tests.native.sanitized", libraries, "-p", "no:cacheprovider", "-x", *TESTS]
    done = subprocess.run(command, cwd=ROOT, env=environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3_000:] + done.stderr[-3_000:]
    assert "skipped" not in done.stdout
    assert "Sanitizer" not in done.stdout + done.stderr


def test_the_sanitizer_would_speak(libraries: Path) -> None:
    """A read of freed memory by the interpreter itself ends the process: the preload works."""
    code = (
        "import ctypes; at = ctypes.pythonapi.PyMem_RawMalloc; at.restype = ctypes.c_void_p; p = at(16); "
        "f = ctypes.pythonapi.PyMem_RawFree; f.argtypes = [ctypes.c_void_p]; f(p); f(p)"
    )
    done = subprocess.run([sys.executable, "-c", code], env=environment(), capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "attempting double-free" in done.stderr
