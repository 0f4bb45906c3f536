"""A snapshot with something in every place."""

from __future__ import annotations

from typing import Any

from ringfence.engine.counters import Counters
from ringfence.telemetry.looplag import LoopLag
from ringfence.telemetry.snapshot import Snapshot, snapshot


def full_counters() -> Counters:
    """Every counter with a number of its own."""
    counters = Counters()
    for number, name in enumerate(Counters.__slots__, start=101):
        if isinstance(getattr(counters, name), int):
            setattr(counters, name, number)
    counters.request(b"INVITE")
    counters.request(b"EVIL\xff")
    counters.responses["2xx"] = 3
    counters.answers["5xx"] = 4
    counters.unscreened["score"] = 5
    counters.dialled["recorded"] = 2
    counters.refused(503)
    counters.verdict("rate.over_limit", "reject", "acme")
    counters.verdict("", "forward", "acme")
    counters.finding("rate.over_limit", "observe", "acme")
    return counters


def full_snapshot(**changed: Any) -> Snapshot:
    """A snapshot of a busy process."""
    lag = LoopLag(0.0)
    lag.beat(lag.due + 0.003)
    given: dict[str, Any] = {
        "node": "edge-1",
        "started": 1_700_000_000.0,
        "generation": 7,
        "draining": False,
        "counters": full_counters(),
        "tables": [{"name": "transactions", "size": 12, "limit": 400_000, "shed": 2}],
        "gateways": [{"name": "core/sip:10.0.0.1", "group": "core", "state": "held"}],
        "lookups": {
            "batches": 14,
            "asked": 30,
            "answered": 21,
            "errors": 4,
            "late": 8,
            "connected": True,
            "breaker": "half_open",
            "breaker_opened": 2,
            "deadline_misses": 9,
            "reconnects": 1,
            "redirects": 5,
            "remembered": 6,
            "forgotten": 1,
            "callers_lost": 3,
            "servers": 3,
            "index_believed": True,
            "index_changes": 2,
            "index_pairs": 1_000_000,
            "index_built": 1_700_000_100,
            "pending": 3,
            "pending_limit": 1_000,
            "unknown": {"deadline": 6},
            "latency": {"bounds": [0.001, 0.05], "counts": [10, 5, 1], "sum": 0.25},
            "roaming": {
                "asked": 41,
                "answered": 37,
                "shed": 1,
                "pending": 2,
                "pending_limit": 1_000,
                "breaker": "closed",
                "breaker_opened": 3,
                "unknown": {"deadline": 4},
            },
        },
        "resolver": {"queries": 11, "failures": 1, "cached": 4},
        "transports": [
            {"listener": "edge", "transport": "udp", "messages_in": 1_000, "kernel_dropped": 8},
            {"listener": "core", "transport": "tcp", "messages_in": 5, "malformed": 2},
        ],
        "loop_lag": lag.plain(),
        "rule_faults": {"rate": 1},
        "mirror": {
            "copied": 51,
            "dropped": 1,
            "captures": 2,
            "hep_sent": 49,
            "hep_dropped": 3,
            "hep_oversized": 4,
            "hep_failures": 5,
        },
        "clickhouse": {"inserted": 61, "failures": 6, "behind": 7, "behind_seconds": 2.5, "damaged": 1},
        "faults": 13,
        "restarts": {"store": 1},
    }
    return snapshot(**(given | changed))
