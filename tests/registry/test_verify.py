"""Whatever is changed behind the registry's back, `verify` tells it."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa

from ringfence.registry import evidence as room
from ringfence.registry import tables as t
from ringfence.registry.actors import Actor
from ringfence.registry.evidence import EvidenceFolder
from ringfence.registry.register import Registry
from ringfence.registry.settings import RegistrySettings
from ringfence.registry.statements import consent, refusal
from ringfence.registry.upkeep import erase
from ringfence.registry.verify import Anchor, verify

DAY = 1_700_000_000


@pytest.fixture
async def filled(registry: Registry, evidence: EvidenceFolder, operator: Actor) -> Registry:
    """Two callees, a file, a withdrawal, a deletion: entries 1 to 8."""
    file = await room.store(registry, evidence, [b"%PDF-1"], operator)
    await registry.record(consent("+8613000005001", "Bank", DAY, evidence=file.sha256), operator)
    await registry.record(consent("+8613000005002", "Bank", DAY, reference="1"), operator)
    await registry.record(refusal("+8613000005001", "*", DAY + 1), operator)
    await registry.end("+8613000005002", operator, {"consent"}, "holder:Bank")
    await registry.record(consent("+8613000005003", "Bank", DAY, reference="1"), operator)
    await erase(registry, "+8613000005003", RegistrySettings(), operator, "court order")
    return registry


async def faults(registry: Registry, evidence: EvidenceFolder | None = None, anchor: Anchor | None = None) -> list[str]:
    return (await verify(registry, evidence, anchor)).faults


async def test_a_sound_registry_has_no_faults(filled: Registry, evidence: EvidenceFolder) -> None:
    seen: list[str] = []
    report = await verify(filled, evidence, progress=lambda what, done: seen.append(f"{done} {what}"))
    assert report.faults == []
    assert (report.entries, report.statements, report.callees, report.files) == (7, 3, 3, 1)
    assert seen == ["7 audit entries", "3 statements", "3 callees", "1 evidence files"]
    assert await faults(filled, None, report.head) == []


TAMPERINGS = {
    "UPDATE audit SET actor = 'somebody' WHERE sequence = 3": "audit: entry 3 was changed, or one before it",
    "UPDATE audit SET detail = '{}' WHERE sequence = 7": "audit: entry 7 was changed, or one before it",
    "DELETE FROM audit WHERE sequence = 5": "audit: entries 5 to 5 are missing",
    "DELETE FROM audit WHERE sequence = 7": "audit: ends at entry 6, and 7 were written",
    "UPDATE statement SET since = since + 1 WHERE id = 2": "statement 2 is not what was recorded",
    "UPDATE statement SET reference = 'x' WHERE id = 3": "statement 3 is not what was recorded",
    "UPDATE statement SET recorded_by = 'x' WHERE id = 3": "statement 3: who recorded it and when is not what the audit trail says",
    "UPDATE statement SET ended_at = NULL, ended_entry = NULL WHERE id = 3": "statement 3: its end is not what the audit trail says",
    "UPDATE statement SET ended_at = 1, ended_entry = 5 WHERE id = 4": "statement 4: its end is not what the audit trail says",
    "DELETE FROM statement WHERE id = 4": "statement 4 is missing",
    "DELETE FROM standing": "callee 1: what is held to count is not what the rule says",
    "UPDATE standing SET kind = 'consent'": "callee 1: what is held to count is not what the rule says",
    "UPDATE subject SET number = (SELECT number FROM subject WHERE id = 2) WHERE id = 1": "the encrypted number of callee 1 was changed or damaged",
}  # fmt: skip


@pytest.mark.parametrize("change", TAMPERINGS)
async def test_tampering_is_told(filled: Registry, change: str) -> None:
    async with filled.database.writing() as connection:
        await connection.execute(sa.text(change))
    assert TAMPERINGS[change] in await faults(filled)


async def test_exchanged_digests_are_told(filled: Registry) -> None:
    async with filled.database.writing() as connection:
        await connection.execute(sa.update(t.subject).where(t.subject.c.id == 1).values(digest=b"\0" * 32))
    assert await faults(filled) == ["callee 1: is found by another number than its own"]


async def test_a_trail_cut_short_with_its_head_is_told_by_an_entry_written_down_elsewhere(filled: Registry) -> None:
    head = (await verify(filled, None)).head
    async with filled.database.writing() as connection:
        last = (await connection.execute(sa.select(t.audit.c.hash).where(t.audit.c.sequence == 6))).scalar_one()
        await connection.execute(sa.delete(t.audit).where(t.audit.c.sequence == 7))
        await connection.execute(sa.update(t.head).values(audit=6, hash=last))
    told = await faults(filled, None, head)
    assert "audit: entry 7 is missing or not the one that was written down" in told


async def test_evidence_is_read(filled: Registry, evidence: EvidenceFolder, tmp_path: Path) -> None:
    (file,) = [path for path in (tmp_path / "evidence").rglob("*") if path.is_file()]
    file.write_bytes(b"%PDF-2")
    assert await faults(filled, evidence) == [f"evidence {file.name} was changed: its content has another SHA-256"]
