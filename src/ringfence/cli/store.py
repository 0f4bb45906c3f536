"""The store as commands open it: where it is, by which keys, and numbers as the screening compares them."""

from __future__ import annotations

from pathlib import Path

import typer

from ringfence.config import Settings, load
from ringfence.config.keys import digest_key
from ringfence.lookups import Keys, StoreError, store_address
from ringfence.lookups.admin import Admin
from ringfence.numbering import Kind, Numbering


def open_settings(config: Path) -> Settings:
    """A configuration's settings. Raises ConfigError."""
    return load(config)


def open_store(settings: Settings) -> Admin:
    """The store of a configuration. Raises StoreError where the embedded one does not run."""
    address = store_address(settings.redis, settings.data_directory)
    if address.path and not Path(address.path).is_socket():
        raise StoreError(
            f"the embedded store does not run in {settings.data_directory}: `ringfence serve` starts it; "
            "or set redis.url to a server"
        )
    return Admin(address, Keys(settings.redis.key_prefix, digest_key(settings)))


def numbering_of(config: Path) -> Numbering:
    """The plan of a configuration. Raises ConfigError."""
    from ringfence.config.plan_file import numbering_by

    return numbering_by(load(config).numbering)


def comparable(settings: Settings, text: str) -> str:
    """A number as the store's keys are made of it: E.164 or a short code. Raises BadParameter, ConfigError."""
    from ringfence.config.plan_file import numbering_by

    number = numbering_by(settings.numbering).read(text)
    if number.kind not in (Kind.E164, Kind.SHORT):
        raise typer.BadParameter(f"{text!r} is no number that the plan reads ({number.kind})")
    return number.value
