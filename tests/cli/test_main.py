"""Exit codes, and what is imported for them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.cli.command import SAMPLE, Ringfence

from ringfence import __version__
from ringfence.compiled import NATIVE, ROOMS, extent
from ringfence.errors import RingfenceError


def test_version(ringfence: Ringfence) -> None:
    assert ringfence("version") == (0, f"ringfence {__version__}, call path: {extent()}\n", "")
    told = json.loads(ringfence("version", "--json").out)
    assert (told["ringfence"], told["compiled"]) == (__version__, {"rooms": ROOMS, "twins": NATIVE})


@pytest.mark.parametrize("pure", ["1", "0"])
def test_version_tells_which_twin_works(pure: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "ringfence", "version"],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "RINGFENCE_PURE": pure},
    )
    try:
        import ringfence._native  # noqa: F401 (whether it is there is the question)
    except ImportError:
        built = False
    else:
        built = True
    told = done.stdout.removeprefix(f"ringfence {__version__}, call path: ").strip()
    assert ("C twins" in told) == (built and pure == "0")
    assert ("compiled rooms" in told) == ROOMS
    assert (told == "pure Python") == (not ROOMS and not (built and pure == "0"))


@pytest.mark.parametrize("seed", ["0", "4711"])
def test_nothing_is_served_with_a_hash_key_that_somebody_may_know(seed: str, tmp_path: Path) -> None:
    """Transactions are told apart by it."""
    command = [sys.executable, "-m", "ringfence", "serve", "--config", SAMPLE.absolute()]
    environment = {**os.environ, "PYTHONHASHSEED": seed}
    done = subprocess.run(
        command, capture_output=True, text=True, cwd=tmp_path, env=environment, timeout=60, check=False
    )
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("PYTHONHASHSEED is set in the environment")


@pytest.mark.parametrize(
    "arguments",
    [
        ("fly",),
        ("check",),
        ("call", "--from", "1"),
        ("call", "--from", "1", "--to", "2", "--hold", "long"),
        ("call", "--from", "1", "--to", "2", "--trunk", "nobody"),
        ("call", "--from", "1", "--to", "2", "--via", "[::1"),
        ("call", "--from", "1", "--to", "2", "--via", "host:0"),
        ("call", "--from", "1", "--to", "2", "--via", "127.0.0.1", "--header", "nonsense"),
        ("call", "--from", "1", "--to", "2", "--transport", "sctp"),
        ("explain", "--trunk", "bank"),
        ("explain", "--trunk", "bank", "--from", "1"),
        ("explain", "--trunk", "bank", "--from", "1", "--to", "2", "message.sip"),
        ("explain", "--trunk", "nobody", "--from", "1", "--to", "2"),
        ("explain", "--trunk", "bank", "--from", "1", "--to", "2", "--score", "101"),
        ("consent", "add", "+861000005001"),
        ("consent", "add", "+861000005001", "--holder", "*"),
        ("consent", "add", "+861000005001", "--holder", "Example Bank", "--until", "soon"),
        ("consent", "add", "+861000005001", "--holder", "Example Bank", "--until", "2001-01-01"),
        ("consent", "add", "nobody", "--holder", "Example Bank"),
        ("consent", "remove", "+861000005001"),
        ("consent", "remove", "+861000005001", "--all", "--holder", "Example Bank"),
        ("score", "set", "+861000005001", "101"),
        ("score", "set", "+861000005001", "50", "--for", "100ms"),
        ("score", "set", "+861000005001", "50", "--for", "ages"),
    ],
)
def test_wrong_usage_is_64_and_says_why(ringfence: Ringfence, arguments: tuple[str, ...]) -> None:
    done = ringfence(*arguments)
    assert (done.code, done.out) == (64, "")
    assert done.err


@pytest.mark.parametrize(
    "arguments",
    [
        ("serve",),
        ("call", "--from", "1", "--to", "2"),
        ("explain", "--trunk", "bank", "--from", "1", "--to", "2"),
        ("consent", "show", "+861000005001"),
        ("score", "show", "+861000005001"),
        ("demo",),
    ],
)
def test_wrong_configuration_is_78_and_one_line_a_fault(ringfence: Ringfence, arguments: tuple[str, ...]) -> None:
    done = ringfence(*arguments, "--config", "/nowhere.yaml")
    assert done == (78, "", "/nowhere.yaml: cannot be read: No such file or directory\n")


def test_what_does_not_work_is_1_and_one_line(ringfence: Ringfence) -> None:
    done = ringfence("score", "show", "+861000005001")
    assert done.code == 1
    assert done.err.startswith("the embedded store does not run in ")
    assert done.err.count("\n") == 1


def test_an_error_that_has_nothing_to_do_with_configuration(
    ringfence: Ringfence, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(**_: object) -> None:
        raise RingfenceError("broken")

    monkeypatch.setattr("ringfence.cli.app.app", fail)
    assert ringfence("version") == (1, "", "broken\n")


def test_interrupted_is_130(ringfence: Ringfence, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(**_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("ringfence.cli.app.app", interrupt)
    assert ringfence("version").code == 130


@pytest.mark.parametrize(("leaving", "code"), [(None, 0), ("words", 1), (3, 3), (2, 64)])
def test_a_command_that_leaves_by_itself(
    ringfence: Ringfence, monkeypatch: pytest.MonkeyPatch, leaving: object, code: int
) -> None:
    def leave(**_: object) -> None:
        raise SystemExit(leaving)

    monkeypatch.setattr("ringfence.cli.app.app", leave)
    assert ringfence("version").code == code


def test_version_imports_no_framework() -> None:
    code = "import sys; from ringfence.cli import main; main(['version']); print(*sys.modules)"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    dear = {
        "fastapi",
        "redis",
        "uvicorn",
        "dns",
        "hiredis",
        "ringfence.config",
        "ringfence.demo",
        "ringfence.sip.index",
    }
    assert dear.isdisjoint(out.split())


def test_the_module_is_the_command() -> None:
    done = subprocess.run([sys.executable, "-m", "ringfence", "version"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith(f"ringfence {__version__}, ")
    assert subprocess.run([sys.executable, "-m", "ringfence", "fly"], capture_output=True).returncode == 64
