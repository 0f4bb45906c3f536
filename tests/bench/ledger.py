"""What a ledger of five million ranges and a hundred thousand trunks costs: look-ups, load, memory, reload under calls."""

from __future__ import annotations

import asyncio
import os
import random
import resource
import subprocess
import sys
import threading
import time
import timeit
from pathlib import Path
from typing import Any

import yaml
from tests.bench.figures import Figure
from tests.bench.load import FIRST_CALLER, POOL, Generator, Outcome
from tests.support import big_ledger
from tests.support.daemon import SOURCE, launch
from tests.support.net import answers_options, split
from tests.support.settings import NO_STORE, daemon_settings

RANGES, TRUNKS = 5_000_000, 100_000
WORKERS = 4
RATE = 100  # calls a second while the ledger is exchanged
_LOOPS = 200_000


def measure(generator: Generator, folder: Path, ranges: int) -> list[Figure]:
    """All figures; takes some minutes and 2 GB of disk with five million ranges."""
    config = _written(generator, folder, ranges)
    found, snapshot = _load(config)
    found += _look_ups(config, snapshot, ranges)
    found += _memory(snapshot, ranges)
    found += _under_calls(generator, config)
    return found


def _written(generator: Generator, folder: Path, ranges: int) -> Path:
    settings = daemon_settings(generator.proxy, [], [generator.callee], NO_STORE)
    del settings["trunks"]
    settings["ledger"] = {"folder": "files"}
    settings["sip"] = {"limits": {"transactions": 3_000_000, "dialogs": 1_000_000}}
    folder.mkdir(parents=True)
    big_ledger.write(folder / "files", ranges, TRUNKS * ranges // RANGES or 1)
    _own(generator, folder / "files", "")
    config = folder / "ringfence.yaml"
    config.write_text(yaml.safe_dump(settings, sort_keys=False))
    return config


def _own(generator: Generator, files: Path, place: str) -> None:
    """The generator's trunk; `place` makes the ledger another one."""
    span = f"from: '+{FIRST_CALLER}', to: '+{FIRST_CALLER + POOL - 1}'"
    (files / "own.yaml").write_text(
        f"holders:\n  - {{name: Own, numbers: [{{{span}, note: lent}}]}}\n"
        f"trunks:\n  - name: own\n    holder: Own\n    kind: enterprise\n    place: '{place}'\n"
        f"    sources: [{{address: {split(generator.caller)[0]}}}]\n    numbers: [{{{span}, note: own}}]\n"
    )


def _load(config: Path) -> tuple[list[Figure], Path]:
    """Seconds from the files to a ledger in this process: compiled by the child, then by the snapshot that is there."""
    from ringfence.config.files import Files
    from ringfence.config.ledger_store import Stored
    from ringfence.config.load import read_settings
    from ringfence.numbering import Numbering

    settings, _ = read_settings(config, Files())
    seconds = []
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    for _ in range(2):
        begin = time.perf_counter()
        make = Stored(config, {**os.environ, "PYTHONPATH": str(SOURCE)})
        make(settings, Numbering(settings.numbering), config.parent, 1, Files())
        seconds.append(time.perf_counter() - begin)
    now = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = now.ru_utime + now.ru_stime - spent.ru_utime - spent.ru_stime
    (snapshot,) = (config.parent / "data/ledger").glob("*.snapshot")
    size = snapshot.stat().st_size / 1e6
    return [
        Figure("ledger.load", "s", (seconds[0],)),
        Figure("ledger.load_cpu", "s", (cpu,)),
        Figure("ledger.load_again", "s", (seconds[1],)),
        Figure("ledger.snapshot", "MB", (size,)),
    ], snapshot


def _look_ups(config: Path, snapshot: Path, ranges: int) -> list[Figure]:
    """Nanoseconds: a number among the ranges, what a trunk may do with it, and a far end's trunk."""
    from ringfence.ledger.pack import unpack

    ledger = mapped(snapshot)
    dice = random.Random(2)
    numbers = [big_ledger.number_of(dice.randrange(ranges)) for _ in range(_LOOPS)]
    strangers = [f"+86{dice.randrange(15_000_000_000, 19_000_000_000)}" for _ in range(_LOOPS)]
    trunk = next(each for each in ledger.trunks.values() if each.numbers > 1)
    granted = [low for low, _, cover in ledger.rows() if trunk.grants.keys() & set(ledger.bags_of(cover))]
    own = [unpack(granted[dice.randrange(len(granted))]) for _ in range(_LOOPS)]
    hosts = [f"10.{each >> 16 & 255}.{each >> 8 & 255}.{each & 255}" for each in range(len(ledger.trunks) - 1)]

    def per(what: Any, texts: list[Any]) -> tuple[float, ...]:
        runs = timeit.repeat(lambda: [what(text) for text in texts], number=1, repeat=5)
        bare = min(timeit.repeat(lambda: [len(text) for text in texts], number=1, repeat=5))
        return tuple(max(run - bare, 0.0) / len(texts) * 1e9 for run in runs)

    return [
        Figure("ledger.find", "ns", per(ledger.find, numbers)),
        Figure("ledger.find_stranger", "ns", per(ledger.find, strangers)),
        Figure("ledger.standing_own", "ns", per(trunk.standing, own)),
        Figure("ledger.standing_any", "ns", per(trunk.standing, numbers)),
        Figure("ledger.by_source", "ns", per(lambda host: ledger.by_source("udp", host, 5060), hosts[:20_000])),
    ]


def mapped(snapshot: Path) -> Any:
    """The ledger of a snapshot, as a worker has it."""
    import mmap

    from ringfence.ledger import Ledger
    from ringfence.ledger.snapshot import Snapshot

    with snapshot.open("rb") as file:
        return Ledger(1, Snapshot(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)))


_WORKER = """
import random, sys
from pathlib import Path
from tests.bench.ledger import mapped
from tests.support import big_ledger
import ringfence.ledger, mmap
if sys.argv[1] != "-":
    ledger = mapped(Path(sys.argv[1]))
    dice = random.Random(int(sys.argv[3]))
    for each in range(200_000):
        trunk = ledger.trunk(dice.randrange(min(20_000, len(ledger.trunks))))
        trunk.standing(big_ledger.number_of(dice.randrange(int(sys.argv[2]))))
print("ready", flush=True)
sys.stdin.read()
"""


def _memory(snapshot: Path, ranges: int) -> list[Figure]:
    """MB in WORKERS workers together, shares of what they share counted once, less what they take without a ledger."""
    with_ledger, without = (_shares(str(path), ranges) for path in (snapshot, "-"))
    return [Figure(f"ledger.memory_{WORKERS}_workers", "MB", (with_ledger - without,))]


def _shares(snapshot: str, ranges: int) -> float:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(SOURCE), str(SOURCE.parent)])}
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", _WORKER, snapshot, str(ranges), str(seed)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, text=True,
        )
        for seed in range(WORKERS)
    ]  # fmt: skip
    try:
        total = 0
        for worker in workers:
            assert worker.stdout is not None and worker.stdout.readline() == "ready\n"
        for worker in workers:
            rollup = Path(f"/proc/{worker.pid}/smaps_rollup").read_text()
            total += next(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:"))
        return total / 1000
    finally:
        for worker in workers:
            worker.communicate("")


def _longest(before: Any, after: Any) -> float:
    """The bound, in seconds, that no delay between two looks at their distribution went over."""
    grown = [new - old for old, new in zip(before["counts"], after["counts"], strict=True)]
    highest = max(place for place, count in enumerate(grown) if count)
    return float("inf") if highest == len(after["bounds"]) else float(after["bounds"][highest])


def _under_calls(generator: Generator, config: Path) -> list[Figure]:
    """The longest delay of the loop, in ms, and the calls that failed, while the ledger is exchanged and calls run."""
    from ringfence.control.channel import ask

    process = launch(config, config.parent)
    channel = config.parent / "data/control.sock"
    outcomes: list[Outcome] = []

    def told(command: str) -> Any:
        return asyncio.run(ask(channel, command, timeout=120.0))

    try:
        process.wait_ready(lambda: answers_options(generator.proxy, generator.caller), 60)
        generator.run(calls=200, rate=RATE)
        before = told("snapshot")["loop_lag"]["distribution"]
        calls = threading.Thread(target=lambda: outcomes.append(generator.run(seconds=40, rate=RATE)))
        calls.start()
        time.sleep(2)
        _own(generator, config.parent / "files", "elsewhere")
        begin = time.perf_counter()
        answer = told("reload")
        seconds = time.perf_counter() - begin
        assert answer["faults"] == [], answer
        pause = _longest(before, told("snapshot")["loop_lag"]["distribution"])
        calls.join()
    finally:
        process.stop(30)
    return [
        Figure("ledger.reload", "s", (seconds,)),
        Figure("ledger.reload_pause_at_most", "ms", (pause * 1000,)),
        Figure("ledger.reload_failed_calls", "calls", (float(outcomes[0].failed),)),
        Figure("ledger.reload_calls", "calls", (float(outcomes[0].completed),)),
    ]
