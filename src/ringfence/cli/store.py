"""The store as commands open it: where it is, by which keys, and numbers as the screening compares them."""

from __future__ import annotations

from pathlib import Path

import typer

from ringfence.config import Settings, load
from ringfence.config.keys import store_keys
from ringfence.index.store import IndexStore
from ringfence.lookups import Address, Place, StoreError, store_place
from ringfence.lookups.admin import Admin
from ringfence.numbering import Kind, Numbering


def open_settings(config: Path) -> Settings:
    """A configuration's settings. Raises ConfigError."""
    return load(config)


def begin_child(config: Path, parent: int | None) -> Settings:
    """What a process that `ringfence serve` runs beside itself begins with: its settings, log and whom to end with.

    Raises ConfigError.
    """
    from ringfence.control.lifeline import end_with_parent
    from ringfence.telemetry.log import configure

    if parent is not None:
        end_with_parent(parent)
    settings = open_settings(config)
    configure(settings.logging)
    return settings


def open_store(settings: Settings) -> Admin:
    """The store of a configuration. Raises StoreError where the embedded one does not run."""
    return Admin(store_of(settings), store_keys(settings))


def open_index(settings: Settings) -> IndexStore:
    """The index in a configuration's store. Raises StoreError."""
    return IndexStore(store_of(settings), store_keys(settings))


def store_of(settings: Settings) -> Place:
    """Where a configuration's store is. Raises StoreError where the embedded one does not run."""
    place = store_place(settings.redis, settings.data_directory)
    if settings.redis.url is None and isinstance(place, Address) and not Path(place.path).is_socket():
        raise StoreError(
            f"the embedded store does not run in {settings.data_directory}: `ringfence serve` starts it; "
            "or set redis.url to a server"
        )
    return place


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
