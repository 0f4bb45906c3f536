"""The one place that names metrics: a snapshot in, Prometheus text out.

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
from ringfence.telemetry.snapshot import Snapshot

CONTENT_TYPE = CONTENT_TYPE_LATEST

ENGINE_NUMBERS = {
    "retransmissions": ("retransmissions", "Requests received again and absorbed."),
    "malformed": (
        "malformed_messages",
        "Messages that could not be read; streams that lost their framing not counted.",
    ),
    "unknown_sources": ("unknown_source_messages", "Messages from sources that are no trunk and no gateway."),
    "stray_responses": ("stray_responses", "Responses that belong to no request of ours, or came from elsewhere."),
    "ignored_keepalives": ("ignored_keepalives", "Keep-alives that are owed no answer."),
    "failovers": ("gateway_failovers", "Calls sent on to another gateway after one failed."),
    "unreachable": ("unreachable_sends", "Messages that the transport could not deliver."),
    "abandoned": ("abandoned_calls", "Calls that the caller cancelled before they were judged."),
}
"""Plain counters of engine.Counters: metric name without prefix and `_total`, and help."""

ENGINE_BY_LABEL = {
    "requests": ("requests", "method", "Requests received; methods that are not well known as `other`."),
    "responses": ("responses", "class", "Responses sent to callers, by status class."),
    "answers": ("gateway_responses", "class", "Responses received from gateways, by status class."),
    "refused_locally": ("refused_requests", "status", "Requests that the proxy itself refused."),
    "unscreened": ("unscreened_calls", "need", "Calls judged without this fact because it did not come in time."),
}
"""Counters of engine.Counters with one label: metric, label, help."""

LOOKUP_NUMBERS = {
    "batches": ("counter", "lookup_batches", "Pipelines sent to Redis."),
    "asked": ("counter", "lookup_calls", "Calls whose facts were asked for."),
    "answered": ("counter", "lookup_answers", "Calls whose facts came in time."),
    "errors": ("counter", "lookup_errors", "Errors of the Redis connection or in its answers."),
    "late": ("counter", "lookup_late_batches", "Pipelines answered whole only after the deadline."),
    "deadline_misses": ("counter", "lookup_deadline_misses", "Calls whose facts did not all come by the deadline."),
    "reconnects": ("counter", "lookup_reconnects", "Connections to Redis opened after the first."),
    "redirects": ("counter", "lookup_redirects", "Questions that a Redis Cluster sent on to another server."),
    "remembered": ("counter", "callee_calls", "Forwarded calls to be counted for their callee and holder."),
    "forgotten": ("counter", "callee_calls_uncounted", "Those of them that the store did not take."),
    "breaker_opened": ("counter", "lookup_breaker_opened", "Times that the breaker opened."),
    "connected": ("gauge", "lookup_connected", "1 while every Redis server is connected."),
    "pending": ("gauge", "lookup_pending", "Replies awaited from Redis."),
    "pending_limit": ("gauge", "lookup_pending_limit", "Bound of replies awaited."),
    "servers": ("gauge", "lookup_servers", "Redis servers that are asked: one, or a cluster's masters."),
    "index_believed": ("gauge", "consent_index_believed", "1 while a consent index is believed; 0 closes marketing."),
    "index_changes": ("counter", "consent_index_generations", "Generations of the consent index taken into use."),
    "index_pairs": ("gauge", "consent_index_pairs", "Consents, refusals and wishes in the index when it was built."),
    "index_built": ("gauge", "consent_index_built_timestamp_seconds", "Unix time at which the index was built."),
}
"""Numbers of Lookups.stats(): kind, metric, help."""

ROAMING_NUMBERS = {
    "asked": ("counter", "roaming_questions", "Questions to the roaming service."),
    "answered": ("counter", "roaming_answers", "Questions that it answered in time."),
    "shed": ("counter", "roaming_shed", "Questions not sent because too many were unanswered."),
    "pending": ("gauge", "roaming_pending", "Questions not answered yet."),
    "pending_limit": ("gauge", "roaming_pending_limit", "Bound of unanswered questions."),
    "breaker_opened": ("counter", "roaming_breaker_opened", "Times that its breaker opened."),
}
"""Numbers of RoamingService.stats(): kind, metric, help."""

RESOLVER_NUMBERS = {
    "queries": ("counter", "dns_queries", "Questions sent to name servers."),
    "failures": ("counter", "dns_failures", "Questions that name servers did not answer."),
    "cached": ("gauge", "dns_cached", "Answers remembered."),
}
"""Numbers of Resolver.stats(): kind, metric, help."""

BREAKER_STATES = ("closed", "open", "half_open")
GATEWAY_STATES = ("up", "held", "down", "unresolved")

RECORD_NUMBERS = {
    "written": ("counter", "records_written", "Records written, those that wait in memory included."),
    "bytes": ("counter", "records_bytes", "Bytes of these records."),
    "lost": ("counter", "records_lost", "Records lost because the disk refused and the buffer was full."),
    "faults": ("counter", "records_faults", "Records that a bug of ours kept from being made whole."),
    "write_errors": ("counter", "records_write_errors", "Writes that the disk refused."),
    "sync_errors": ("counter", "records_sync_errors", "fsyncs that failed."),
    "syncs": ("counter", "records_syncs", "fsyncs done."),
    "sync_seconds": ("counter", "records_sync_seconds", "Time spent in them."),
    "sync_longest_seconds": ("gauge", "records_sync_longest_seconds", "The longest of them since the start."),
    "sealed": ("counter", "records_sealed_segments", "Segments sealed."),
    "last_sealed": (
        "gauge",
        "records_last_sealed_time_seconds",
        "When the last one was sealed, Unix seconds; 0: none.",
    ),
    "repaired_bytes": ("gauge", "records_repaired_bytes", "Bytes of half blocks cut off at the start."),
    "buffered_bytes": ("gauge", "records_buffered_bytes", "Bytes in memory because the disk refuses them."),
    "buffer_limit": ("gauge", "records_buffer_limit_bytes", "Bound of these."),
    "unsynced_bytes": ("gauge", "records_unsynced_bytes", "Bytes written and not yet safe from a power cut."),
    "free_bytes": ("gauge", "records_free_bytes", "Room on the records' disk."),
    "failing": ("gauge", "records_failing", "1 while records are not safe; /ready says why."),
}
"""Numbers of Recorder.stats(): kind, metric, help."""

MIRROR_NUMBERS = {
    "copied": ("counter", "mirror_copied", "Messages and records handed to the copying process."),
    "dropped": ("counter", "mirror_dropped", "Those dropped because it did not take them."),
    "captures": ("gauge", "captures", "Captures that run."),
    "hep_sent": ("counter", "hep_sent", "HEP3 packets sent to the collector."),
    "hep_dropped": ("counter", "hep_dropped", "HEP3 packets dropped because the collector did not take them."),
    "hep_oversized": ("counter", "hep_oversized", "Messages too long for a HEP3 packet."),
    "hep_failures": ("counter", "hep_failures", "Connections to the collector, or datagrams, that were refused."),
}
"""Numbers of Mirror.stats(): kind, metric, help."""

CLICKHOUSE_NUMBERS = {
    "inserted": ("counter", "clickhouse_inserted", "Records brought to ClickHouse, those brought twice too."),
    "failures": (
        "counter",
        "clickhouse_failures",
        "Batches of records that ClickHouse did not take; they are tried again.",
    ),
    "behind": ("gauge", "clickhouse_behind", "Records on disk that ClickHouse does not have yet."),
    "behind_seconds": ("gauge", "clickhouse_behind_seconds", "Since when the oldest of them waits."),
    "damaged": ("gauge", "clickhouse_damaged_segments", "Files of records that could not be fed to their end."),
}
"""Numbers of Feeder.stats(): kind, metric, help."""

TRANSPORT_NUMBERS = {
    "messages_in": ("counter", "transport_messages_in", "Datagrams, or whole messages of a stream, received."),
    "messages_out": ("counter", "transport_messages_out", "Messages handed to the kernel or to a connection."),
    "bytes_in": ("counter", "transport_bytes_in", "Bytes received."),
    "bytes_out": ("counter", "transport_bytes_out", "Bytes sent."),
    "keepalives": ("counter", "transport_keepalives", "CRLF keep-alives received."),
    "oversized": ("counter", "transport_oversized", "Datagrams dropped for being over max_message_bytes."),
    "send_dropped": ("counter", "transport_send_dropped", "Datagrams dropped because the send queue was full."),
    "send_failed": ("counter", "transport_send_failed", "Datagrams that the kernel refused to send."),
    "icmp_errors": ("counter", "transport_icmp_errors", "ICMP errors about datagrams of ours."),
    "kernel_dropped": ("counter", "transport_kernel_dropped", "Datagrams lost because the receive buffer was full."),
    "receive_buffer_bytes": ("gauge", "transport_receive_buffer_bytes", "Receive buffer that the kernel granted."),
    "queued_bytes": ("gauge", "transport_queued_bytes", "Bytes waiting for the socket."),
    "peers": ("gauge", "transport_peers", "Far ends remembered."),
    "accepted": ("counter", "transport_accepted", "Connections accepted, TLS included."),
    "opened": ("counter", "transport_opened", "Connections opened."),
    "refused": ("counter", "transport_refused", "Connections closed at once for being over a limit."),
    "accept_failures": ("counter", "transport_accept_failures", "Times that a connection could not be accepted."),
    "handshake_failures": ("counter", "transport_handshake_failures", "Accepted connections whose TLS failed."),
    "connect_failures": ("counter", "transport_connect_failures", "Connections that could not be opened."),
    "closed_idle": ("counter", "transport_closed_idle", "Connections closed for silence."),
    "closed_slow": ("counter", "transport_closed_slow", "Connections closed for a message that never ended."),
    "slow_readers": ("counter", "transport_slow_readers", "Connections cut because the peer did not read."),
    "malformed": ("counter", "transport_malformed_streams", "Connections closed because their framing was lost."),
    "undelivered": ("counter", "transport_undelivered", "Messages for which no connection could be had."),
    "connections_accepted": ("gauge", "transport_connections_accepted", "Accepted connections open."),
    "connections_opened": ("gauge", "transport_connections_opened", "Opened connections open."),
    "connections_limit": ("gauge", "transport_connections_limit", "Bound of accepted connections."),
    "dialling": ("gauge", "transport_dialling", "Connections being opened."),
}
"""Numbers of Transports.stats(): kind, metric, help."""


class Limits(NamedTuple):
    """What the HTTP process itself counts of the registry's clients."""

    keys: int  # tokens and addresses that are remembered
    bound: int
    refused: int


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
    text = "Times that the embedded store or the HTTP process ended unasked and was started again."
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
