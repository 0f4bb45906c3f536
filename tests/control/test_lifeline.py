import subprocess
import sys

import pytest


def run(code: str) -> subprocess.CompletedProcess[str]:
    """In a process of its own: the test's must not end with whoever started it."""
    whole = "import ctypes, os; from ringfence.control.lifeline import end_with_parent; " + code
    return subprocess.run([sys.executable, "-c", whole], capture_output=True, text=True)


def test_the_signal_is_asked_for() -> None:
    asked = "asked = ctypes.c_int(); ctypes.CDLL(None).prctl(2, ctypes.byref(asked)); print(asked.value)"
    assert run(f"end_with_parent(os.getppid()); {asked}").stdout == "15\n"


@pytest.mark.parametrize("parent", ["os.getppid() + 1", "os.getpid()"])
def test_a_parent_that_is_gone_ends_it_at_once(parent: str) -> None:
    ended = run(f"end_with_parent({parent}); print('went on')")
    assert (ended.returncode, ended.stdout) == (1, "") and "gone" in ended.stderr
