"""`ringfence consent proof`: what is on record about a callee and a holder, signed, for somebody who trusts nobody.

Three files: `proof.tar`, its signature `proof.tar.sig`, the public key `signer.pem`. One command verifies all of it:

    openssl dgst -sha256 -verify signer.pem -signature proof.tar.sig proof.tar

The tar holds `proof.json` (statements, what counts now, audit entries with their hashes, the files' SHA-256) and the
evidence under `files/`. Whether the key is the carrier's is told by its fingerprint, which stands in the contract.
"""

from __future__ import annotations

import asyncio
import io
import tarfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import orjson
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from ringfence.registry import tables as t
from ringfence.registry.actors import Actor, may_see
from ringfence.registry.chain import START
from ringfence.registry.errors import RegistryError
from ringfence.registry.evidence import EvidenceFolder
from ringfence.registry.register import Registry, Said
from ringfence.registry.signing import Signer

FORMAT = "ringfence consent proof 1"
TAR, SIGNATURE, KEY = "proof.tar", "proof.tar.sig", "signer.pem"
COMMAND = f"openssl dgst -sha256 -verify {KEY} -signature {SIGNATURE} {TAR}"

_README = f"""\
This is what the register of consents and refusals holds about one callee and one holder.

Verify it, in the folder of the three files:

    {COMMAND}

"Verified OK" says that nothing of {TAR} was changed since it was signed by the key in {KEY}. Compare that key's
fingerprint with the one that the carrier has told you elsewhere:

    openssl pkey -pubin -in {KEY} -outform DER | sha256sum

In proof.json: `statements`, all that is on record, in the order in which it was recorded (times in UTC);
`standing`, what counts of it; `audit`, the entries of the audit trail about these statements and their files. An
entry's `hash` is the SHA-256 of the text `previous` followed by the JSON array [sequence, at, actor, origin, action,
subject, detail], without blanks; `at` is in milliseconds since 1970. A statement's `id` is the sequence of the entry
that recorded it. The evidence is under files/, each file named by its SHA-256.
"""


class Proof(NamedTuple):
    """What was written. fingerprint: SHA-256 of the public key in DER."""

    folder: Path
    statements: int
    files: int
    missing: list[str]
    fingerprint: str


async def prove(
    registry: Registry, evidence: EvidenceFolder, signer: Signer, callee: str, holder: str, actor: Actor, folder: Path
) -> Proof:
    """Write the three files to `folder`, which is made if missing. The look is audited before anything is written.

    Raises Forbidden, and RegistryError where nothing is on record or a file cannot be written.
    """
    may_see(actor, holder)
    statements = await registry.said(callee, actor, holder)
    if not statements:
        raise RegistryError("nothing is on record about this callee and holder")
    await registry.look(actor, "proved", callee, {"holder": holder})
    standing = await registry.standing(callee, actor, holder)
    cited = sorted({one.statement.evidence for one in statements if one.statement.evidence})
    async with registry.database.reading() as connection:
        entries = await _entries(connection, {one.id for one in statements}, cited)
        head = (await connection.execute(sa.select(t.head))).one()
        question = sa.select(t.evidence.c.sha256, t.evidence.c.media_type)
        rows = await connection.execute(question.where(t.evidence.c.sha256.in_(cited)))
        media = {str(row.sha256): row.media_type for row in rows}
    present, missing = _files(evidence, cited)
    document = {
        "format": FORMAT,
        "made_at": _time(int(time.time())),
        "made_by": actor.name,
        "callee": callee,
        "holder": holder,
        "statements": [_plain(one) for one in statements],
        "standing": [{**row._asdict(), "since": _time(row.since), "until": _time(row.until)} for row in standing],
        "files": [{"sha256": name, "size": size, "media_type": media[name]} for name, size in present.items()],
        "missing_files": missing,
        "audit": entries,
        "audit_head": {"sequence": head.audit, "hash": head.hash},
    }
    await asyncio.to_thread(_write, folder, document, evidence, list(present), signer)
    return Proof(folder, len(statements), len(present), missing, signer.fingerprint)


def _files(evidence: EvidenceFolder, cited: list[str]) -> tuple[dict[str, int], list[str]]:
    """Name to size of the files that are there and sound, and the names of the others."""
    present = {}
    missing = []
    for sha256 in cited:
        try:
            present[sha256] = len(evidence.read(sha256))
        except RegistryError:
            missing.append(sha256)
    return present, missing


def _write(
    folder: Path, document: dict[str, Any], evidence: EvidenceFolder, present: list[str], signer: Signer
) -> None:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tarfile.open(folder / TAR, "w", format=tarfile.PAX_FORMAT) as tar:
            _put(tar, "proof.json", orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS))
            _put(tar, "README.txt", _README.encode())
            for name in present:
                _put(tar, f"files/{name}", evidence.read(name))
        (folder / SIGNATURE).write_bytes(signer.sign(folder / TAR))
        (folder / KEY).write_bytes(signer.public)
    except OSError as error:
        raise RegistryError(f"the proof cannot be written to {folder}: {error.strerror}") from None


def _put(tar: tarfile.TarFile, name: str, data: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(data)
    member.mode = 0o600
    member.mtime = int(time.time())
    tar.addfile(member, io.BytesIO(data))


def _plain(one: Said) -> dict[str, Any]:
    said = one.statement
    return {
        "id": one.id,
        "kind": said.kind,
        "scope": said.scope,
        "since": _time(said.since),
        "until": _time(said.until),
        "sectors": list(said.sectors),
        "level": said.level,
        "purpose": said.purpose,
        "channel": said.channel,
        "evidence": said.evidence,
        "reference": said.reference,
        "recorded_at": _time(one.recorded_at),
        "recorded_by": one.recorded_by,
        "ended_at": _time(one.ended_at),
    }


async def _entries(connection: AsyncConnection, recorded: set[int], cited: list[str]) -> list[dict[str, Any]]:
    """The entries that recorded and ended these statements and brought their files, each with the hash before it."""
    columns = t.audit.c
    before = t.audit.alias()
    question = (
        sa.select(t.audit, before.c.hash.label("previous"))
        .join(before, before.c.sequence == columns.sequence - 1, isouter=True)
        .order_by(columns.sequence)
    )
    ended = sa.select(t.statement.c.ended_entry).where(t.statement.c.id.in_(recorded))
    about = sa.or_(columns.sequence.in_(recorded), columns.sequence.in_(ended))
    rows = list(await connection.execute(question.where(about)))
    for sha256 in cited:
        # Its sequence is not kept with the file: the detail names it, and few entries are of this action.
        brought = sa.and_(columns.action == "evidence", columns.detail.contains(sha256, autoescape=True))
        rows += await connection.execute(question.where(brought))
    rows.sort(key=lambda row: row.sequence)
    return [{**row._asdict(), "previous": row.previous or START} for row in rows]


def _time(moment: int | None) -> str | None:
    return None if moment is None else datetime.fromtimestamp(moment, UTC).isoformat().replace("+00:00", "Z")
