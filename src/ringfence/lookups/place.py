"""Where the settings say the store is, and its password."""

from __future__ import annotations

import os
from pathlib import Path

from ringfence.lookups.errors import StoreError
from ringfence.lookups.resp import Address, Place, place_of
from ringfence.lookups.roaming_http import RoamingService
from ringfence.lookups.settings import RedisSettings, RoamingSettings


def password_of(settings: RedisSettings) -> str | None:
    """The store's password from its file or environment variable, None without one. Raises StoreError."""
    return _secret("redis.password", settings.password_file, settings.password_env)


def roaming_service(settings: RoamingSettings) -> RoamingService | None:
    """The service that is asked who is abroad, None where nobody is asked by HTTP. Raises StoreError."""
    if settings.source != "http":
        return None
    return RoamingService(settings, _secret("roaming.token", settings.token_file, settings.token_env))


def _secret(key: str, file: Path | None, variable: str | None) -> str | None:
    if file is not None:
        try:
            return file.read_text(encoding="utf-8").strip()
        except OSError as error:
            raise StoreError(f"{key}_file: {error.strerror}") from None
        except UnicodeDecodeError:
            raise StoreError(f"{key}_file: not UTF-8") from None
    if variable is not None:
        if variable not in os.environ:
            raise StoreError(f"{key}_env: {variable} is not set")
        return os.environ[variable]
    return None


def store_place(settings: RedisSettings, data_directory: Path) -> Place:
    """Where the store is: the one that is configured, else the embedded one's socket. Raises StoreError."""
    if settings.url is None:
        return Address(path=str(data_directory / "store" / "store.sock"))
    file = settings.sentinel_password_file
    watched = (settings.sentinel_username, _secret("redis.sentinel_password", file, None))
    authority = str(settings.ca) if settings.ca else None
    return place_of(settings.url, settings.username, password_of(settings), authority, watched)
