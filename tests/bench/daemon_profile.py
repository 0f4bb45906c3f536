"""Instructions of a call through the whole daemon, sockets and records included: where they go, by function.

    python -m tests.bench.daemon_profile off|memory|store CALLS [--workers N] [--window CALLS]

plays that many calls under callgrind and prints instructions a call of every function that takes more than a hundredth
of them, with all that it calls. The kernel's part is not in it. With workers: of the front, and what each process takes of
a call, the sum of which stands beside what one process alone takes at as many calls at a time a worker.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import yaml
from tests.bench import store
from tests.bench.configs import Screening, ringfence_settings
from tests.bench.load import Generator, compile_generator
from tests.bench.proxies import has_index
from tests.support.net import answers_options, free_port
from tests.support.peers import require
from tests.support.process import Process
from tests.workers.support import workers_of

WINDOW = 8  # calls at a time and worker: all that a hundred times slower daemon takes without a retransmission
_LINE = re.compile(r" *([0-9,]+) \( *[0-9.]+%\)  .*?([^/ ]+:[^ ]+|PROGRAM TOTALS)")


@contextmanager
def profiled(screening: Screening, folder: Path, workers: int, window: int) -> Iterator[tuple[Process, Generator]]:
    """The daemon under callgrind, which does not count yet, and what calls it."""
    listen, caller, callee = (f"127.0.0.{host}:{free_port(f'127.0.0.{host}')}" for host in (2, 1, 3))
    port = free_port()
    with store.running(folder, port, 0):
        settings = ringfence_settings(listen, caller, callee, folder, folder / "store.sock", port, screening)
        settings["sip"]["overload"] = {"loop_lag": "30s"}
        settings |= {"workers": workers, "worker_deadline": "1h"}
        config = folder / "ringfence.yaml"
        config.write_text(yaml.safe_dump(settings))
        command: list[str | Path] = [
            require("valgrind"), "--tool=callgrind", "--trace-children=yes", "--instr-atstart=no",
            f"--callgrind-out-file={folder}/callgrind.%p",
            sys.executable, "-m", "ringfence", "serve", "--config", config,
        ]  # fmt: skip
        asks = screening in (Screening.STORE, Screening.STORE_TCP)
        if asks:
            store.register_consents(folder)
        daemon = Process(command, folder / "daemon.log")
        try:
            daemon.wait_ready(lambda: answers_options(listen, caller), 120)
            if asks:
                daemon.wait_ready(lambda: has_index(config), 120)
                time.sleep(2)  # until the daemon has seen it
            yield (
                daemon,
                Generator(compile_generator(require("cc"), folder), caller, listen, callee, None, folder, window),
            )
        finally:
            daemon.kill()


def control(pid: int, *words: str) -> None:
    """Tell callgrind something."""
    subprocess.run(["callgrind_control", *words, str(pid)], check=True, stdout=subprocess.DEVNULL)


def measure(screening: Screening, calls: int, workers: int, window: int) -> dict[str, list[tuple[int, str]]]:
    """Instructions a call by process and function, most first: of the daemon's own process, then of its workers."""
    with tempfile.TemporaryDirectory(prefix="ringfence-profile-") as name:
        folder = Path(name)
        with profiled(screening, folder, workers, window * workers) as (daemon, generator):
            generator.run(calls=50, timeout=60)
            pids = {"daemon": daemon.pid} | {f"worker {at}": pid for at, pid in sorted(workers_of(daemon).items())}
            for pid in pids.values():
                control(pid, "-i", "on")
            generator.run(calls=calls, timeout=60)
            for pid in pids.values():
                control(pid, "-i", "off")
                control(pid, "-d")
        return {who: _by_function(folder / f"callgrind.{pid}.1", calls) for who, pid in pids.items()}


def _by_function(output: Path, calls: int) -> list[tuple[int, str]]:
    command = ["callgrind_annotate", "--inclusive=yes", "--threshold=100", str(output)]
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    found = [(int(match[1].replace(",", "")) // calls, match[2]) for match in _LINE.finditer(text)]
    return [(count, function) for count, function in found if count * 100 > found[0][0]]


def main(arguments: list[str]) -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.daemon_profile")
    parser.add_argument("screening", type=Screening)
    parser.add_argument("calls", type=int)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--window", type=int, default=WINDOW, help="calls at a time, of each worker")
    given = parser.parse_args(arguments)
    found = measure(given.screening, given.calls, given.workers, given.window)
    for count, function in found["daemon"]:
        print(f"{count:10,} {function}")
    if given.workers > 1:
        totals = {who: functions[0][0] for who, functions in found.items()}
        for who, total in [*totals.items(), ("all of them", sum(totals.values()))]:
            print(f"{total:10,} {who}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
