"""The walk over a JSON Schema that messages, settings pages and tests share."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from ringfence.config.faults import Location
from ringfence.settings_types import duration_text, seconds

Schema = dict[str, Any]

LIMITS = "x-limits"
"""Marks a duration's schema; its bounds in words, since JSON Schema cannot compare `500ms` with `3m`."""

DURATION_PATTERN = r"^\s*[0-9]+(\.[0-9]+)?(ms|s|m|h|d)\s*$"

ANY_NAME = "*"
"""Stands in a pattern for a name that the operator chooses: `gateways.*.probe`."""


BOUNDS = {
    "minimum": "at least", "exclusiveMinimum": "more than", "maximum": "at most", "exclusiveMaximum": "less than",
}  # fmt: skip


class _AsWritten(GenerateJsonSchema):
    """pydantic's schema of what is read, with durations and their defaults and bounds spelled as a file spells them."""

    def function_before_schema(self, schema: core_schema.BeforeValidatorFunctionSchema) -> JsonSchemaValue:
        if schema["function"]["function"] is not seconds:
            return super().function_before_schema(schema)
        bounds = self.generate_inner(schema["schema"])
        limits = [f"{text} {duration_text(bounds[word])}" for word, text in BOUNDS.items() if bounds.get(word)]
        return {"type": "string", "pattern": DURATION_PATTERN, LIMITS: limits}

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        result = super().default_schema(schema)
        if LIMITS in result and isinstance(result.get("default"), float):
            result["default"] = duration_text(result["default"])
        return result


def schema_of(model: type[BaseModel]) -> Schema:
    """JSON Schema of a model as it is written in a file."""
    return model.model_json_schema(mode="validation", schema_generator=_AsWritten)


class Key:
    """One setting.

    pattern: `trunks[].name`, names that the operator chooses as `*`.
    parts: the schemas that describe its value (several: either of them), references resolved.
    """

    __slots__ = ("description", "has_default", "parts", "pattern", "required", "schema")

    def __init__(self, pattern: str, schema: Schema, parts: list[Schema], required: bool, description: str) -> None:
        self.pattern = pattern
        self.schema = schema
        self.parts = parts
        self.required = required
        self.description = description
        self.has_default = "default" in schema

    @property
    def default(self) -> Any:
        """The value that stands when the key is not written; None also when there is no default."""
        return self.schema.get("default")


class SchemaTree:
    """A JSON Schema made by pydantic, walked by location."""

    def __init__(self, root: Schema) -> None:
        self._root = root
        self._definitions: dict[str, Schema] = root.get("$defs", {})

    @classmethod
    def of(cls, model: type[BaseModel]) -> SchemaTree:
        """The tree of a model, read as a file is."""
        return cls(schema_of(model))

    def parts(self, schema: Schema) -> list[Schema]:
        """A schema without `$ref` and alternatives: the list of what a value may be."""
        if "$ref" in schema:
            return self.parts(self._definitions[schema["$ref"].rpartition("/")[2]])
        for word in ("anyOf", "oneOf", "allOf"):
            if word in schema:
                return [part for choice in schema[word] for part in self.parts(choice)]
        return [schema]

    def names(self, location: Location) -> list[str]:
        """The keys that may be written under a location; empty where there are none or any may be."""
        return [name for part in self._at(location) for name in part.get("properties", {})]

    def pattern(self, location: Location) -> str | None:
        """The pattern of an actual location, None when the schema has no such key."""
        parts, text = self.parts(self._root), ""
        for part in location:
            step, parts = self._step(parts, part)
            if not parts:
                return None
            text = _joined(text, step)
        return text

    def _at(self, location: Location) -> list[Schema]:
        parts = self.parts(self._root)
        for part in location:
            _, parts = self._step(parts, part)
        return parts

    def _step(self, parts: list[Schema], name: str | int) -> tuple[str, list[Schema]]:
        for part in parts:
            if isinstance(name, int):
                if isinstance(part.get("items"), dict):
                    return "[]", self.parts(part["items"])
            elif name in part.get("properties", {}):
                return name, self.parts(part["properties"][name])
        for part in parts:
            if isinstance(name, str) and (below := self._named_values(part)):
                return ANY_NAME, below
        return "", []

    def _named_values(self, part: Schema) -> list[Schema]:
        """What stands under names that the operator chooses; empty where none may be chosen."""
        values = [*part.get("patternProperties", {}).values(), part.get("additionalProperties")]
        return [below for value in values if isinstance(value, dict) for below in self.parts(value)]

    def every_key(self) -> Iterator[Key]:
        """Every key, parents before children, in the models' order."""
        yield from self._keys(self.parts(self._root), "", frozenset())

    def _keys(self, parts: list[Schema], prefix: str, seen: frozenset[str]) -> Iterator[Key]:
        for part in parts:
            for name, schema in part.get("properties", {}).items():
                pattern = _joined(prefix, name)
                if pattern in seen:
                    continue  # alternatives that share a key describe it once
                seen |= {pattern}
                yield from self._key(pattern, schema, name in part.get("required", ()))
            if isinstance(part.get("items"), dict):
                yield from self._keys(self.parts(part["items"]), prefix + "[]", frozenset())
            yield from self._keys(self._named_values(part), _joined(prefix, ANY_NAME), frozenset())

    def _key(self, pattern: str, schema: Schema, required: bool) -> Iterator[Key]:
        parts = self.parts(schema)
        description = schema.get("description") or next((p["description"] for p in parts if "description" in p), "")
        yield Key(pattern, schema, parts, required, description)
        yield from self._keys(parts, pattern, frozenset())


def _joined(prefix: str, step: str) -> str:
    if step == "[]" or not prefix:
        return prefix + step
    return f"{prefix}.{step}"
