"""The settings pages of docs/: written from the models, so that they cannot tell another story.

python -m ringfence.config.document docs/settings docs/numbering docs/calendar
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from ringfence.config.calendar_file import calendar_schema
from ringfence.config.plan_file import plan_schema
from ringfence.config.reload import needs_restart
from ringfence.config.schema import json_schema
from ringfence.config.schema_tree import BOUNDS, LIMITS, Key, Schema, SchemaTree

_NOTE = "<!-- Written by `make docs` from the settings' models; edit those. -->\n\n"
_INTRODUCTION = """\
# Settings

One page a root key of the configuration file. `ringfence check FILE` names every fault with its line;
`ringfence schema` prints the same as JSON Schema, for editors.

- Durations are written with their unit: `500ms`, `32s`, `3m`, `12h`, `30d`.
- File names are relative to the folder of the configuration file.
- The file is YAML 1.2: `no` and `13:30` are text, a number with a leading zero or plus is text. Quote telephone
  numbers all the same; unquoted digits are refused where text is wanted.
- A scalar can be overridden from the environment: `RINGFENCE_REDIS__URL=redis://store:6379/0` sets `redis.url`.
  `__` stands between keys; items of lists cannot be named.
- "Reload" keys change while ringfence runs, when a file changes or on SIGHUP, all or nothing: with a fault anywhere
  everything stays as it was. A file that changes a "restart" key is refused until ringfence is started anew.

| key | meaning | change takes |
|---|---|---|
"""

_PLAN = """\
# Numbering plan files

Every key of a file such as `config/numbering/cn.yaml`, which `numbering.plan_file` names. What the keys are for is told
in [numbering.md](../numbering.md); `ringfence numbering check FILE` names every fault with its line, and
[plan.schema.json](plan.schema.json), printed by `ringfence numbering schema`, is for editors.

"""

_CALENDAR = """\
# Calendar files

Every key of a file such as `config/calendar/cn.yaml`, which `calendars.files` names. What the keys are for is told in
[calling-hours.md](../calling-hours.md); `ringfence calendar check FILE` names every fault with its line, and
[calendar.schema.json](calendar.schema.json), printed by `ringfence calendar schema`, is for editors.

"""

_LENGTHS = {"minItems": "at least", "maxItems": "at most"}


def pages(schema: Schema) -> dict[str, str]:
    """File name to text: `README.md` and a page for each root key."""
    tree = SchemaTree(schema)
    parts: dict[str, list[Key]] = {}
    for key in tree.every_key():
        parts.setdefault(_root(key), []).append(key)
    rows = [
        f"| [`{name}`]({name}.md) | {_line(keys[0].description)} | {_takes(name)} |" for name, keys in parts.items()
    ]
    result = {"README.md": _NOTE + _INTRODUCTION + "\n".join(rows) + "\n"}
    for name, keys in parts.items():
        result[f"{name}.md"] = _NOTE + f"# {name}\n\n" + "\n".join(_section(key) for key in keys)
    return result


def plan_pages() -> dict[str, str]:
    """File name to text: the keys of a numbering plan for people, and their JSON Schema."""
    return _file_pages("plan", _PLAN, plan_schema())


def calendar_pages() -> dict[str, str]:
    """File name to text: the keys of a calendar for people, and their JSON Schema."""
    return _file_pages("calendar", _CALENDAR, calendar_schema())


def _file_pages(name: str, introduction: str, schema: Schema) -> dict[str, str]:
    keys = "\n".join(_section(key) for key in SchemaTree(schema).every_key())
    return {
        f"{name}.md": _NOTE + introduction + keys,
        f"{name}.schema.json": json.dumps(schema, indent=2, ensure_ascii=False) + "\n",
    }


def _root(key: Key) -> str:
    return key.pattern.partition(".")[0].partition("[")[0]


def _takes(pattern: str) -> str:
    return "restart" if needs_restart(pattern) else "reload"


def _section(key: Key) -> str:
    facts = [f"- Value: {' or '.join(_kinds(key.parts))}"]
    limits = [limit for part in key.parts for limit in _limits(part)]
    if limits:
        facts.append(f"- Limits: {', '.join(limits)}")
    facts.append(f"- Default: {_default(key)}")
    facts.append(f"- A change takes: {_takes(key.pattern)}")
    said = [_sentence(text) for text in dict.fromkeys([key.description, *_purposes(key)]) if text]
    # A model's own words often go on where its key's stop.
    meaning = [one for one in said if not any(other != one and other.startswith(one[:-1]) for other in said)]
    return f"## `{key.pattern}`\n\n{' '.join(meaning)}\n\n" + "\n".join(facts) + "\n"


def _purposes(key: Key) -> list[str]:
    """What the models of a key's values say of themselves."""
    return [part["description"] for part in key.parts if "properties" in part and "description" in part]


def _line(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _sentence(text: str) -> str:
    text = " ".join(text.split())
    first = text.partition(" ")[0]
    if first.islower() and first.isalpha():  # `off: not asked` and `host:port` stay as they are
        text = text[:1].upper() + text[1:]
    return text + ("" if text.endswith(".") else ".") if text else ""


def _default(key: Key) -> str:
    if key.required:
        return "none, must be written"
    if not key.has_default:
        return "that of the keys below" if any("properties" in part for part in key.parts) else "empty"
    return _literal(key.default)


def _literal(value: Any) -> str:
    if value is None:
        return "not set"
    if value in ([], {}, ""):
        return "empty"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, float):
        return f"`{value:g}`"
    if isinstance(value, list | dict):
        return f"`{json.dumps(value, ensure_ascii=False)}`"
    return f"`{value}`"


def _kinds(parts: list[Schema]) -> list[str]:
    kinds: list[str] = []
    for part in parts:
        kind = _kind(part)
        if kind and kind not in kinds:
            kinds.append(kind)
    return kinds


def _kind(part: Schema) -> str:
    if "enum" in part or "const" in part:
        return " or ".join(_literal(value) for value in part.get("enum", [part.get("const")]))
    match part.get("type"):
        case "string" if LIMITS in part:
            return "duration"
        case "string":
            return "file name" if part.get("format") == "path" else "text"
        case "integer":
            return "whole number"
        case "number":
            return "number"
        case "boolean":
            return "`true` or `false`"
        case "array":
            return "list"
        case "object":
            return "names of your choice, with a value each" if "properties" not in part else "keys, below"
        case _:
            return ""  # null: said by the default


def _limits(part: Schema) -> list[str]:
    if LIMITS in part:
        return list(part[LIMITS])
    limits = [f"{text} {part[word]:g}" for word, text in BOUNDS.items() if word in part]
    limits += [f"{text} {_items(part[word])}" for word, text in _LENGTHS.items() if word in part]
    if "pattern" in part:
        limits.append(f"matches `{part['pattern']}`")
    return limits


def _items(count: int) -> str:
    return "1 item" if count == 1 else f"{count} items"


def main(settings: Path, plans: Path, calendars: Path) -> None:
    """Write the pages of the settings, of plan and calendar files, and remove those of keys that are gone."""
    for folder, written in (
        (settings, pages(json_schema())),
        (plans, plan_pages()),
        (calendars, calendar_pages()),
    ):
        folder.mkdir(parents=True, exist_ok=True)
        for old in folder.glob("*.md"):
            if old.name not in written:
                old.unlink()
        for name, text in written.items():
            (folder / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:4]))
