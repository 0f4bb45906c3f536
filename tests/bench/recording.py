"""What the records of a call cost the call path, and how many of them a disk takes in a second."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

from tests.bench.figures import Figure
from tests.support.stage import GATEWAY, Stage
from tests.support.talk import answer, header, in_dialog, invite

from ringfence.engine.effects import Note
from ringfence.engine.trail import Recording
from ringfence.records.recorder import Recorder
from ringfence.records.settings import RecordsSettings
from ringfence.records.spool import Spool

RATE = 5000  # records a second
SECONDS = 4.0
CALLS = 2000
RUNS = 5
_QUIET = {rule: {"mode": "off"} for rule in ("rate", "harassment_score", "consent")}


def measure(folder: Path) -> list[Figure]:
    """CPU a call (decision, outcome, end) by calls a loop turn, and a spool at a sustained rate."""
    figures = []
    for together in (1, 4, 16):
        runs = tuple(_call(folder / f"records{together}.{run}", together) for run in range(RUNS))
        figures.append(Figure(f"records.call_{together}_a_turn", "µs", runs))
    return [*figures, *_sustained(folder / "records")]


def _opened(folder: Path) -> tuple[Spool, Recorder]:
    spool = Spool(folder, RecordsSettings(), "bench")
    spool.open()
    return spool, Recorder(spool, Recording(), True)


def _call(folder: Path, together: int) -> float:
    """Microseconds of this thread's CPU for all records of one answered call, without what the clock itself takes."""
    stage = Stage(rules=_QUIET)
    _, recorder = _opened(folder)
    spent, turns = 0.0, 0
    for first in range(0, CALLS, together):
        for notes in _turns(stage, range(first, first + together)):
            began = time.thread_time()
            recorder.write(notes, stage.now)
            spent += time.thread_time() - began
            turns += 1
    began = time.thread_time()
    for _ in range(turns):
        time.thread_time()
    spent -= time.thread_time() - began
    recorder.stop()
    return spent / CALLS * 1e6


def _turns(stage: Stage, calls: range) -> Iterator[list[Note]]:
    """The notes of three loop turns: some calls begin, are answered, end. Each comes fresh from the engine."""
    for call in calls:
        stage.receive(invite(call_id=f"call{call}", branch=f"z9hG4bKi{call}"))
    forwarded = [data for endpoint, data in stage.take() if endpoint.host == GATEWAY[0]]
    yield _taken(stage)
    for data in forwarded:
        stage.receive(answer(data, 180), GATEWAY)
        stage.receive(answer(data, 200), GATEWAY)
    stage.take()
    yield _taken(stage)
    for call, data in zip(calls, forwarded, strict=True):
        (route,) = header(data, "Record-Route")
        stage.receive(in_dialog("BYE", route, call_id=f"call{call}", branch=f"z9hG4bKb{call}"))
    for _, data in stage.take():
        stage.receive(answer(data, 200), GATEWAY)
    stage.take()
    yield _taken(stage)


def _taken(stage: Stage) -> list[Note]:
    notes, stage.out.records = stage.out.records, []
    return notes


def _sustained(folder: Path) -> list[Figure]:
    """Decisions at RATE for SECONDS, 10 a turn: CPU each, the worst write and the worst fsync."""
    stage = Stage(rules=_QUIET)
    spool, recorder = _opened(folder)
    together = 10
    spent = worst = 0.0
    turns = int(RATE * SECONDS / together)
    start = time.monotonic()
    for turn in range(turns):
        for place in range(together):
            stage.receive(invite(call_id=f"{turn}.{place}", branch=f"z9hG4bK{turn}.{place}"))
        stage.take()
        notes = _taken(stage)
        before, wall = time.thread_time(), time.monotonic()
        recorder.write(notes, stage.now)
        spent += time.thread_time() - before
        worst = max(worst, time.monotonic() - wall)
        stage.pass_time(0.1)
        stage.take()
        time.sleep(max(0.0, start + (turn + 1) * together / RATE - time.monotonic()))
    took = time.monotonic() - start
    spool.close()
    stats = spool.stats()
    assert stats["lost"] == stats["buffered_bytes"] == 0
    return [
        Figure("records.sustained", "1/s", (turns * together / took,)),
        Figure("records.sustained_cpu", "µs/record", (spent / (turns * together) * 1e6,)),
        Figure("records.sustained_worst_write", "ms", (worst * 1000,)),
        Figure("records.sustained_worst_fsync", "ms", (stats["sync_longest_seconds"] * 1000,)),
        Figure("records.sustained_bytes", "bytes/record", (stats["bytes"] / (turns * together),)),
    ]
