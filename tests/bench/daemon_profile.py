"""Instructions of a call through the whole daemon, sockets and records included: where they go, by function.

    python -m tests.bench.daemon_profile off|memory CALLS

plays that many calls under callgrind and prints instructions a call of every function that takes more than a hundredth
of them, with all that it calls. The kernel's part is not in it.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import yaml
from tests.bench import store
from tests.bench.configs import Screening, ringfence_settings
from tests.bench.load import Generator, compile_generator
from tests.support.net import answers_options, free_port
from tests.support.peers import require
from tests.support.process import Process

WINDOW = 8  # calls at a time: all that a hundred times slower daemon takes without a retransmission
_LINE = re.compile(r" *([0-9,]+) \( *[0-9.]+%\)  .*?([^/ ]+:[^ ]+|PROGRAM TOTALS)")


@contextmanager
def profiled(screening: Screening, folder: Path, output: Path) -> Iterator[tuple[Process, Generator]]:
    """The daemon under callgrind, which does not count yet, and what calls it."""
    listen, caller, callee = (f"127.0.0.{host}:{free_port(f'127.0.0.{host}')}" for host in (2, 1, 3))
    port = free_port()
    with store.running(folder, port, 0):
        settings = ringfence_settings(listen, caller, callee, folder, folder / "store.sock", port, screening)
        settings["sip"]["overload"] = {"loop_lag": "30s"}
        config = folder / "ringfence.yaml"
        config.write_text(yaml.safe_dump(settings))
        command: list[str | Path] = [
            require("valgrind"), "--tool=callgrind", "--instr-atstart=no", f"--callgrind-out-file={output}",
            sys.executable, "-m", "ringfence", "serve", "--config", config,
        ]  # fmt: skip
        daemon = Process(command, folder / "daemon.log")
        try:
            daemon.wait_ready(lambda: answers_options(listen, caller), 120)
            yield (
                daemon,
                Generator(compile_generator(require("cc"), folder), caller, listen, callee, None, folder, WINDOW),
            )
        finally:
            daemon.kill()


def control(pid: int, *words: str) -> None:
    """Tell callgrind something."""
    subprocess.run(["callgrind_control", *words, str(pid)], check=True, stdout=subprocess.DEVNULL)


def measure(screening: Screening, calls: int) -> list[tuple[int, str]]:
    """Instructions a call by function, most first."""
    with tempfile.TemporaryDirectory(prefix="ringfence-profile-") as name:
        folder = Path(name)
        output = folder / "callgrind.out"
        with profiled(screening, folder, output) as (daemon, generator):
            generator.run(calls=50, timeout=60)
            control(daemon.popen.pid, "-i", "on")
            generator.run(calls=calls, timeout=60)
            control(daemon.popen.pid, "-i", "off")
            control(daemon.popen.pid, "-d")
        command = ["callgrind_annotate", "--inclusive=yes", "--threshold=100", f"{output}.1"]
        text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    found = [(int(match[1].replace(",", "")) // calls, match[2]) for match in _LINE.finditer(text)]
    return [(count, function) for count, function in found if count * 100 > found[0][0]]


def main(arguments: list[str]) -> int:
    """Print the table."""
    for count, function in measure(Screening(arguments[0]), int(arguments[1])):
        print(f"{count:10,} {function}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
