"""The spools of several workers, of former ones too, in one database."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.clickhouse.conftest import Bench, History

from ringfence.clickhouse.errors import ClickHouseError
from ringfence.clickhouse.feeder import PLACE
from ringfence.clickhouse.feeders import Feeders
from ringfence.clickhouse.lookup import Wanted, find
from ringfence.records.place import APART, spool_of

ALICE, BOB = "+8613900000001", "+8613900000002"
LONG_AGO, LATER = 0, 4 * 10**15


class Worker(History):
    """A worker's spool beside the history's own, whose clock it shares."""

    def __init__(self, history: History, number: int) -> None:
        super().__init__(*spool_of(history.folder, number, 2))
        self.clock = history.clock
        self._history = history

    def pass_time(self, seconds: float) -> None:
        super().pass_time(seconds)
        self._history.clock = self.clock


def worker(history: History, number: int, callee: str) -> History:
    """One with a call of three records."""
    made = Worker(history, number)
    made.call(callee, talk=5)
    return made


def feeders(bench: Bench) -> Feeders:
    return Feeders(bench.folder, bench.settings, bench.client, bench.sealer, bench.keys)


async def all_of(every: Feeders) -> Feeders:
    while await every.step():
        pass
    return every


async def test_every_spool_is_fed_and_its_calls_are_found(bench: Bench, history: History) -> None:
    history.call(ALICE, talk=5)
    history.close()  # by the daemon before it had workers
    first = worker(history, 1, ALICE)
    every = feeders(bench)
    assert every.stats() == {"inserted": 0, "failures": 0, "behind": 6, "behind_seconds": 0.0, "damaged": 0}
    await all_of(every)
    second = worker(history, 2, BOB)  # it is started, or first used, later
    await all_of(every)
    assert every.stats() == {"inserted": 9, "failures": 0, "behind": 0, "behind_seconds": 0.0, "damaged": 0}
    rows = await bench.rows(
        "SELECT worker, min(sequence) AS first, count() AS n FROM records GROUP BY worker ORDER BY 1"
    )
    assert [(int(row["worker"]), int(row["first"]), int(row["n"])) for row in rows] == [
        (0, 1, 3),
        (1, APART + 1, 3),
        (2, 2 * APART + 1, 3),
    ]
    for callee, sequences in ((ALICE, {1, APART + 1}), (BOB, {2 * APART + 1})):
        found = await find(bench.client, bench.settings.database, bench.sealer, Wanted("", callee, LONG_AGO, LATER), 10)
        assert {call.sequence for call in found} == sequences
        assert all(call.outcome is not None and call.end is not None for call in found)
    for spool in (first, second):
        spool.call(ALICE)
        spool.close()
    again = await all_of(feeders(bench))  # each goes on at its own place
    assert again.stats()["inserted"] == 2


async def test_one_that_cannot_be_read_does_not_hold_up_the_others(bench: Bench, history: History) -> None:
    spools = [worker(history, number, ALICE) for number in (1, 2)]
    every = feeders(bench)
    for spool in spools:
        spool.close()
    broken = spools[0].folder
    moved = broken.rename(broken.with_name("elsewhere"))
    with pytest.raises(ClickHouseError, match="worker-1: records cannot be read"):
        await every.step()
    assert await bench.count() == 3
    moved.rename(broken)
    await all_of(every)
    assert await bench.count() == 6
    (broken / PLACE).write_text("{}")
    with pytest.raises(ClickHouseError, match=r"worker-1/clickhouse\.place: cannot be read"):
        feeders(bench)


async def test_no_folder_at_all(bench: Bench, tmp_path: Path) -> None:
    with pytest.raises(ClickHouseError, match="none: records cannot be read: No such file"):
        Feeders(tmp_path / "none", bench.settings, bench.client, bench.sealer, bench.keys)
