"""Thirty days of records in segments of an hour: how fast they are kept, how large they are, how fast calls are found.

The records are generated, and go from sealed segments on through the code that keeps real ones.
"""

from __future__ import annotations

import multiprocessing
import os
import random
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from tests.bench.figures import Figure
from tests.bench.traffic import BEGAN, HOUR, callee, caller, first_of, numbers_of, segment, write_policy

from ringfence.records.framing import name_of
from ringfence.records.keys import KeyRing
from ringfence.warehouse.catalogue import Catalogue
from ringfence.warehouse.keeping import encrypt
from ringfence.warehouse.library import Library, Question
from ringfence.warehouse.parquet import duckdb, export
from ringfence.warehouse.replay import replay
from ringfence.warehouse.segment_index import SUFFIX, build

CALLS = 1_000_000
SEGMENTS = 30 * 24
LOOKS = 20  # numbers looked for
REPLAYED = 1_000_000  # calls, at most
EXPORTED = 1_000_000
RING = KeyRing([bytes(range(32))])


class Made(NamedTuple):
    """One segment. plain, vault, index: bytes. encrypting, indexing: seconds of CPU."""

    plain: int
    vault: int
    index: int
    encrypting: float
    indexing: float


def measure(folder: Path, calls: int) -> list[Figure]:
    """All of it; `folder` is removed again."""
    records = folder / "records"
    records.mkdir(parents=True)
    try:
        count = len(os.sched_getaffinity(0))
        began = time.monotonic()
        with multiprocessing.get_context("spawn").Pool(count) as pool:
            made = pool.starmap(_make, [(records, number, calls) for number in range(SEGMENTS)], chunksize=1)
        Catalogue(records).renew()
        took = time.monotonic() - began
        print(f"bench: warehouse: {calls:,} calls made in {took:,.0f} s", file=sys.stderr)
        figures = [*_kept(made, calls), Figure("warehouse.made", "calls/s", (calls / took,))]
        figures += _found(records, calls)
        figures.append(_bare(records, calls))
        figures += _replayed(records, folder, calls)
        figures += _exported(records, folder / "parquet", calls)
        shutil.rmtree(records)
        return figures + _by_parquet(folder / "synthetic", calls)
    finally:
        shutil.rmtree(folder)


def _make(records: Path, number: int, calls: int) -> Made:
    """The segment of one hour, as the spool leaves it, and then kept as the daemon's child keeps it."""
    first, count = first_of(number, calls, SEGMENTS)
    path = records / name_of(first, ".rec")
    path.write_bytes(segment(number, first, count, calls))
    plain = path.stat().st_size
    one = time.process_time()
    vault = encrypt(path, RING)
    two = time.process_time()
    build(vault, RING)
    three = time.process_time()
    size = sum(path.stat().st_size for path in (records / "index").glob(f"{vault.stem}.*"))
    return Made(plain, vault.stat().st_size, size, two - one, three - two)


def _kept(made: list[Made], calls: int) -> list[Figure]:
    total = [sum(values) for values in zip(*made, strict=True)]
    plain, vault, index, encrypting, indexing = total
    return [
        Figure("warehouse.calls", "", (calls,)),
        Figure("warehouse.plain", "bytes/call", (plain / calls,)),
        Figure("warehouse.encrypted", "bytes/call", (vault / calls,)),
        Figure("warehouse.index", "bytes/call", (index / calls,)),
        Figure("warehouse.encrypting", "µs/call", (encrypting / calls * 1e6,)),
        Figure("warehouse.indexing", "µs/call", (indexing / calls * 1e6,)),
        Figure("warehouse.kept_a_core", "calls/s", (calls / (encrypting + indexing),)),
    ]


def _found(records: Path, calls: int) -> list[Figure]:
    """A trace by caller and by callee over all thirty days, the folder surveyed anew each time as a command does."""
    dice = random.Random(-1)
    figures = []
    callers, callees = numbers_of(calls)
    for name, number, most in (("caller", caller, callers), ("callee", callee, callees)):
        for cold in (True, False):
            runs, found, spent = [], 0, time.process_time()
            for _ in range(LOOKS):
                wanted = number(dice.randrange(most))
                if cold:
                    _forget(records)
                took, answers = _trace(records, Question(**{name: wanted}))
                runs.append(took)
                found += answers
            how = "cold" if cold else "warm"
            figures.append(Figure(f"warehouse.trace_{name}_{how}", "ms", tuple(runs)))
            cpu = (time.process_time() - spent) / LOOKS * 1000
            figures.append(Figure(f"warehouse.trace_{name}_{how}_cpu", "ms", (cpu,)))
            figures.append(Figure(f"warehouse.trace_{name}_{how}_worst", "ms", (max(runs),)))
            figures.append(Figure(f"warehouse.trace_{name}_{how}_calls", "", (found / LOOKS,)))
    return figures


def _trace(records: Path, question: Question) -> tuple[float, int]:
    """Calls with their ends; (milliseconds, how many)."""
    began = time.monotonic()
    library = Library(records, lambda: RING)
    answers = library.find(question, 20)
    for sequence, decision in answers:
        library.told(sequence, decision)
    return (time.monotonic() - began) * 1000, len(answers)


def _bare(records: Path, calls: int) -> Figure:
    """The same by callee without catalogue and filters, which are gone then: what these save."""
    for path in (records / "index").iterdir():
        if path.suffix != SUFFIX:
            path.unlink()
    dice = random.Random(-3)
    wanted = [Question(callee=callee(dice.randrange(numbers_of(calls)[1]))) for _ in range(LOOKS // 4)]
    return Figure("warehouse.trace_callee_bare", "ms", tuple(_trace(records, each)[0] for each in wanted))


def _forget(folder: Path) -> None:
    """Have the kernel drop its copies, so that the disk is asked."""
    for path in folder.rglob("*"):
        if path.is_file():
            descriptor = os.open(path, os.O_RDONLY)
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
            os.close(descriptor)


def _replayed(records: Path, folder: Path, calls: int) -> list[Figure]:
    wanted = min(calls, REPLAYED)
    library = Library(records, lambda: RING)
    begin = BEGAN + int(HOUR * SEGMENTS * (1 - wanted / calls))
    policy = write_policy(folder)
    began, spent = time.monotonic(), _spent()
    outcome = replay(policy, library, begin)
    took, cpu = time.monotonic() - began, _spent() - spent
    assert outcome.judged >= wanted * 0.99, (outcome.judged, wanted)
    return [
        Figure("warehouse.replay_million", "s", (took / outcome.judged * 1e6,)),
        Figure("warehouse.replay_million_cpu", "s", (cpu / outcome.judged * 1e6,)),
    ]


def _spent() -> float:
    """Seconds of CPU of this process and of those that it started and that ended."""
    return sum(os.times()[:4])


def _exported(records: Path, target: Path, calls: int) -> list[Figure]:
    wanted = min(calls, EXPORTED)
    begin = BEGAN + int(HOUR * SEGMENTS * (1 - wanted / calls))
    began = time.monotonic()
    rows = sum(export(Library(records, lambda: RING), target, begin, False).values())
    took = time.monotonic() - began
    size = sum(path.stat().st_size for path in target.rglob("*.parquet"))
    shutil.rmtree(target)
    return [
        Figure("warehouse.export", "calls/s", (rows / took,)),
        Figure("warehouse.exported", "bytes/call", (size / rows,)),
    ]


def _by_parquet(folder: Path, calls: int) -> list[Figure]:
    """The same look in as many rows of Parquet, which DuckDB itself made: whole numbers of 16 digits, spread alike."""
    figures = []
    with duckdb().connect() as base:
        for day in range(SEGMENTS // 24):
            (folder / f"day={day:02}").mkdir(parents=True)
            for hour in range(24):
                base.execute(_made_by_duckdb(folder / f"day={day:02}" / f"{hour:02}.parquet", day * 24 + hour, calls))
        size = sum(path.stat().st_size for path in folder.rglob("*.parquet"))
        figures.append(Figure("warehouse.parquet_look_size", "bytes/call", (size / calls,)))

        def look(wanted: int) -> None:
            query = f"SELECT * FROM read_parquet('{folder}/*/*.parquet') WHERE callee = lpad('{wanted}', 16, '0')"
            base.execute(query).fetchall()

        figures += _looks("warehouse.parquet_callee", numbers_of(calls)[1], look, lambda: _forget(folder))
    return figures


def _looks(name: str, numbers: int, look: Callable[[int], None], forget: Callable[[], None]) -> list[Figure]:
    dice = random.Random(-2)
    figures = []
    for how in ("cold", "warm"):
        runs = []
        for _ in range(LOOKS // 4):
            if how == "cold":
                forget()
            began = time.monotonic()
            look(dice.randrange(numbers))
            runs.append((time.monotonic() - began) * 1000)
        figures.append(Figure(f"{name}_{how}", "ms", tuple(runs)))
    return figures


def _made_by_duckdb(path: Path, number: int, calls: int) -> str:
    first, after = number * calls // SEGMENTS, (number + 1) * calls // SEGMENTS
    callers, callees = numbers_of(calls)
    return (
        f"COPY (SELECT range AS sequence, make_timestamp({BEGAN} + range) AS arrived_at, "
        f"lpad((random() * {callers})::BIGINT::VARCHAR, 16, '0') AS caller, "
        f"lpad((random() * {callees})::BIGINT::VARCHAR, 16, '0') AS callee, uuid()::VARCHAR AS call_id, "
        f"'bank' AS trunk, 'forward' AS action FROM range({first}, {after})) TO '{path}' (FORMAT parquet, COMPRESSION zstd)"
    )
