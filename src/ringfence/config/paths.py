"""File names in settings: relative to the folder of the configuration file, not to where the daemon was started."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel

from ringfence.config.faults import Location

Model = TypeVar("Model", bound=BaseModel)


def absolute(model: Model, base: Path) -> Model:
    """The model with every Path in it, at any depth, made absolute; unchanged parts are shared."""
    changes = {}
    for name in type(model).model_fields:
        value = getattr(model, name)
        changed = _absolute(value, base)
        if changed is not value:
            changes[name] = changed
    return model.model_copy(update=changes) if changes else model


def _absolute(value: object, base: Path) -> object:
    if isinstance(value, Path):
        return value if value.is_absolute() else base / value
    if isinstance(value, BaseModel):
        return absolute(value, base)
    if isinstance(value, tuple | list):
        items = [_absolute(item, base) for item in value]
        return value if all(a is b for a, b in zip(items, value, strict=True)) else type(value)(items)
    if isinstance(value, dict):
        entries = {key: _absolute(item, base) for key, item in value.items()}
        return value if all(entries[key] is value[key] for key in value) else entries
    return value


def every_path(value: object, location: Location = ()) -> Iterator[tuple[Location, Path]]:
    """Each Path in a model with its location."""
    if isinstance(value, Path):
        yield location, value
    elif isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from every_path(getattr(value, name), (*location, name))
    elif isinstance(value, tuple | list):
        for index, item in enumerate(value):
            yield from every_path(item, (*location, index))
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from every_path(item, (*location, str(key)))
