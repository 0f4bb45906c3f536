"""The snapshots of all workers as one: what they counted together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from ringfence import __version__
from ringfence.compiled import NATIVE, ROOMS
from ringfence.telemetry.histogram import Distribution
from ringfence.telemetry.names import (
    BREAKER_STATES,
    GATEWAY_STATES,
    LOOKUP_NUMBERS,
    MIRROR_NUMBERS,
    RECORD_NUMBERS,
    RESOLVER_NUMBERS,
    ROAMING_NUMBERS,
    TRANSPORT_NUMBERS,
)
from ringfence.telemetry.snapshot import GatewayState, Node, Snapshot, Table, WorkerState

Numbers = Mapping[str, Any]

_LEAST = {"connected", "index_believed", "free_bytes"}
_MOST = {
    "servers", "index_pairs", "index_built", "sync_longest_seconds", "last_sealed", "failing", "receive_buffer_bytes",
    "connections_limit",
}  # fmt: skip
"""Gauges of which the smallest, or the largest, speaks for all; the others add up."""
_BREAKER_WORSE = ("closed", "half_open", "open")
_GATEWAY_WORSE = ("up", "held", "unresolved", "down")
assert set(_BREAKER_WORSE) == set(BREAKER_STATES) and set(_GATEWAY_WORSE) == set(GATEWAY_STATES)


def merged(
    live: Sequence[Snapshot],
    gone: Sequence[Snapshot],
    node: Node,
    workers: list[WorkerState],
    front: Sequence[dict[str, Any]] = (),
) -> Snapshot:
    """One snapshot of a daemon.

    live: of its workers. gone: of former ones, whose counters stay in the sums: a counter that went down would look
    like a restart of everything. front: as `Transports.stats`, what the front saw of each listener.
    """
    every = [*live, *gone]
    return Snapshot(
        **node,
        version=__version__,
        compiled={"rooms": ROOMS, "twins": NATIVE},
        generation=min((one["generation"] for one in live), default=0),
        counters=_counters([one["counters"] for one in every]),
        tables=_tables(live, gone),
        gateways=_gateways(live),
        lookups=_lookups([one["lookups"] for one in live], [one["lookups"] for one in gone]),
        resolver=_numbers(RESOLVER_NUMBERS, [one["resolver"] for one in live], [one["resolver"] for one in gone]),
        transports=_transports([*(one["transports"] for one in live), front], [one["transports"] for one in gone]),
        loop_lag={
            "distribution": _distribution([one["loop_lag"]["distribution"] for one in every]),
            "longest": max((one["loop_lag"]["longest"] for one in live), default=0.0),
        },
        rule_faults=_added(one["rule_faults"] for one in every),
        faults=sum(one["faults"] for one in every),
        records=_numbers(RECORD_NUMBERS, [one["records"] for one in live], [one["records"] for one in gone]),
        workers=workers,
        mirror=_numbers(MIRROR_NUMBERS, [one["mirror"] for one in live], [one["mirror"] for one in gone]),
        clickhouse={},
    )


def _added(counts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    total: Counter[str] = Counter()
    for each in counts:
        total.update(each)
    return dict(total)


def _numbers(
    kinds: Mapping[str, tuple[str, str, str]], live: Sequence[Numbers], gone: Sequence[Numbers]
) -> dict[str, Any]:
    """Numbers that metrics are made of: counters of all, gauges of the living."""
    told: dict[str, Any] = {}
    for key, (kind, _, _) in kinds.items():
        values = [numbers[key] for numbers in (live if kind == "gauge" else [*live, *gone]) if key in numbers]
        if values:
            fold: Callable[[list[Any]], Any] = min if key in _LEAST else max if key in _MOST else sum
            told[key] = fold(values)
    return told


def _counters(every: Sequence[Numbers]) -> dict[str, Any]:
    """As `snapshot.counted` gives them: plain numbers, counts by name, and rows that end with their count."""
    told: dict[str, Any] = {}
    for name in dict.fromkeys(name for counters in every for name in counters):
        values = [counters[name] for counters in every if name in counters]
        if isinstance(values[0], list):
            rows: Counter[tuple[str, ...]] = Counter()
            for *key, count in (row for value in values for row in value):
                rows[tuple(key)] += count
            told[name] = [[*key, count] for key, count in rows.items()]
        else:
            told[name] = _added(values) if isinstance(values[0], dict) else sum(values)
    return told


def _tables(live: Sequence[Snapshot], gone: Sequence[Snapshot]) -> list[Table]:
    tables: dict[str, Table] = {}
    for snapshots, present in ((live, 1), (gone, 0)):
        for table in (table for one in snapshots for table in one["tables"]):
            told = tables.setdefault(table["name"], Table(name=table["name"], size=0, limit=0, shed=0))
            told["size"] += table["size"] * present
            told["limit"] += table["limit"] * present
            told["shed"] += table["shed"]
    return list(tables.values())


def _gateways(live: Sequence[Snapshot]) -> list[GatewayState]:
    """A gateway's state where it looks worst: each worker finds out for itself."""
    states: dict[tuple[str, str], GatewayState] = {}
    for row in (row for one in live for row in one["gateways"]):
        told = states.setdefault((row["group"], row["name"]), row)
        if _GATEWAY_WORSE.index(row["state"]) > _GATEWAY_WORSE.index(told["state"]):
            states[row["group"], row["name"]] = row
    return list(states.values())


def _asked(
    kinds: Mapping[str, tuple[str, str, str]], live: Sequence[Numbers], gone: Sequence[Numbers]
) -> dict[str, Any]:
    """Numbers with a breaker's state and with reasons why facts did not come."""
    told = _numbers(kinds, live, gone)
    if live:
        told["breaker"] = max((numbers["breaker"] for numbers in live), key=_BREAKER_WORSE.index)
    told["unknown"] = _added(numbers["unknown"] for numbers in [*live, *gone] if "unknown" in numbers)
    return told


def _lookups(live: Sequence[Numbers], gone: Sequence[Numbers]) -> dict[str, Any]:
    told = _asked(LOOKUP_NUMBERS, live, gone)
    told["latency"] = _distribution([numbers["latency"] for numbers in [*live, *gone]])
    roaming = [[numbers["roaming"] for numbers in part if "roaming" in numbers] for part in (live, gone)]
    if any(roaming):
        told["roaming"] = _asked(ROAMING_NUMBERS, *roaming)
    return told


def _distribution(every: Sequence[Distribution]) -> Distribution:
    """Of equal bounds."""
    if not every:
        return {"bounds": [], "counts": [0], "sum": 0.0}
    return {
        "bounds": every[0]["bounds"],
        "counts": [sum(counts) for counts in zip(*(each["counts"] for each in every), strict=True)],
        "sum": sum(each["sum"] for each in every),
    }


def _transports(
    live: Sequence[Sequence[dict[str, Any]]], gone: Sequence[Sequence[dict[str, Any]]]
) -> list[dict[str, Any]]:
    listeners: dict[str, tuple[list[Numbers], list[Numbers]]] = {}
    names: dict[str, str] = {}
    for place, parts in enumerate((live, gone)):
        for row in (row for part in parts for row in part):
            listeners.setdefault(row["listener"], ([], []))[place].append(row)
            names[row["listener"]] = row["transport"]
    return [
        {"listener": name, "transport": names[name], **_numbers(TRANSPORT_NUMBERS, *rows)}
        for name, rows in listeners.items()
    ]
