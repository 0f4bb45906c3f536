"""What leaves a daemon with two workers for others: all of both."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from tests.clickhouse.conftest import Server, server
from tests.clickhouse.test_daemon import asking, feeding
from tests.support.house import House

from ringfence.sip.shares import share_of

pytestmark = pytest.mark.e2e
__all__ = ["server"]

BANK, BANK_NUMBER = 5071, "+861000000101"


@pytest.fixture(autouse=True)
def two_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RINGFENCE_WORKERS", "2")


async def calls_by_both(house: House, at_least: int = 4) -> list[str]:
    """Call-IDs of answered calls, until each worker had one."""
    made: list[str] = []
    while len(made) < at_least or len({share_of(call_id.encode(), 2) for call_id in made}) < 2:
        report = await house.call(BANK, BANK_NUMBER)
        assert report.status == 200
        made.append(report.call_id)
    return made


async def test_clickhouse_gets_the_records_of_all_workers(server: Server, tmp_path: Path) -> None:
    with TemporaryDirectory(prefix="rf") as name:
        async with House(Path(name), feeding(server, tmp_path, "two")) as house:
            made = await calls_by_both(house)
            await house.until(lambda: house.metric("clickhouse_inserted_total") == 3 * len(made), 20)
            assert house.metric("clickhouse_behind") == house.metric("clickhouse_failures_total") == 0
            shares = [share_of(call_id.encode(), 2) for call_id in made]
            async with asking(server, tmp_path) as client:
                rows = await client.select(
                    "SELECT worker, count() AS n FROM two.records FINAL GROUP BY worker ORDER BY worker"
                )
            assert [(int(row["worker"]), int(row["n"])) for row in rows] == [
                (1, 3 * shares.count(0)),
                (2, 3 * shares.count(1)),
            ]
