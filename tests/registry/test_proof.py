"""A proof is verified by openssl and by reading; nothing in it can be changed unnoticed."""

from __future__ import annotations

import hashlib
import json
import subprocess
import tarfile
from pathlib import Path

import pytest
from tests.support.peers import require

from ringfence.registry import evidence as room
from ringfence.registry.actors import Actor
from ringfence.registry.errors import Forbidden, RegistryError
from ringfence.registry.evidence import EvidenceFolder
from ringfence.registry.opening import open_signer
from ringfence.registry.proof import COMMAND, prove
from ringfence.registry.register import Registry
from ringfence.registry.settings import RegistrySettings
from ringfence.registry.signing import Signer
from ringfence.registry.statements import consent, refusal

CALLEE, DAY = "+8613000005001", 1_700_000_000
PDF = b"%PDF-1.7\nI agree\n"


@pytest.fixture
def signer(tmp_path: Path) -> Signer:
    return open_signer(RegistrySettings(), tmp_path)


def verified(folder: Path) -> bool:
    """What a third party does: the documented command, as it is written."""
    require("openssl")
    done = subprocess.run(COMMAND.split(), cwd=folder, capture_output=True, text=True, check=False)
    assert (done.returncode == 0) == (done.stdout == "Verified OK\n")
    return done.returncode == 0


async def test_a_third_party_verifies_it_with_one_command(
    registry: Registry, evidence: EvidenceFolder, signer: Signer, operator: Actor, bank: Actor, tmp_path: Path
) -> None:
    file = await room.store(registry, evidence, [PDF], bank)
    await registry.record(refusal(CALLEE, "*", DAY), operator)
    await registry.record(consent(CALLEE, "Bank", DAY + 1, evidence=file.sha256, purpose="cards"), bank)
    await registry.record(consent(CALLEE, "Shop", DAY + 1, reference="secret of the shop"), operator)
    folder = tmp_path / "proof"
    done = await prove(registry, evidence, signer, CALLEE, "Bank", operator, folder)
    assert (done.statements, done.files, done.missing) == (2, 1, [])
    assert verified(folder)

    with tarfile.open(folder / "proof.tar") as tar:
        tar.extractall(tmp_path / "out", filter="data")
    text = (tmp_path / "out" / "proof.json").read_text()
    assert "shop" not in text.lower()
    proof = json.loads(text)
    assert [(one["kind"], one["scope"], one["since"]) for one in proof["statements"]] == [
        ("refusal", "*", "2023-11-14T22:13:20Z"), ("consent", "holder:Bank", "2023-11-14T22:13:21Z"),
    ]  # fmt: skip
    assert [(row["scope"], row["kind"]) for row in proof["standing"]] == [("*", "refusal"), ("holder:Bank", "consent")]
    (listed,) = proof["files"]
    kept = (tmp_path / "out" / "files" / listed["sha256"]).read_bytes()
    assert (hashlib.sha256(kept).hexdigest(), listed["media_type"]) == (listed["sha256"], "application/pdf")
    # The audit entries by the recipe of README.txt, without our code.
    assert [entry["action"] for entry in proof["audit"]] == ["evidence", "recorded", "recorded"]
    for entry in proof["audit"]:
        parts = [entry[name] for name in ("sequence", "at", "actor", "origin", "action", "subject", "detail")]
        array = json.dumps(parts, separators=(",", ":"), ensure_ascii=False)
        assert hashlib.sha256((entry["previous"] + array).encode()).hexdigest() == entry["hash"]
    assert {one["id"] for one in proof["statements"]} <= {entry["sequence"] for entry in proof["audit"]}

    fingerprint = subprocess.run(
        "openssl pkey -pubin -in signer.pem -outform DER | sha256sum",
        shell=True,
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert fingerprint.split()[0] == done.fingerprint

    whole = (folder / "proof.tar").read_bytes()
    (folder / "proof.tar").write_bytes(whole.replace(b"cards", b"loans"))
    assert not verified(folder)


async def test_what_is_not_there_is_said(
    registry: Registry, evidence: EvidenceFolder, signer: Signer, operator: Actor, bank: Actor, tmp_path: Path
) -> None:
    with pytest.raises(RegistryError, match="nothing is on record"):
        await prove(registry, evidence, signer, CALLEE, "Bank", operator, tmp_path / "proof")
    file = await room.store(registry, evidence, [PDF], operator)
    await registry.record(consent(CALLEE, "Bank", DAY, evidence=file.sha256), operator)
    with pytest.raises(Forbidden):
        await prove(registry, evidence, signer, CALLEE, "Shop", bank, tmp_path / "proof")
    evidence.remove(file.sha256)
    done = await prove(registry, evidence, signer, CALLEE, "Bank", bank, tmp_path / "proof")
    assert done.missing == [file.sha256]
    assert verified(tmp_path / "proof")
    (looks,) = [one for one in (await audit(registry)) if one["action"] == "proved"]
    assert (looks["actor"], looks["subject"]) == ("holder:bank", 1)


async def audit(registry: Registry) -> list[dict[str, object]]:
    import sqlalchemy as sa

    from ringfence.registry.tables import audit as table

    async with registry.database.reading() as connection:
        return [row._asdict() for row in await connection.execute(sa.select(table).order_by(table.c.sequence))]


def test_another_kind_of_key_is_refused(tmp_path: Path) -> None:
    require("openssl")
    file = tmp_path / "ed25519.pem"
    subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", file], check=True, capture_output=True)
    with pytest.raises(RegistryError, match="no P-256 key"):
        open_signer(RegistrySettings(signing_key_file=file), tmp_path)
    file.write_text("no key")
    with pytest.raises(RegistryError, match="holds no key"):
        open_signer(RegistrySettings(signing_key_file=file), tmp_path)
    done = subprocess.run(
        ["openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout"], check=True, capture_output=True
    )
    file.write_bytes(done.stdout)
    assert len(open_signer(RegistrySettings(signing_key_file=file), tmp_path).fingerprint) == 64
