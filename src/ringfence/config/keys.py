"""The secret keys: read from the files that the settings name, or made once in the data directory."""

from __future__ import annotations

import secrets
from pathlib import Path

import structlog

from ringfence.config.faults import ConfigError, Fault
from ringfence.config.files import Stamp, stamp
from ringfence.config.settings import Settings
from ringfence.key_files import make_once
from ringfence.lookups.keys import Keys

KEY_BYTES = 32
_NO_KEY = f"holds no key: {2 * KEY_BYTES} hexadecimal digits are wanted (openssl rand -hex {KEY_BYTES})"
_log = structlog.get_logger(__name__)


def route_key(settings: Settings) -> bytes:
    """The 32 bytes that sign our Record-Route. Raises ConfigError, as does `store_keys`:

    a named file that is missing or holds no key, a data directory that cannot be written.
    """
    named = settings.secrets.route_key_file
    if named is not None:
        return read_key(named, "secrets.route_key_file")
    return read_key(_made_once(settings.data_directory / "keys" / "route.key"), "data_directory")


def store_keys(settings: Settings) -> Keys:
    """Names of keys in the store, under all digest keys that are configured, those of now. Raises ConfigError."""
    files = _DigestKeyFiles(settings)
    keys = files.read()
    return Keys(settings.redis.key_prefix, keys[0], keys[1:], files)


class _DigestKeyFiles:
    """Reads the files of digest keys again when one was changed; a fault in them changes nothing, and is said once."""

    def __init__(self, settings: Settings) -> None:
        redis = settings.redis
        if redis.digest_key_file is not None:
            first = (redis.digest_key_file, "redis.digest_key_file")
        else:
            first = (_made_once(settings.data_directory / "keys" / "digest.key"), "data_directory")
        self._files = [first, *((file, "redis.other_digest_key_files") for file in redis.other_digest_key_files)]
        self._stamps: list[Stamp | None] = []
        self._told = ""

    def read(self) -> list[bytes]:
        """Every key once, the present one first. Raises ConfigError."""
        stamps = [stamp(file) for file, _ in self._files]
        keys = [key for file, path in self._files for key in read_keys(file, path)]
        self._stamps, self._told = stamps, ""
        return list(dict.fromkeys(keys))

    def __call__(self) -> list[bytes] | None:
        if [stamp(file) for file, _ in self._files] == self._stamps:
            return None
        try:
            keys = self.read()
        except ConfigError as error:
            if self._told != str(error):
                self._told = str(error)
                _log.error("calls are judged by the digest keys of before", why=self._told)
            return None
        _log.info("digest keys were read again", keys=len(keys))
        return keys


def read_key(file: Path, path: str) -> bytes:
    """A key file's 32 bytes. path: the setting that names it. Raises ConfigError."""
    (key, *more) = read_keys(file, path)
    if more:
        raise ConfigError([Fault(str(file), 0, path, "holds more than one key")])
    return key


def read_keys(file: Path, path: str) -> list[bytes]:
    """All keys of a file, one a line, at least one, each of 32 bytes. Raises ConfigError."""
    try:
        lines = file.read_text(encoding="ascii").splitlines()
    except OSError as error:
        raise ConfigError([Fault(str(file), 0, path, f"cannot be read: {error.strerror}")]) from None
    except ValueError:
        lines = []
    keys = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            key = bytes.fromhex(line)
        except ValueError:
            key = b""
        if len(key) != KEY_BYTES:
            raise ConfigError([Fault(str(file), number, path, _NO_KEY)])
        keys.append(key)
    if not keys:
        raise ConfigError([Fault(str(file), 0, path, _NO_KEY)])
    return keys


def _made_once(file: Path) -> Path:
    """A file with a key of our own making."""
    try:
        make_once(file, secrets.token_hex(KEY_BYTES) + "\n")
    except OSError as error:
        message = f"cannot be written: {error.strerror}"
        raise ConfigError([Fault(str(file), 0, "data_directory", message)]) from None
    return file
