"""Retention, deletion and new keys: what must go goes, what must stay stays."""

from __future__ import annotations

import secrets
import time
from pathlib import Path

import pytest
import sqlalchemy as sa

from ringfence.registry import evidence as room
from ringfence.registry import feed
from ringfence.registry import tables as t
from ringfence.registry.actors import Actor
from ringfence.registry.errors import Forbidden, RegistryError
from ringfence.registry.evidence import EvidenceFolder
from ringfence.registry.numbers import KeyRing, masked, read_keys
from ringfence.registry.opening import open_evidence, open_registry
from ringfence.registry.register import Registry
from ringfence.registry.settings import RegistrySettings
from ringfence.registry.statements import consent, refusal, wish
from ringfence.registry.upkeep import Retained, Rotated, erase, retain, rotate
from ringfence.registry.verify import verify

ONE, TWO, THREE = "+8613000005001", "+8613000005002", "+8613000005003"
DAY = 86_400
NOW = int(time.time())


async def aged(registry: Registry, table: sa.Table, column: str) -> None:
    """As if it had been written a year ago."""
    async with registry.database.writing() as connection:
        await connection.execute(sa.update(table).values({column: NOW - 365 * DAY}))


async def test_what_is_old_goes_and_what_counts_stays(
    registry: Registry, evidence: EvidenceFolder, settings: RegistrySettings, operator: Actor, bank: Actor
) -> None:
    file = await room.store(registry, evidence, [b"%PDF-1"], operator)
    kept = await room.store(registry, evidence, [b"%PDF-2"], operator)
    long_ago, lately = NOW - 200 * DAY, NOW - 100 * DAY
    since = NOW - 300 * DAY
    await registry.record(consent(ONE, "Bank", since, until=long_ago, evidence=file.sha256), operator)
    await registry.record(consent(TWO, "Bank", since, until=lately, evidence=kept.sha256), operator)
    await registry.record(consent(THREE, "Bank", since, reference="1"), operator)
    await registry.record(refusal(THREE, "sector:travel", since), operator)
    await aged(registry, t.evidence, "stored_at")
    assert await retain(registry, evidence, settings, operator, dry=True) == Retained(1, 1, 0, 0)
    assert evidence.path(file.sha256).exists()
    assert await retain(registry, evidence, settings, operator) == Retained(1, 1, 0, 0)
    assert (evidence.path(file.sha256).exists(), evidence.path(kept.sha256).exists()) == (False, True)
    assert await registry.said(ONE, operator) == []
    assert [len(await registry.said(one, operator)) for one in (TWO, THREE)] == [1, 2]
    # The number goes once the changes about it are forgotten.
    await aged(registry, t.change, "at")
    assert (await retain(registry, evidence, settings, operator))[2] == 1
    assert await retain(registry, evidence, settings, operator) == Retained(0, 0, 0, 0)
    assert (await verify(registry, evidence)).faults == []
    with pytest.raises(Forbidden):
        await retain(registry, evidence, settings, bank)


async def test_a_wish_that_another_one_replaced_goes_after_the_same_time(
    registry: Registry, evidence: EvidenceFolder, settings: RegistrySettings, operator: Actor
) -> None:
    await registry.record(wish(ONE, "all", NOW - 400 * DAY), operator)
    await registry.record(wish(ONE, "none", NOW - 390 * DAY), operator)
    assert (await retain(registry, evidence, settings, operator)).statements == 0
    await aged(registry, t.statement, "recorded_at")
    assert (await retain(registry, evidence, settings, operator)).statements == 1
    assert [one.statement.level for one in await registry.said(ONE, operator)] == ["none"]


async def test_deleted_on_request(
    registry: Registry, settings: RegistrySettings, evidence: EvidenceFolder, operator: Actor
) -> None:
    await registry.record(consent(ONE, "Bank", NOW - 10 * DAY, until=NOW - DAY, reference="1"), operator)
    with pytest.raises(RegistryError, match="must be kept until 20"):
        await erase(registry, ONE, settings, operator)
    await registry.record(refusal(TWO, "*", NOW - DAY), operator)
    assert await erase(registry, TWO, settings, operator) == 1
    assert await erase(registry, ONE, settings, operator, "court order") == 1
    assert await erase(registry, ONE, settings, operator) == 0
    # Whoever follows hears of it, number and all; then the number goes, and with it every way back to it.
    assert [(row.callee, row.until) for row in await feed.changes(registry, 2)] == [(TWO, 0), (ONE, 0)]
    await aged(registry, t.change, "at")
    assert (await retain(registry, evidence, settings, operator)).numbers == 2
    async with registry.database.reading() as connection:
        assert set((await connection.execute(sa.select(t.subject.c.number))).scalars()) == {None}
    assert (await verify(registry, None)).faults == []
    assert (await registry.record(refusal(ONE, "*", NOW - DAY), operator)).new


async def test_keys_are_changed_while_it_works(registry: Registry, evidence: EvidenceFolder, operator: Actor) -> None:
    old = secrets.token_bytes(32)
    new = secrets.token_bytes(32)
    registry.ring = KeyRing([old])
    await registry.record(refusal(ONE, "*", NOW - DAY), operator)
    registry.ring = KeyRing([new, old])
    assert len(await registry.said(ONE, operator)) == 1
    await registry.record(refusal(ONE, "sector:travel", NOW - DAY), operator)
    await registry.record(refusal(TWO, "*", NOW - DAY), operator)
    assert await rotate(registry, evidence, operator) == Rotated(1, 0)
    assert await rotate(registry, evidence, operator) == Rotated(0, 0)
    registry.ring = KeyRing([new])
    assert [len(await registry.said(one, operator)) for one in (ONE, TWO)] == [2, 1]
    assert (await verify(registry, None)).faults == []
    registry.ring = KeyRing([old])
    with pytest.raises(RegistryError, match="encrypted under a key that is not in"):
        await feed.changes(registry, 0)


async def test_a_key_file_that_changes_is_read_by_who_has_it_open(tmp_path: Path, operator: Actor) -> None:
    file = tmp_path / "numbers.key"
    first, second = secrets.token_hex(32), secrets.token_hex(32)
    file.write_text(first + "\n")
    settings = RegistrySettings(number_key_file=file)
    async with await open_registry(settings, tmp_path) as running, await open_registry(settings, tmp_path) as other:
        await running.record(refusal(ONE, "*", NOW - DAY), operator)
        file.write_text(f"{second}\n{first}\n")
        evidence = open_evidence(settings, tmp_path)
        assert (await rotate(other, evidence, operator)).numbers == 1
        file.write_text(f"{second}\n")
        # Known under the new key alone: nobody makes a second callee of it.
        assert not (await running.record(refusal(ONE, "*", NOW - DAY), operator)).new
        assert len(await running.said(ONE, operator)) == 1
        file.write_text("half of a k")
        assert len(await running.said(ONE, operator)) == 1
        file.unlink()
        assert (await verify(running, None)).faults == []


@pytest.mark.parametrize(
    ("text", "message"),
    [("", "1 to 16 keys"), ("00\n", ":1: registry.number_key_file: a key is 64"), ("ab" * 32 + "\nx\n", ":2: "), (("ab" * 32 + "\n") * 2, "none of them twice")],
)  # fmt: skip
def test_key_files_that_are_none(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "numbers.key"
    file.write_text(text)
    with pytest.raises(RegistryError, match=message):
        read_keys(file)
    with pytest.raises(RegistryError, match="cannot be read"):
        read_keys(tmp_path / "nowhere")


def test_masks() -> None:
    assert [masked(one) for one in ("+8613800005001", "+862100000800", "95588", "110")] == [
        "+86138****5001",
        "+8621****0800",
        "*****",
        "***",
    ]
