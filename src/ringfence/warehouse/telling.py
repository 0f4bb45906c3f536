"""A call's story in plain values, for people and programs."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import orjson

from ringfence.warehouse.library import Fields, Story
from ringfence.warehouse.numbers import masked


def told(story: Story, in_full: bool) -> dict[str, Any]:
    """Everything that is on record about a call. in_full: with whole numbers."""
    decision, outcome, end = story.decision, story.outcome, story.end
    show = clean if in_full else hidden
    return {
        "record": story.sequence,
        "at": moment(decision["at"]),
        "call_id": clean(decision["call_id"]),
        "in": {
            "trunk": decision["trunk"],
            "holder": decision["holder"],
            "kind": decision["trunk_kind"],
            "connected_by": clean(decision["connected_by"]),
            "source": decision["source"],
            "transport": decision["transport"],
        },
        "shown": {**_number(decision, "shown", show), "from": show(decision["from"])},
        "asserted": [show(value) for value in _values(decision["asserted"])],
        "preferred": [show(value) for value in _values(decision["preferred"])],
        "diversion": [show(value) for value in _values(decision["diversion"])],
        "privacy": decision["privacy"],
        "identity": decision["identity"],
        "caller": _number(decision, "caller", show),
        "callee": _number(decision, "callee", show),
        "request_uri": show(decision["request_uri"]),
        "to": show(decision["to"]),
        "verdict": {
            "generation": int(decision["generation"]),
            "action": decision["action"],
            "reason": decision["reason"],
            "points": float(decision["points"]),
            "findings": findings(decision),
            "unknown": decision["unknown"].split(",") if decision["unknown"] else [],
            "facts": facts(decision),
            "answered": int(decision["status"]) or None,
        },
        "out": _out(decision, outcome),
        "course": _course(outcome, end),
    }


def _number(decision: Fields, name: str, show: Callable[[str], str]) -> dict[str, str]:
    return {
        "number": show(decision[name]),
        "class": decision[f"{name}_class"],
        "region": decision[f"{name}_region"],
    }


def listed(sequence: int, decision: Fields, in_full: bool) -> dict[str, Any]:
    """A decision in one row."""
    show = clean if in_full else hidden
    return {
        "record": sequence,
        "at": moment(decision["at"]),
        "trunk": decision["trunk"],
        "caller": show(decision["caller"]),
        "callee": show(decision["callee"]),
        "action": decision["action"],
        "reason": decision["reason"],
        "status": int(decision["status"]),
    }


def _out(decision: Fields, outcome: Fields | None) -> dict[str, Any] | None:
    if not decision["gateway_address"]:
        return None
    last = decision if outcome is None or not outcome["gateway_address"] else outcome
    tried = _values(outcome["tried"]) if outcome is not None else []
    return {
        "gateway": last["gateway"],
        "address": last["gateway_address"],
        "tried": tried or [decision["gateway"]],
    }


def _course(outcome: Fields | None, end: Fields | None) -> dict[str, Any] | None:
    if outcome is None and end is None:
        return None
    course: dict[str, Any] = {}
    if outcome is not None:
        course |= {"status": int(outcome["status"]), "final_at": moment(outcome["at"])}
        course |= {"ring_seconds": _seconds(outcome["ring_ms"]), "wait_seconds": _seconds(outcome["final_ms"])}
        course["released"] = outcome["released"]
    if end is not None:
        course |= {"ended_at": moment(end["at"]), "talk_seconds": _seconds(end["talk_ms"])}
        course |= {"released": end["released"], "cause": _values(end["cause"])}
    return course


def findings(decision: Fields) -> list[dict[str, Any]]:
    """Each finding of a decision."""
    names = ("reason", "mode", "strength", "points", "detail")
    rows: list[list[Any]] = orjson.loads(decision["findings"] or "[]")
    return [dict(zip(names, row, strict=False)) for row in rows]


def facts(decision: Fields) -> dict[str, Any]:
    """Each fact by its name: a list of its values, or a text why it did not come."""
    parts = (value.partition("=") for value in _values(decision["facts"]))
    return {name: orjson.loads(value) for name, _, value in parts}


def moment(microseconds: str) -> str:
    """Local time with its offset, to the millisecond."""
    at = datetime.fromtimestamp(int(microseconds) / 1e6, UTC).astimezone()
    return at.isoformat(timespec="milliseconds")


def _seconds(milliseconds: str) -> float | None:
    value = int(milliseconds)
    return None if value < 0 else value / 1000


def _values(text: str) -> list[str]:
    return text.split("\r") if text else []


def clean(text: str) -> str:
    """Bytes that are no UTF-8 as escapes; nothing that a terminal would obey."""
    if text.isprintable():
        return text
    readable = text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return "".join(character if character.isprintable() else f"\\x{ord(character):02x}" for character in readable)


def hidden(text: str) -> str:
    """The same with its numbers masked."""
    return masked(clean(text))
