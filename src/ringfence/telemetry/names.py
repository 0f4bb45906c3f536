"""The names of metrics that are plain numbers of a snapshot, and of which kind each is.

Apart from `metrics`, whose library the SIP process does without.
"""

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
    "dialled": ("dialled_refusals", "outcome", "Calls to numbers of voice.lines, by what became of the refusal."),
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
    "callers_lost": ("counter", "last_callers_lost", "Last marketing callers that the store was not told of."),
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
"""Numbers of Source.stats() and Mirror.stats(): kind, metric, help."""

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

WORKER_NUMBERS = {
    "up": ("gauge", "worker_up", "1 while the worker serves calls."),
    "generation": ("gauge", "worker_config_generation", "Number of the settings that the worker judges by."),
    "hangs": ("counter", "worker_hangs", "Times that the worker did not answer for `worker_deadline` and was killed."),
    "messages": ("counter", "worker_messages", "Messages handed to the worker."),
    "dropped": ("counter", "worker_dropped_messages", "Messages not handed to it because too many were waiting."),
    "waiting": ("gauge", "worker_waiting_bytes", "Bytes of messages that wait for the worker."),
    "waiting_limit": ("gauge", "worker_waiting_limit_bytes", "Bound of these."),
}
"""Numbers of a `WorkerState`: kind, metric, help."""
