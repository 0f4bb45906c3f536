"""Acknowledged means durable: whatever a killed writer had told is on record, and nothing is broken."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import sqlalchemy as sa

from ringfence.registry import feed
from ringfence.registry.actors import Actor
from ringfence.registry.opening import open_registry
from ringfence.registry.register import Registry
from ringfence.registry.settings import RegistrySettings
from ringfence.registry.statements import refusal
from ringfence.registry.verify import verify

KILLS = 200


@pytest.mark.timeout(420)
async def test_nothing_that_was_acknowledged_is_lost_by_200_kills(tmp_path: Path, operator: Actor) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.registry.killed", str(tmp_path), str(KILLS)], capture_output=True, text=True, check=False, timeout=400,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    told = set(done.stdout.split())
    assert len({callee[:9] for callee in told}) == KILLS  # each writer lived to acknowledge something
    async with await open_registry(RegistrySettings(), tmp_path) as registry:
        kept = {row.callee async for some in feed.rows(registry) for row in some}
        assert told <= kept
        assert len(kept - told) <= 2 * KILLS  # two were under way, and may have been written without being told
        changes = {row.callee for row in await feed.changes(registry, 0, 1_000_000)}
        assert changes == kept
        assert (await verify(registry, None)).faults == []
        assert (await registry.record(refusal("+8613900000000", "*", 1_700_000_000), operator)).new


async def test_sqlite_waits_for_the_disk_and_postgresql_is_told_to(registry: Registry) -> None:
    database = registry.database
    async with database.writing() as connection:
        if database.sqlite:
            assert (await connection.execute(sa.text("PRAGMA synchronous"))).scalar() == 2  # FULL
            assert (await connection.execute(sa.text("PRAGMA journal_mode"))).scalar() == "wal"
        else:
            assert (await connection.execute(sa.text("SHOW synchronous_commit"))).scalar() == "on"
