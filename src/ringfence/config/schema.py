"""The settings as JSON Schema, for editors."""

from __future__ import annotations

from ringfence.config.schema_tree import Schema, schema_of
from ringfence.config.settings import Settings


def json_schema() -> Schema:
    """JSON Schema (draft 2020-12) of a configuration file as it is written: durations are text."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **schema_of(Settings),
        "title": "ringfence configuration",
        "description": "Settings of the ringfence daemon.",
    }
