"""The secret keys: read from the files that the settings name, or made once in the data directory."""

from __future__ import annotations

import secrets
from pathlib import Path

from ringfence.config.faults import ConfigError, Fault
from ringfence.config.settings import Settings
from ringfence.key_files import make_once
from ringfence.lookups.keys import Keys

KEY_BYTES = 32


def route_key(settings: Settings) -> bytes:
    """The 32 bytes that sign our Record-Route. Raises ConfigError, as does `digest_key`:

    a named file that is missing or holds no key, a data directory that cannot be written.
    """
    return _key(settings, settings.secrets.route_key_file, "secrets.route_key_file", "route.key")


def digest_key(settings: Settings) -> bytes:
    """The 32 bytes of the digests that stand for telephone numbers in the store."""
    return _key(settings, settings.redis.digest_key_file, "redis.digest_key_file", "digest.key")


def store_keys(settings: Settings) -> Keys:
    """Names of keys in the store, under all digest keys that are configured. Raises ConfigError."""
    others = [read_key(file, "redis.other_digest_key_files") for file in settings.redis.other_digest_key_files]
    return Keys(settings.redis.key_prefix, digest_key(settings), others)


def _key(settings: Settings, named: Path | None, path: str, own: str) -> bytes:
    """The named file's key, or our own, made at the first start."""
    return read_key(named, path) if named is not None else _own_key(settings.data_directory / "keys" / own)


def read_key(file: Path, path: str) -> bytes:
    """A key file's 32 bytes. path: the setting that names it. Raises ConfigError."""
    try:
        key = bytes.fromhex(file.read_text(encoding="ascii"))
    except OSError as error:
        raise ConfigError([Fault(str(file), 0, path, f"cannot be read: {error.strerror}")]) from None
    except ValueError:
        key = b""
    if len(key) != KEY_BYTES:
        message = f"holds no key: {2 * KEY_BYTES} hexadecimal digits are wanted (openssl rand -hex {KEY_BYTES})"
        raise ConfigError([Fault(str(file), 0, path, message)])
    return key


def _own_key(file: Path) -> bytes:
    """A key of our own making."""
    try:
        make_once(file, secrets.token_hex(KEY_BYTES) + "\n")
    except OSError as error:
        message = f"cannot be written: {error.strerror}"
        raise ConfigError([Fault(str(file), 0, "data_directory", message)]) from None
    return read_key(file, "data_directory")
