"""The state of one SIP process in plain values, fit for JSON: what crosses to the process that serves metrics."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, TypedDict

from ringfence import __version__
from ringfence.compiled import NATIVE, ROOMS
from ringfence.engine.counters import Counters
from ringfence.telemetry.looplag import LagState


class Table(TypedDict):
    """One bounded table or queue. size: entries now. limit: its bound. shed: entries turned away or dropped so far."""

    name: str
    size: int
    limit: int
    shed: int


class GatewayState(TypedDict):
    """One gateway. held: left alone for a while after a failed call; unresolved: its name has no address."""

    name: str
    group: str
    state: Literal["up", "held", "down", "unresolved"]


class WorkerState(TypedDict):
    """One worker of a daemon that has some.

    up: it serves calls. hangs: times that it did not answer and was killed. messages: handed to it; dropped: not handed
    to it, since `waiting_limit` bytes were waiting already; waiting: bytes that wait now.
    """

    number: int
    up: bool
    generation: int
    hangs: int
    messages: int
    dropped: int
    waiting: int
    waiting_limit: int


class Node(TypedDict):
    """What a snapshot says of the daemon, whoever serves its calls; see `Snapshot`."""

    node: str
    started: float
    draining: bool
    config_faults: int
    restarts: dict[str, int]


class Snapshot(TypedDict):
    """Everything that metrics are made of.

    compiled: what of the call path is, by part. started: Unix seconds. counters: `counted`. lookups: `Lookups.stats()`,
    resolver: `Resolver.stats()`, transports: `Transports.stats()`. rule_faults: exceptions by rule.
    faults: exceptions that the runner caught. config_faults: faults of the last reload, 0 when it was taken.
    restarts: of the processes beside this, by name.
    records: `Recorder.stats()`, empty without records. workers: empty where the daemon's own process serves the calls;
    else all other numbers are those of all workers together. mirror: `Source.stats()` and `Mirror.stats()`.
    clickhouse: `Feeders.stats()`, empty where nothing is fed.
    """

    node: str
    version: str
    compiled: dict[str, bool]
    started: float
    generation: int
    draining: bool
    counters: dict[str, Any]
    tables: list[Table]
    gateways: list[GatewayState]
    lookups: Mapping[str, Any]
    resolver: Mapping[str, int]
    transports: list[dict[str, Any]]
    loop_lag: LagState
    rule_faults: dict[str, int]
    faults: int
    config_faults: int
    restarts: dict[str, int]
    records: Mapping[str, Any]
    workers: list[WorkerState]
    mirror: Mapping[str, Any]
    clickhouse: Mapping[str, Any]


def counted(counters: Counters) -> dict[str, Any]:
    """The engine's counters with keys that JSON can have: verdicts and findings become rows.

    verdicts: [reason, action, trunk, count]; findings: [reason, mode, trunk, count].
    """
    plain: dict[str, Any] = {}
    for name in dir(counters):  # a compiled class has no __slots__ to ask
        value = getattr(counters, name)
        if isinstance(value, dict) or type(value) is int:
            plain[name] = dict(value) if isinstance(value, dict) else value
    plain["verdicts"] = [[*key, count] for key, count in counters.verdicts.items()]
    plain["findings"] = [[*key, count] for key, count in counters.findings.items()]
    plain["refused_locally"] = {str(status): count for status, count in counters.refused_locally.items()}
    return plain


def snapshot(
    *,
    node: str,
    started: float,
    generation: int,
    draining: bool,
    counters: Counters,
    tables: list[Table],
    gateways: list[GatewayState],
    lookups: Mapping[str, Any],
    transports: list[dict[str, Any]],
    loop_lag: LagState,
    rule_faults: Mapping[str, int],
    resolver: Mapping[str, int] | None = None,
    faults: int = 0,
    config_faults: int = 0,
    restarts: Mapping[str, int] | None = None,
    records: Mapping[str, Any] | None = None,
    mirror: Mapping[str, Any] | None = None,
    clickhouse: Mapping[str, Any] | None = None,
) -> Snapshot:
    """A snapshot that shares nothing with what goes on counting."""
    return Snapshot(
        node=node,
        version=__version__,
        compiled={"rooms": ROOMS, "twins": NATIVE},
        started=started,
        generation=generation,
        draining=draining,
        counters=counted(counters),
        tables=tables,
        gateways=gateways,
        lookups=lookups,
        transports=transports,
        loop_lag=loop_lag,
        rule_faults=dict(rule_faults),
        resolver=resolver or {},
        faults=faults,
        config_faults=config_faults,
        restarts=dict(restarts or {}),
        records=records or {},
        workers=[],
        mirror=mirror or {},
        clickhouse=dict(clickhouse or {}),
    )
