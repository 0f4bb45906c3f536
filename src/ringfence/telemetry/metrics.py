"""A snapshot in, Prometheus text out.

Imported by the HTTP process alone; the SIP process counts in plain numbers (a scrape takes it microseconds).
Labels are methods, classes, rules, actions, trunks, gateways, listeners and tables, never callers.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import accumulate
from typing import Any, NamedTuple

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from ringfence.telemetry.histogram import Distribution
from ringfence.telemetry.names import (
    BREAKER_STATES,
    CLICKHOUSE_NUMBERS,
    ENGINE_BY_LABEL,
    ENGINE_NUMBERS,
    GATEWAY_STATES,
    LOOKUP_NUMBERS,
    MIRROR_NUMBERS,
    RECORD_NUMBERS,
    RESOLVER_NUMBERS,
    ROAMING_NUMBERS,
    TRANSPORT_NUMBERS,
    WORKER_NUMBERS,
)
from ringfence.telemetry.snapshot import Snapshot, WorkerState

CONTENT_TYPE = CONTENT_TYPE_LATEST


class Limits(NamedTuple):
    """What the HTTP process itself counts of the registry's clients."""

    keys: int  # tokens and addresses that are remembered
    bound: int
    refused: int
    lists: int  # uploaded ones that are received, wait or are imported
    lists_bound: int


class TraceFigures(NamedTuple):
    """What the HTTP process itself knows of tracing. requests: those not closed, by direction and state.

    heard, sent: messages of peers and to peers by what became of them. searches: at work or waiting, their bound, and
    how many took too long.
    """

    requests: Mapping[tuple[str, str], int]
    heard: Mapping[str, int]
    sent: Mapping[str, int]
    searches: int
    searches_limit: int
    searches_ended: int


def render(snapshot: Snapshot | None, limits: Limits | None = None, trace: TraceFigures | None = None) -> bytes:
    """Prometheus text of a snapshot; None (the SIP process does not answer) gives `ringfence_up 0`.

    limits: the registry's clients, where the HTTP process serves the registry; trace: likewise of tracing.
    """
    registry = CollectorRegistry(auto_describe=False)
    registry.register(SnapshotCollector(snapshot, limits, trace))
    return generate_latest(registry)


class SnapshotCollector(Collector):
    """One snapshot as metric families."""

    def __init__(self, snapshot: Snapshot | None, limits: Limits | None, trace: TraceFigures | None) -> None:
        self._snapshot = snapshot
        self._limits = limits
        self._trace = trace

    def collect(self) -> Iterator[Metric]:
        """All families."""
        taken = self._snapshot
        yield _gauge("up", "1 if the SIP process answered.", float(taken is not None))
        if taken is not None:
            yield from _process(taken)
            yield from _engine(taken["counters"])
            yield from _tables(taken)
            yield from _gateways(taken)
            yield from _lookups(taken["lookups"])
            yield from _numbers(RESOLVER_NUMBERS, taken["resolver"])
            yield from _numbers(RECORD_NUMBERS, taken["records"])
            yield from _numbers(MIRROR_NUMBERS, taken["mirror"])
            yield from _numbers(CLICKHOUSE_NUMBERS, taken["clickhouse"])
            yield from _transports(taken["transports"])
            yield from _workers(taken["workers"])
        if self._limits is not None:
            yield from _limits(self._limits)
        if self._trace is not None:
            yield from _tracing(self._trace)


def _tracing(trace: TraceFigures) -> Iterator[Metric]:
    rows = [([direction, state], float(count)) for (direction, state), count in sorted(trace.requests.items())]
    text = "Trace requests not closed yet; direction out: we ask; state overdue: an answer is owed since a while."
    yield _labelled("gauge", "trace_requests", text, ["direction", "state"], rows)
    for name, counts, text in (
        ("trace_messages_received", trace.heard, "Messages that came to the inbox for peers, by what became of them."),
        ("trace_messages_sent", trace.sent, "Tries to send a message to a peer, by what became of it."),
    ):
        yield _labelled("counter", name, text, ["result"], [([key], float(n)) for key, n in sorted(counts.items())])
    yield _gauge("trace_searches", "Searches of the records for HTTP, at work or waiting.", trace.searches)
    yield _gauge("trace_searches_limit", "Bound of those.", trace.searches_limit)
    text = "Searches that took longer than trace.look.deadline."
    yield CounterMetricFamily("ringfence_trace_searches_ended", text, value=trace.searches_ended)


def _limits(limits: Limits) -> Iterator[Metric]:
    clients = "Tokens and addresses whose rate is remembered; the longest unused one is forgotten."
    yield _gauge("registry_clients", clients, limits.keys)
    yield _gauge("registry_clients_limit", "Bound of those remembered.", limits.bound)
    lists = "Lists sent over HTTP that are received, wait or are imported."
    yield _gauge("registry_uploads", lists, limits.lists)
    yield _gauge("registry_uploads_limit", "Bound of these.", limits.lists_bound)
    refused = "Requests to the registry that were too many (429)."
    yield CounterMetricFamily("ringfence_registry_refused_requests", refused, value=limits.refused)


def _gauge(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(f"ringfence_{name}", text, value=value)


def _labelled(kind: str, name: str, text: str, labels: list[str], rows: Iterable[tuple[list[str], float]]) -> Metric:
    family = (CounterMetricFamily if kind == "counter" else GaugeMetricFamily)(f"ringfence_{name}", text, labels=labels)
    for values, number in rows:
        family.add_metric(values, number)
    return family


def _numbers(table: Mapping[str, tuple[str, str, str]], given: Mapping[str, Any]) -> Iterator[Metric]:
    for key, (kind, name, text) in table.items():
        if key in given:
            yield _labelled(kind, name, text, [], [([], float(given[key]))])


def _histogram(name: str, text: str, given: Distribution) -> Metric:
    bounds = [*(str(bound) for bound in given["bounds"]), "+Inf"]
    buckets = list(zip(bounds, (float(count) for count in accumulate(given["counts"])), strict=True))
    return HistogramMetricFamily(f"ringfence_{name}", text, buckets=buckets, sum_value=given["sum"])


def _process(taken: Snapshot) -> Iterator[Metric]:
    names = [([taken["node"], taken["version"]], 1.0)]
    yield _labelled("gauge", "info", "The node and its version.", ["node", "version"], names)
    parts = (([part], float(there)) for part, there in taken["compiled"].items())
    yield _labelled("gauge", "compiled", "1 where this part of the call path is compiled.", ["part"], parts)
    yield _gauge("start_time_seconds", "When the SIP process started, Unix seconds.", taken["started"])
    yield _gauge("config_generation", "Number of the settings in force.", taken["generation"])
    yield _gauge("config_faults", "Faults of the last reload; 0 when it was taken.", taken["config_faults"])
    yield _gauge("draining", "1 while no new calls are taken.", float(taken["draining"]))
    yield _labelled("counter", "engine_faults", "Our own bugs that were caught.", [], [([], taken["faults"])])
    restarts = (([name], float(count)) for name, count in taken["restarts"].items())
    text = "Times that a process beside the calls, or a worker, ended unasked and was started again."
    yield _labelled("counter", "child_restarts", text, ["process"], restarts)
    lag = taken["loop_lag"]
    yield _histogram("loop_lag_seconds", "How late the event loop woke up.", lag["distribution"])
    yield _gauge("loop_lag_longest_seconds", "Longest delay of the last minute or two.", lag["longest"])


def _engine(counters: dict[str, Any]) -> Iterator[Metric]:
    for key, (name, text) in ENGINE_NUMBERS.items():
        yield CounterMetricFamily(f"ringfence_{name}", text, value=counters[key])
    for key, (name, label, text) in ENGINE_BY_LABEL.items():
        rows = (([value], count) for value, count in counters[key].items())
        yield _labelled("counter", name, text, [label], rows)
    verdicts = (
        ([*_rule_and_reason(reason), action, trunk], count) for reason, action, trunk, count in counters["verdicts"]
    )
    yield _labelled(
        "counter",
        "verdicts",
        "Screened calls by what was decided and the rule that decided it; no rule: nothing spoke.",
        ["rule", "reason", "action", "trunk"],
        verdicts,
    )
    findings = ([*_rule_and_reason(reason), mode, trunk] for reason, mode, trunk, _ in counters["findings"])
    counts = (count for *_, count in counters["findings"])
    yield _labelled(
        "counter",
        "findings",
        "Screened calls that a rule spoke about, by its mode; in observe it weighs nothing.",
        ["rule", "reason", "mode", "trunk"],
        zip(findings, counts, strict=True),
    )


def _rule_and_reason(code: str) -> list[str]:
    """`rate.over_limit` is rule `rate`, reason `over_limit`."""
    rule, _, reason = code.partition(".")
    return [rule, reason]


def _tables(taken: Snapshot) -> Iterator[Metric]:
    tables = taken["tables"]
    columns: list[tuple[str, str, str, list[int]]] = [
        ("gauge", "table_size", "Entries in a bounded table.", [table["size"] for table in tables]),
        ("gauge", "table_limit", "Bound of the table.", [table["limit"] for table in tables]),
        ("counter", "table_shed", "Entries turned away or dropped at the bound.", [table["shed"] for table in tables]),
    ]
    for kind, name, text, values in columns:
        rows = (([table["name"]], float(value)) for table, value in zip(tables, values, strict=True))
        yield _labelled(kind, name, text, ["table"], rows)
    rows = (([rule], float(count)) for rule, count in taken["rule_faults"].items())
    yield _labelled("counter", "rule_faults", "Exceptions that a rule raised; it was skipped.", ["rule"], rows)


def _gateways(taken: Snapshot) -> Iterator[Metric]:
    rows = (
        ([gateway["group"], gateway["name"], state], float(gateway["state"] == state))
        for gateway in taken["gateways"]
        for state in GATEWAY_STATES
    )
    yield _labelled(
        "gauge", "gateway_state", "1 for the state that a gateway is in.", ["group", "gateway", "state"], rows
    )


def _lookups(stats: Mapping[str, Any]) -> Iterator[Metric]:
    yield from _numbers(LOOKUP_NUMBERS, stats)
    if "breaker" in stats:
        rows = (([state], float(stats["breaker"] == state)) for state in BREAKER_STATES)
        yield _labelled("gauge", "lookup_breaker_state", "1 for the state that the breaker is in.", ["state"], rows)
    if "latency" in stats:
        yield _histogram("lookup_latency_seconds", "Time from sending a pipeline to its last reply.", stats["latency"])
    if "unknown" in stats:
        rows = (([reason], float(count)) for reason, count in stats["unknown"].items())
        yield _labelled("counter", "lookup_unknown", "Facts that did not come, by reason.", ["reason"], rows)

    if "roaming" in stats:
        yield from _roaming(stats["roaming"])


def _roaming(stats: Mapping[str, Any]) -> Iterator[Metric]:
    yield from _numbers(ROAMING_NUMBERS, stats)
    states = (([state], float(stats["breaker"] == state)) for state in BREAKER_STATES)
    yield _labelled("gauge", "roaming_breaker_state", "1 for the state that its breaker is in.", ["state"], states)
    rows = (([reason], float(count)) for reason, count in stats["unknown"].items())
    yield _labelled("counter", "roaming_unknown", "Questions without an answer, by reason.", ["reason"], rows)


def _transports(listeners: list[dict[str, Any]]) -> Iterator[Metric]:
    for key, (kind, name, text) in TRANSPORT_NUMBERS.items():
        rows = [([part["listener"], part["transport"]], float(part[key])) for part in listeners if key in part]
        if rows:
            yield _labelled(kind, name, text, ["listener", "transport"], rows)


def _workers(workers: list[WorkerState]) -> Iterator[Metric]:
    rows: list[Mapping[str, Any]] = [*workers]
    for key, (kind, name, text) in WORKER_NUMBERS.items():
        if rows:
            yield _labelled(kind, name, text, ["worker"], [([str(row["number"])], float(row[key])) for row in rows])
