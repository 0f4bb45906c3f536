"""Evidence is kept under its own hash, within its limits, and nothing else is kept."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from ringfence.registry import evidence as room
from ringfence.registry.actors import Actor
from ringfence.registry.errors import BadStatement, Forbidden, RegistryError
from ringfence.registry.evidence import BadFile, EvidenceFolder
from ringfence.registry.numbers import KeyRing
from ringfence.registry.register import Registry
from ringfence.registry.settings import EvidenceSettings
from ringfence.registry.statements import consent
from ringfence.registry.upkeep import rotate
from ringfence.registry.verify import verify

PDF = b"%PDF-1.7\nsigned by the callee\n"
RING = KeyRing([bytes(32)])
TYPES = EvidenceSettings().media_types


@pytest.fixture
def folder(tmp_path: Path) -> EvidenceFolder:
    return EvidenceFolder(tmp_path / "evidence", 100, TYPES, RING)


def left(tmp_path: Path) -> list[str]:
    return [str(path.relative_to(tmp_path)) for path in sorted(tmp_path.rglob("*")) if path.is_file()]


def test_a_file_stands_under_its_hash_and_for_nobody_else(folder: EvidenceFolder, tmp_path: Path) -> None:
    stored = folder.take([PDF[:9], PDF[9:]])
    assert (stored.sha256, stored.size, stored.media_type) == (
        hashlib.sha256(PDF).hexdigest(),
        len(PDF),
        "application/pdf",
    )
    assert left(tmp_path) == [f"evidence/{stored.sha256[:2]}/{stored.sha256}"]
    assert folder.path(stored.sha256).stat().st_mode & 0o777 == 0o600
    assert folder.take([PDF]) == stored
    assert folder.read(stored.sha256) == PDF


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ([b"%PDF-" + b"x" * 96], "over 100 bytes"),
        ([b"%PDF-" + b"x" * 90, b"y" * 6], "over 100 bytes"),
        ([], "empty"),
        ([b"\x7fELF\x02\x01"], "is not taken"),
        ([b"MZ\x90\x00"], "is not taken"),
        ([b"text and then \x00"], "is not taken"),
        ([b"\xff\xfe"], "is not taken"),
    ],
)
def test_what_is_not_taken_leaves_nothing(
    folder: EvidenceFolder, tmp_path: Path, data: list[bytes], message: str
) -> None:
    with pytest.raises(BadFile, match=message):
        folder.take(data)
    assert left(tmp_path) == []


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"\x89PNG\r\n\x1a\n....", "image/png"),
        (b"\xff\xd8\xff\xe0", "image/jpeg"),
        (b"RIFF\x00\x00\x00\x00WAVEfmt ", "audio/wav"),
        (b"ID3\x04", "audio/mpeg"),
        (b"OggS\x00", "audio/ogg"),
        ("同意接听\n".encode(), "text/plain"),
    ],
)
def test_kinds_are_told_by_the_first_bytes(folder: EvidenceFolder, data: bytes, kind: str) -> None:
    assert folder.take([data]).media_type == kind
    assert folder.take([data[:1], data[1:]]).media_type == kind


def test_a_changed_file_is_not_read(folder: EvidenceFolder) -> None:
    stored = folder.take([PDF])
    folder.path(stored.sha256).write_bytes(PDF + b" ")
    with pytest.raises(RegistryError, match="was changed"):
        folder.read(stored.sha256)
    folder.remove(stored.sha256)
    with pytest.raises(RegistryError, match="cannot be read"):
        folder.read(stored.sha256)


def test_what_stands_on_the_disk_is_encrypted(folder: EvidenceFolder) -> None:
    stored = folder.take([PDF])
    assert b"callee" not in folder.path(stored.sha256).read_bytes()


def test_plain_files_of_before_are_read_and_then_encrypted(folder: EvidenceFolder, tmp_path: Path) -> None:
    name = hashlib.sha256(PDF).hexdigest()
    folder.path(name).parent.mkdir(parents=True)
    folder.path(name).write_bytes(PDF)
    assert folder.read(name) == PDF
    assert folder.seal(name)
    assert b"callee" not in folder.path(name).read_bytes()
    assert folder.path(name).stat().st_mode & 0o777 == 0o600
    assert folder.read(name) == PDF
    assert not folder.seal(name)
    assert not folder.seal("0" * 64)
    assert left(tmp_path) == [f"evidence/{name[:2]}/{name}"]


async def test_evidence_goes_under_a_new_key_with_the_numbers(
    registry: Registry, tmp_path: Path, operator: Actor
) -> None:
    old, new = bytes(range(32)), bytes(range(1, 33))
    before = EvidenceFolder(tmp_path / "e", 100, TYPES, KeyRing([old]))
    names = [(await room.store(registry, before, [PDF + bytes([65 + n])], operator)).sha256 for n in range(20)]
    after = EvidenceFolder(tmp_path / "e", 100, TYPES, KeyRing([new, old]))
    assert [after.read(name) for name in names] == [before.read(name) for name in names]
    before.path(names[3]).write_bytes(before.read(names[3]))  # one from before files were encrypted
    assert await rotate(registry, after, operator) == (0, 20)
    assert await rotate(registry, after, operator) == (0, 0)
    retired = EvidenceFolder(tmp_path / "e", 100, TYPES, KeyRing([new]))
    assert all(hashlib.sha256(retired.read(name)).hexdigest() == name for name in names)
    with pytest.raises(RegistryError, match="under a key that is not in"):
        before.read(names[0])
    assert (await verify(registry, retired)).faults == []


async def test_a_holder_cites_only_what_it_brought(
    registry: Registry, evidence: EvidenceFolder, operator: Actor, auditor: Actor, bank: Actor
) -> None:
    stored = await room.store(registry, evidence, [PDF], operator)
    said = consent("+8613000005001", "Bank", 1_700_000_000, evidence=stored.sha256)
    with pytest.raises(BadStatement, match="no file with this sha256 is stored"):
        await registry.record(said, bank)
    assert await room.store(registry, evidence, [PDF], bank) == stored
    assert (await registry.record(said, bank)).new
    with pytest.raises(Forbidden):
        await room.store(registry, evidence, [PDF], auditor)
