"""The whole demo as a user starts it: daemon, store, softswitch and callers, on ports of the test's own."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from tests.support.net import free_port

from ringfence.demo.ports import moved_copy
from ringfence.demo.scenes import SCENES

pytestmark = pytest.mark.e2e

PORTS = (5060, 9460, 5080, 5071, 5072, 5073, 5074, 5075)


def moved_sample(folder: Path) -> tuple[Path, dict[int, int]]:
    moves = {port: free_port() for port in PORTS}
    return moved_copy(Path("config/ringfence.yaml"), folder, moves), moves


def demo(config: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "ringfence", "demo", "--config", str(config)]
    environment = {**os.environ, "PYTHONPATH": str(Path("src").absolute())}
    return subprocess.run(command, capture_output=True, text=True, timeout=100, env=environment)


def test_every_call_goes_as_expected_also_where_a_port_is_taken(tmp_path: Path) -> None:
    config, moves = moved_sample(tmp_path)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as holder:
        holder.bind(("127.0.0.1", moves[5060]))
        done = demo(config)
    assert done.returncode == 0, done.stdout + done.stderr
    lines = done.stdout.splitlines()
    assert lines[0].startswith(f"port {moves[5060]} is taken, the demo uses ")
    assert len([line for line in lines if line.startswith("ok  ")]) == len(SCENES)
    assert f"{len(SCENES)} of {len(SCENES)} calls went as expected" in lines
    assert "--trunk bank --from +861000000101 --to +861000005001 --hold 2s" in lines[-1]
    assert any('callee sees "[Suspected] Lucky Prize"' in line for line in lines)
    assert any(line.endswith('ringfence_verdicts_total{action="forward",reason="called",rule="emergency",trunk="bank"}')
               for line in lines)  # fmt: skip


def test_a_call_that_goes_otherwise_is_told_and_fails_the_demo(tmp_path: Path) -> None:
    config, _ = moved_sample(tmp_path)
    # The bank loses its numbers, and the call centre's limit is the demo's fastest.
    numbers, holders = config.parent / "ledger/numbers.csv", config.parent / "ledger/holders.yaml"
    numbers.write_text(numbers.read_text().replace("+861000000000", "+861000000900"))
    holders.write_text(holders.read_text().replace("calls_per_hour: 300", "calls_per_hour: 2"))
    done = demo(config)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "!!  bank        the bank shows its own number" in done.stdout
    assert "not as expected: the bank shows its own number: verdict: reject instead of forward" in done.stdout


def test_a_configuration_that_the_demo_cannot_play_is_said(tmp_path: Path) -> None:
    config, _ = moved_sample(tmp_path)
    config.write_text(config.read_text().replace("control:\n  enabled: true", "control:\n  enabled: false"))
    done = demo(config)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "the demo reads what the daemon counts: it needs control.enabled\n"


def test_on_a_terminal_it_stays_up_until_it_is_told_to_end(tmp_path: Path) -> None:
    config, _ = moved_sample(tmp_path)
    config.write_text(config.read_text().replace("limit: 300", "limit: 2"))
    command = [sys.executable, "-m", "ringfence", "demo", "--config", str(config)]
    ours, theirs = os.openpty()
    environment = {**os.environ, "PYTHONPATH": str(Path("src").absolute()), "TERM": "xterm", "COLUMNS": "160"}
    with subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=environment) as process:
        os.close(theirs)
        shown = b""
        try:
            while b"Ctrl-C ends everything" not in shown:
                shown += os.read(ours, 65_536)
            process.send_signal(signal.SIGINT)
            assert process.wait(30) == 0
        finally:
            process.kill()
            os.close(ours)
    assert f"{config} --trunk bank".encode() in shown
