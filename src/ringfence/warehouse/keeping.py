"""What becomes of a sealed segment: it is encrypted and indexed, by one process at a time in a folder."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from mmap import mmap
from pathlib import Path

import structlog

from ringfence.records.errors import RecordsError
from ringfence.records.framing import NOTHING, SEALED, VAULT, Block, Damage, blocks, read_header, segments
from ringfence.records.keys import KeyRing
from ringfence.records.recover import mapped
from ringfence.records.schema import moment_of
from ringfence.records.vault import lock_away, rewrap
from ringfence.records.vault_file import About
from ringfence.warehouse.catalogue import Catalogue, forget
from ringfence.warehouse.segment_index import build, indexed

_log = structlog.get_logger(__name__)


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Wait until nobody else keeps this folder. Raises RecordsError."""
    try:
        descriptor = os.open(folder / "keeping.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise RecordsError(f"{folder}: cannot be kept: {error.strerror}") from None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def index_all(folder: Path, ring: KeyRing) -> tuple[int, int]:
    """Encrypt every sealed segment and index every vault. (indexed, failed); a failure is logged."""
    done = failed = 0
    known = Catalogue(folder)
    for path in segments(folder):
        try:
            began = time.monotonic()
            vault = encrypt(path, ring) if path.suffix == SEALED else path
            if vault.suffix != VAULT or indexed(folder, vault.stem, known.card(vault).tag):
                continue
            count = build(vault, ring)
        except RecordsError as error:
            failed += 1
            _log.error("a segment cannot be indexed", first=int(path.stem), why=str(error))
        else:
            done += 1
            _log.info(
                "segment indexed", first=int(path.stem), records=count, seconds=round(time.monotonic() - began, 2)
            )
    for left in folder.glob(f"*{SEALED}"):
        if left.with_suffix(VAULT).exists():
            left.unlink(missing_ok=True)  # a process that was ended between two steps left it
    try:
        known.renew()
    except RecordsError as error:
        failed += 1
        _log.error("the catalogue cannot be written", why=str(error))
    return done, failed


def encrypt(path: Path, ring: KeyRing) -> Path:
    """Put a vault in a sealed segment's place. A damaged one is kept as it is, damage included. Raises RecordsError."""
    target = path.with_suffix(VAULT)
    try:
        with path.open("rb") as file, mapped(file.fileno(), os.fstat(file.fileno()).st_size) as data:
            lock_away(target, data, _about(path, data), ring)
        path.unlink()
    except OSError as error:
        raise RecordsError(f"{path.name} cannot be encrypted: {error.strerror}") from None
    return target


def _about(path: Path, data: mmap | memoryview) -> About:
    header = read_header(data)
    if isinstance(header, Damage):
        return About("", 0, int(path.stem), int(path.stem), NOTHING, NOTHING, 0, 0, len(data), False)
    link, following, began, ended = header.link, header.first, 2**62, 0
    for each in blocks(data, header):
        if isinstance(each, Block) and each.bodies:
            link, following = each.link, each.first + len(each.bodies)
            for body in each.bodies:
                at = moment_of(body)
                began, ended = min(began, at or began), max(ended, at)
    return About(
        header.node, header.schema, header.first, following, header.previous, link, began if ended else 0, ended,
        len(data), False,
    )  # fmt: skip


def rotate(folder: Path, ring: KeyRing) -> tuple[int, int]:
    """Put every vault under the present key; (changed, all). Raises RecordsError."""
    vaults = [path for path in segments(folder) if path.suffix == VAULT]
    try:
        forget(folder)
        changed = sum(rewrap(path, ring) for path in vaults)
        Catalogue(folder).renew()
        return changed, len(vaults)
    except OSError as error:
        raise RecordsError(f"{folder}: keys cannot be changed: {error.strerror}") from None
