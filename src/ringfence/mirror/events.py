"""A record as the JSON that a collector shows beside a call's messages.

It names no telephone number: the messages of the same call are there, and who may see those sees them.
"""

from __future__ import annotations

from typing import Any

import orjson

from ringfence.records.schema import DECISION, END, OUTCOME

_KINDS = {DECISION: "decision", OUTCOME: "outcome", END: "end"}
_TEXTS = {
    DECISION: ("trunk", "holder", "transport", "action", "reason", "gateway"),
    OUTCOME: ("released", "gateway"),
    END: ("released", "trunk"),
}
_NUMBERS = {
    DECISION: ("generation", "status"),
    OUTCOME: ("decision", "status", "ring_ms", "final_ms"),
    END: ("decision", "talk_ms"),
}


def event_of(sequence: int, fields: dict[str, str], node: str) -> bytes | None:
    """A decoded record as JSON; None for one that is about no call."""
    kind = fields["kind"]
    if kind not in _KINDS:
        return None
    event: dict[str, Any] = {
        "event": _KINDS[kind],
        "node": node,
        "record": sequence,
        "call_id": _plain(fields["call_id"]),
    }
    event |= {name: _plain(fields[name]) for name in _TEXTS[kind]}
    event |= {name: int(fields[name]) for name in _NUMBERS[kind]}
    if kind == DECISION:
        names = ("reason", "mode", "strength", "points")  # a finding's detail may name a number
        rows: list[list[Any]] = orjson.loads(fields["findings"] or "[]")
        event["points"] = float(fields["points"])
        event["findings"] = [dict(zip(names, row, strict=False)) for row in rows]
        event["unknown"] = fields["unknown"].split(",") if fields["unknown"] else []
    elif kind == END:
        event["cause"] = [_plain(cause) for cause in fields["cause"].split("\r") if cause]
    return orjson.dumps(event)


def _plain(text: str) -> str:
    """Bytes that are no UTF-8 as escapes."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
