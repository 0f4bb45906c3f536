"""What the workers counted, as one daemon's."""

from __future__ import annotations

import orjson
from tests.telemetry.support import full_snapshot

from ringfence.telemetry.metrics import render
from ringfence.telemetry.names import TRANSPORT_NUMBERS
from ringfence.telemetry.snapshot import Node, Snapshot, WorkerState
from ringfence.workers.merge import merged

NODE = Node(node="edge-1", started=1_700_000_000.0, draining=True, config_faults=2, restarts={"store": 1})
STATE = WorkerState(number=1, up=True, generation=7, hangs=3, messages=5, dropped=1, waiting=2, waiting_limit=9)


def one(**changed: object) -> Snapshot:
    """As it comes over the line."""
    taken: Snapshot = orjson.loads(orjson.dumps(full_snapshot(**changed)))
    return taken


def test_one_worker_alone_is_what_it_is() -> None:
    alone = one()
    both = merged([alone], [], NODE, [])
    fronts = (*NODE, "clickhouse")  # told by the front alone
    same = {key: value for key, value in alone.items() if key not in fronts}
    assert {key: value for key, value in both.items() if key not in fronts} == same
    assert {key: both[key] for key in NODE} == NODE  # type: ignore[literal-required]


def test_counters_add_up_and_gauges_say_how_it_stands_with_all() -> None:
    first, second = one(), one()
    second["gateways"][0]["state"] = "down"
    second["lookups"] = {**second["lookups"], "connected": False, "breaker": "open", "servers": 2}
    second["generation"] = 8
    both = merged([first, second], [], NODE, [STATE])
    assert both["generation"] == 7
    assert both["counters"]["malformed"] == 2 * first["counters"]["malformed"]
    assert both["counters"]["requests"] == {"INVITE": 2, "other": 2}
    assert ["rate.over_limit", "reject", "acme", 2] in both["counters"]["verdicts"]
    assert both["tables"] == [{"name": "transactions", "size": 24, "limit": 800_000, "shed": 4}]
    assert both["gateways"] == [{"name": "core/sip:10.0.0.1", "group": "core", "state": "down"}]
    lookups = both["lookups"]
    assert (lookups["connected"], lookups["breaker"], lookups["servers"]) == (False, "open", 3)
    assert (lookups["asked"], lookups["pending"], lookups["pending_limit"]) == (60, 6, 2_000)
    assert sum(both["loop_lag"]["distribution"]["counts"]) == 2
    assert both["loop_lag"]["longest"] == first["loop_lag"]["longest"]
    assert both["rule_faults"] == {name: 2 * count for name, count in first["rule_faults"].items()}
    text = render(both).decode()
    assert 'ringfence_worker_messages_total{worker="1"} 5.0' in text
    assert 'ringfence_worker_hangs_total{worker="1"} 3.0' in text
    assert 'ringfence_worker_waiting_limit_bytes{worker="1"} 9.0' in text


def test_what_a_dead_worker_counted_stays_and_what_it_held_goes() -> None:
    live, dead = one(), one()
    grave = merged([], [dead], NODE, [])
    both = merged([live], [merged([], [grave, dead], NODE, [])], NODE, [])
    assert both["counters"]["malformed"] == 3 * live["counters"]["malformed"]
    assert both["tables"] == [{"name": "transactions", "size": 12, "limit": 400_000, "shed": 6}]
    assert both["lookups"]["asked"] == 90 and both["lookups"]["pending"] == live["lookups"]["pending"]
    assert both["gateways"] == live["gateways"]
    assert sum(both["lookups"]["latency"]["counts"]) == 3 * sum(live["lookups"]["latency"]["counts"])
    for before, after in zip(live["transports"], both["transports"], strict=True):
        counters = {key for key in before if TRANSPORT_NUMBERS.get(key, ("",))[0] == "counter"}
        assert counters and all(after[key] == 3 * before[key] for key in counters)


def test_the_front_tells_of_its_listeners_what_workers_do_not_see() -> None:
    live = one()
    name = live["transports"][0]["listener"]
    front = [{"listener": name, "transport": "udp", "kernel_dropped": 3, "oversized": 2}]
    told = next(row for row in merged([live], [], NODE, [], front)["transports"] if row["listener"] == name)
    assert told["kernel_dropped"] == live["transports"][0].get("kernel_dropped", 0) + 3
    assert told["oversized"] == live["transports"][0].get("oversized", 0) + 2


def test_before_any_worker_tells_there_is_nothing_to_tell() -> None:
    empty = merged([], [], NODE, [])
    assert empty["counters"] == {} and empty["tables"] == [] and empty["generation"] == 0
