"""The registry as the settings describe it: database, keys, evidence, signer."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

import structlog

from ringfence.key_files import KEY_BYTES, make_once
from ringfence.registry.database import Database
from ringfence.registry.errors import RegistryError
from ringfence.registry.evidence import EvidenceFolder
from ringfence.registry.numbers import KeyRing, read_keys
from ringfence.registry.register import Registry
from ringfence.registry.settings import RegistrySettings
from ringfence.registry.signing import Signer, new_key

Stamp = tuple[int, int, int, int] | None
"""What differs when a file was changed or replaced."""

_log = structlog.get_logger(__name__)


async def open_registry(settings: RegistrySettings, data_directory: Path) -> Registry:
    """Open it; the database is brought to the newest schema. Raises RegistryError."""
    ring = open_ring(settings, data_directory)
    url = settings.url or f"sqlite:///{(data_directory / 'registry' / 'registry.db').absolute()}"
    ca = str(settings.ca) if settings.ca else None
    return Registry(await Database.open(url, password_of(settings), ca), ring)


def is_there(settings: RegistrySettings, data_directory: Path) -> bool:
    """Whether anything can be on record: to open a registry that is not there would make one."""
    return settings.url is not None or (data_directory / "registry" / "registry.db").is_file()


def open_ring(settings: RegistrySettings, data_directory: Path) -> KeyRing:
    """The keys that numbers are kept by; one is made where none is configured. Raises RegistryError."""
    file = settings.number_key_file
    if file is None:
        file = data_directory / "keys" / "numbers.key"
        _make(file, secrets.token_hex(KEY_BYTES) + "\n")
    stamp = _stamp(file)
    return KeyRing(read_keys(file), _Renewal(file, stamp))


class _Renewal:
    """Reads a key file again when it was changed; one that cannot be read changes nothing, and is said once."""

    def __init__(self, file: Path, stamp: Stamp) -> None:
        self._file = file
        self._stamp = stamp
        self._told = ""

    def __call__(self) -> list[bytes] | None:
        stamp = _stamp(self._file)
        if stamp == self._stamp:
            return None
        try:
            keys = read_keys(self._file)
        except RegistryError as error:
            if self._told != str(error):
                self._told = str(error)
                _log.error("the registry goes on with the keys that it has", why=self._told)
            return None
        self._stamp, self._told = stamp, ""
        _log.info("the registry's keys were read again", keys=len(keys))
        return keys


def _stamp(file: Path) -> Stamp:
    try:
        seen = file.stat()
    except OSError:
        return None
    return seen.st_dev, seen.st_ino, seen.st_size, seen.st_mtime_ns


def open_signer(settings: RegistrySettings, data_directory: Path) -> Signer:
    """The key that proofs are signed by; one is made where none is configured. Raises RegistryError."""
    file = settings.signing_key_file
    if file is None:
        file = data_directory / "keys" / "signing.pem"
        if not file.exists():
            _make(file, new_key())
    return Signer.read(file)


def open_evidence(settings: RegistrySettings, data_directory: Path) -> EvidenceFolder:
    """The folder of evidence files; made when the first file comes. Raises RegistryError: no key to read them by."""
    evidence = settings.evidence
    folder = evidence.folder or data_directory / "evidence"
    return EvidenceFolder(folder, evidence.max_bytes, evidence.media_types, open_ring(settings, data_directory))


def password_of(settings: RegistrySettings) -> str | None:
    """The database's password, None without one. Raises RegistryError."""
    if settings.password_file is not None:
        try:
            return settings.password_file.read_text(encoding="utf-8").strip()
        except OSError as error:
            raise RegistryError(f"registry.password_file: {error.strerror}") from None
    if settings.password_env is not None:
        if settings.password_env not in os.environ:
            raise RegistryError(f"registry.password_env: {settings.password_env} is not set")
        return os.environ[settings.password_env]
    return None


def _make(file: Path, text: str) -> None:
    try:
        make_once(file, text)
    except OSError as error:
        raise RegistryError(f"{file} cannot be written: {error.strerror}") from None
