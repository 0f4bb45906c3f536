"""The tables in ClickHouse, and records as their rows.

`records` has every record once, a call's beside each other; `numbers` has a row for each number of a decision, by which
it is found. Both forget rows that come twice (ReplacingMergeTree) when their parts are merged; who reads before that
says FINAL or LIMIT 1 BY. A record's time is in the key: sequence numbers begin anew with a new folder of records.
"""

from __future__ import annotations

from typing import Any

from ringfence.clickhouse.sealing import Sealer
from ringfence.records.schema import DECISION, END, OUTCOME, decode

KINDS = {DECISION: "decision", OUTCOME: "outcome", END: "end"}
SHOWN_AHEAD, SHOWN_BEHIND = 4, 3  # digits of a masked number
LONGEST_SHOWN = 7  # a number of so many digits or fewer is a service's, nobody's own

_RECORDS = """\
CREATE TABLE IF NOT EXISTS {database}.records
(
    node LowCardinality(String),
    worker UInt16,
    call UInt64 COMMENT 'sequence of its decision; 0: begun before a restart, the Call-ID joins them',
    kind Enum8('decision' = 1, 'outcome' = 2, 'end' = 3),
    sequence UInt64,
    at DateTime64(6, 'UTC'),
    call_id UInt64 COMMENT 'keyed digest',
    trunk LowCardinality(String),
    holder LowCardinality(String),
    trunk_kind LowCardinality(String),
    transport LowCardinality(String),
    source String,
    shown UInt64 COMMENT 'keyed digest; so are caller and callee',
    shown_masked String,
    shown_class LowCardinality(String),
    shown_region LowCardinality(String),
    caller UInt64,
    caller_masked String,
    caller_class LowCardinality(String),
    caller_region LowCardinality(String),
    callee UInt64,
    callee_masked String,
    callee_class LowCardinality(String),
    callee_region LowCardinality(String),
    generation UInt32,
    action LowCardinality(String),
    reason LowCardinality(String),
    points Float32,
    unknown Array(LowCardinality(String)),
    status UInt16,
    gateway LowCardinality(String),
    gateway_address LowCardinality(String),
    ring_ms Int32 DEFAULT -1,
    final_ms Int32 DEFAULT -1,
    talk_ms Int64 DEFAULT -1,
    released LowCardinality(String),
    sealed String COMMENT 'the whole record, encrypted' CODEC(NONE),
    INDEX call_ids call_id TYPE bloom_filter GRANULARITY 4
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(at)
ORDER BY (node, worker, call, kind, sequence, at)
TTL toDateTime(at) + toIntervalSecond({keep})"""

_NUMBERS = """\
CREATE TABLE IF NOT EXISTS {database}.numbers
(
    number UInt64,
    role Enum8('shown' = 1, 'caller' = 2, 'callee' = 3),
    at DateTime64(6, 'UTC'),
    node LowCardinality(String),
    worker UInt16,
    call UInt64
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(at)
ORDER BY (number, at, role, node, worker, call)
TTL toDateTime(at) + toIntervalSecond({keep})"""

_FILLER = """\
CREATE MATERIALIZED VIEW IF NOT EXISTS {database}.numbers_of_records TO {database}.numbers AS
SELECT tupleElement(pair, 1) AS number, tupleElement(pair, 2) AS role, at, node, worker, call
FROM {database}.records
ARRAY JOIN [(if(shown = caller, 0, shown), 'shown'), (caller, 'caller'), (callee, 'callee')] AS pair
WHERE kind = 'decision' AND tupleElement(pair, 1) != 0"""


def ddl(database: str, keep: float) -> list[str]:
    """The statements that make everything, in their order. keep: seconds that records stay."""
    texts = ("CREATE DATABASE IF NOT EXISTS {database}", _RECORDS, _NUMBERS, _FILLER)
    return [text.format(database=database, keep=round(keep)) for text in texts]


def tie(node: str, worker: int, sequence: int) -> bytes:
    """What a sealed record is tied to: it opens in its own row only."""
    return f"{node}\n{worker}\n{sequence}".encode()


def row_of(node: str, worker: int, sequence: int, body: bytes, sealer: Sealer) -> dict[str, Any] | None:
    """A record as a row for JSONEachRow; None for a note, which is about no call."""
    fields = decode(body)
    kind = KINDS.get(fields["kind"])
    if kind is None:
        return None
    row: dict[str, Any] = {
        "node": node,
        "worker": worker,
        "call": sequence if kind == "decision" else int(fields["decision"]),
        "kind": kind,
        "sequence": sequence,
        "at": decimal(int(fields["at"])),
        "call_id": sealer.digest(fields["call_id"]),
        "sealed": sealer.seal(body, tie(node, worker, sequence)),
    }
    if kind == "decision":
        row |= _decision(fields, sealer)
    else:
        row["released"] = fields["released"]
        if kind == "outcome":
            row |= {name: int(fields[name]) for name in ("status", "ring_ms", "final_ms")}
            row |= {name: _plain(fields[name]) for name in ("gateway", "gateway_address")}
        else:
            row |= {"talk_ms": int(fields["talk_ms"]), "trunk": _plain(fields["trunk"])}
    return row


def _decision(fields: dict[str, str], sealer: Sealer) -> dict[str, Any]:
    row: dict[str, Any] = {
        name: _plain(fields[name])
        for name in (
            "trunk", "holder", "trunk_kind", "transport", "source", "action", "reason", "gateway", "gateway_address",
        )
    }  # fmt: skip
    for name in ("shown", "caller", "callee"):
        number = fields[name]
        row |= {name: sealer.digest(number), f"{name}_masked": masked(number)}
        row |= {f"{name}_{part}": _plain(fields[f"{name}_{part}"]) for part in ("class", "region")}
    row |= {"generation": int(fields["generation"]), "status": int(fields["status"])}
    row |= {"points": float(fields["points"]), "unknown": fields["unknown"].split(",") if fields["unknown"] else []}
    return row


def decimal(microseconds: int) -> str:
    """A time as DateTime64(6) takes it."""
    return f"{microseconds // 1_000_000}.{microseconds % 1_000_000:06d}"


def masked(number: str) -> str:
    """A normalised number without the digits in its middle."""
    digits = number.removeprefix("+")
    if len(digits) <= LONGEST_SHOWN:
        return number
    hidden = len(digits) - SHOWN_AHEAD - SHOWN_BEHIND
    return number[: len(number) - len(digits) + SHOWN_AHEAD] + "*" * hidden + digits[-SHOWN_BEHIND:]


def _plain(text: str) -> str:
    """Bytes that are no UTF-8 as escapes: JSON has none."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
