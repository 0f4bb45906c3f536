"""Where the settings say the store is, and its password."""

from __future__ import annotations

import os
from pathlib import Path

from ringfence.lookups.errors import StoreError
from ringfence.lookups.resp import Address, address_of
from ringfence.lookups.settings import RedisSettings


def password_of(settings: RedisSettings) -> str | None:
    """The store's password from its file or environment variable, None without one. Raises StoreError."""
    if settings.password_file is not None:
        try:
            return settings.password_file.read_text(encoding="utf-8").strip()
        except OSError as error:
            raise StoreError(f"redis.password_file: {error.strerror}") from None
        except UnicodeDecodeError:
            raise StoreError("redis.password_file: not UTF-8") from None
    if settings.password_env is not None:
        if settings.password_env not in os.environ:
            raise StoreError(f"redis.password_env: {settings.password_env} is not set")
        return os.environ[settings.password_env]
    return None


def store_address(settings: RedisSettings, data_directory: Path) -> Address:
    """Where the store is: the one that is configured, else the embedded one's socket. Raises StoreError."""
    if settings.url is None:
        return Address(path=str(data_directory / "store" / "store.sock"))
    return address_of(settings.url, settings.username, password_of(settings), str(settings.ca) if settings.ca else None)
