"""A model from a file's values; pydantic's complaints as faults with line, path and what to do."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from typing import TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from ringfence.config.faults import ConfigError, Fault, Location, path_text
from ringfence.config.overrides import override
from ringfence.config.schema_tree import SchemaTree
from ringfence.config.yaml_source import Node, Value

Model = TypeVar("Model", bound=BaseModel)

_QUOTE = "must be text: put it in quotes, or digits are lost"


class Source:
    """Where the values of one load stand: the file's nodes and the environment's overrides."""

    def __init__(self, file: str, root: Node, origins: Mapping[Location, str]) -> None:
        self.file = file
        self._root = root
        self._origins = origins

    def fault(self, location: Location, message: str) -> Fault:
        """A fault at a location; the line is that of the nearest key above that is written."""
        for length in range(len(location), 0, -1):
            if location[:length] in self._origins:
                name = self._origins[location[:length]]
                return Fault(f"environment {name}", 0, path_text(location), message)
        node = self._root
        for part in location:
            below = node.child(part)
            if below is None:
                break
            node = below
        line = 0 if node is self._root else node.line
        return Fault(self.file, line, path_text(location), message)

    def written(self, location: Location) -> Location:
        """pydantic's location without its own marks (names of union members, `[key]`), which no file has."""
        node: Node | None = self._root
        kept: list[str | int] = []
        for part in location:
            below = node.child(part) if node else None
            if below is not None:
                kept.append(part)
                node = below
            elif any(origin[: len(kept) + 1] == (*kept, part) for origin in self._origins):
                kept.append(part)
                node = None
        return tuple(kept)


class Unsound(ConfigError):
    """Parts of the file have faults.

    sound: a model of the other root keys alone, None where what has faults cannot be left out; left_out: the root
    keys with faults. With them faults of the others can be told as well.
    """

    def __init__(self, faults: Iterable[Fault], sound: BaseModel | None, source: Source, left_out: set[str]) -> None:
        super().__init__(faults)
        self.sound = sound
        self.source = source
        self.left_out = left_out


def validate(model: type[Model], root: Node, file: str, environ: Mapping[str, str]) -> tuple[Model, Source]:
    """The file's values, overridden by the environment, as a model; raises Unsound with every fault."""
    if not isinstance(root.value, dict):
        raise ConfigError([Fault(file, root.line, "", "must be keys with values")])
    # A section whose keys are all commented out reads as null: as good as not written.
    sections: dict[str, Value] = {name: value for name, value in root.value.items() if value is not None}
    raw, origins = override(sections, environ, model.model_fields)
    source = Source(file, root, origins)
    try:
        return model.model_validate(raw), source
    except ValidationError as error:
        left_out = {str(detail["loc"][0]) for detail in error.errors(include_url=False) if detail["loc"]}
        faults = _faults(error, source, SchemaTree.of(model))
        raise Unsound(faults, _sound(model, raw, left_out), source, left_out) from None


def _sound(model: type[Model], raw: Mapping[str, Value], left_out: set[str]) -> Model | None:
    try:
        return model.model_validate({name: value for name, value in raw.items() if name not in left_out})
    except ValidationError:
        return None


def _faults(error: ValidationError, source: Source, schema: SchemaTree) -> list[Fault]:
    messages: dict[Location, list[str]] = {}
    for detail in error.errors(include_url=False, include_context=True):
        location = source.written(detail["loc"])
        if detail["type"] == "missing":
            location = (*location, detail["loc"][-1])
        texts = messages.setdefault(location, [])
        text = _message(detail, location, schema)
        if text not in texts:
            texts.append(text)
    # A value that may be several things gets one complaint from each of them.
    return [source.fault(location, "; or ".join(texts)) for location, texts in messages.items()]


def _message(detail: ErrorDetails, location: Location, schema: SchemaTree) -> str:
    kind, given = detail["type"], detail["input"]
    if kind == "missing":
        return "missing"
    if kind == "extra_forbidden":
        return reworded(detail["msg"]) + _suggestion(location, schema)
    if kind == "string_type" and isinstance(given, int | float):
        return _QUOTE
    if given is None and kind.endswith("_type"):
        return "has no value: remove the key or write one"
    return reworded(detail["msg"])


def reworded(message: str) -> str:
    """pydantic's sentence as one about a key in a file."""
    if message == "Extra inputs are not permitted":
        return "unknown key"
    return message.removeprefix("Value error, ").replace("Input should be", "must be")


def _suggestion(location: Location, schema: SchemaTree) -> str:
    close = difflib.get_close_matches(str(location[-1]), schema.names(location[:-1]), n=1)
    return f"; did you mean {close[0]}?" if close else ""
