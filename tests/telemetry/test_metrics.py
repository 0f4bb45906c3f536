from pathlib import Path

import orjson
import pytest
from prometheus_client.parser import text_string_to_metric_families
from tests.telemetry.support import full_counters, full_snapshot

from ringfence.clickhouse.client import Client
from ringfence.clickhouse.feeders import Feeders
from ringfence.clickhouse.sealing import Sealer
from ringfence.clickhouse.settings import ClickHouseSettings
from ringfence.compiled import NATIVE, ROOMS
from ringfence.engine.counters import Counters
from ringfence.lookups import Address, Keys, Lookups, RedisSettings, Resolver, RoamingSettings
from ringfence.lookups.roaming_http import RoamingService
from ringfence.mirror.collector import Collector
from ringfence.mirror.mirror import Mirror
from ringfence.mirror.process import Exporter
from ringfence.mirror.settings import HepSettings, MirrorSettings
from ringfence.mirror.source import Source
from ringfence.sip.address import Listener
from ringfence.telemetry.metrics import render
from ringfence.telemetry.names import (
    CLICKHOUSE_NUMBERS,
    ENGINE_BY_LABEL,
    ENGINE_NUMBERS,
    LOOKUP_NUMBERS,
    MIRROR_NUMBERS,
    RESOLVER_NUMBERS,
    ROAMING_NUMBERS,
    TRANSPORT_NUMBERS,
)
from ringfence.telemetry.settings import LoggingSettings
from ringfence.telemetry.snapshot import Snapshot
from ringfence.transport.connection import StreamCounters
from ringfence.transport.settings import ListenerSettings
from ringfence.transport.stream import StreamListener
from ringfence.transport.udp import UdpSocket


def samples(snapshot: Snapshot | None) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    """As scraped, after the way that the snapshot takes: JSON."""
    taken = orjson.loads(orjson.dumps(snapshot))
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(render(taken).decode())
        for sample in family.samples
    }


@pytest.mark.parametrize(
    ("name", "labels", "value"),
    [
        ("ringfence_up", {}, 1),
        ("ringfence_config_generation", {}, 7),
        ("ringfence_start_time_seconds", {}, 1_700_000_000),
        ("ringfence_compiled", {"part": "twins"}, NATIVE),
        ("ringfence_compiled", {"part": "rooms"}, ROOMS),
        ("ringfence_draining", {}, 0),
        ("ringfence_engine_faults_total", {}, 13),
        ("ringfence_requests_total", {"method": "INVITE"}, 1),
        ("ringfence_requests_total", {"method": "other"}, 1),
        ("ringfence_responses_total", {"class": "2xx"}, 3),
        ("ringfence_gateway_responses_total", {"class": "5xx"}, 4),
        ("ringfence_refused_requests_total", {"status": "503"}, 1),
        ("ringfence_unscreened_calls_total", {"need": "score"}, 5),
        ("ringfence_dialled_refusals_total", {"outcome": "recorded"}, 2),
        ("ringfence_last_callers_lost_total", {}, 3),
        ("ringfence_verdicts_total", {"rule": "rate", "reason": "over_limit", "action": "reject", "trunk": "acme"}, 1),
        ("ringfence_verdicts_total", {"rule": "", "reason": "", "action": "forward", "trunk": "acme"}, 1),
        ("ringfence_table_size", {"table": "transactions"}, 12),
        ("ringfence_table_limit", {"table": "transactions"}, 400_000),
        ("ringfence_table_shed_total", {"table": "transactions"}, 2),
        ("ringfence_child_restarts_total", {"process": "store"}, 1),
        ("ringfence_findings_total", {"rule": "rate", "reason": "over_limit", "mode": "observe", "trunk": "acme"}, 1),
        ("ringfence_rule_faults_total", {"rule": "rate"}, 1),
        ("ringfence_gateway_state", {"group": "core", "gateway": "core/sip:10.0.0.1", "state": "held"}, 1),
        ("ringfence_gateway_state", {"group": "core", "gateway": "core/sip:10.0.0.1", "state": "up"}, 0),
        ("ringfence_lookup_connected", {}, 1),
        ("ringfence_lookup_deadline_misses_total", {}, 9),
        ("ringfence_lookup_breaker_state", {"state": "half_open"}, 1),
        ("ringfence_lookup_breaker_state", {"state": "closed"}, 0),
        ("ringfence_lookup_unknown_total", {"reason": "deadline"}, 6),
        ("ringfence_lookup_latency_seconds_bucket", {"le": "0.001"}, 10),
        ("ringfence_lookup_latency_seconds_bucket", {"le": "0.05"}, 15),
        ("ringfence_lookup_latency_seconds_bucket", {"le": "+Inf"}, 16),
        ("ringfence_lookup_latency_seconds_count", {}, 16),
        ("ringfence_lookup_latency_seconds_sum", {}, 0.25),
        ("ringfence_roaming_questions_total", {}, 41),
        ("ringfence_roaming_answers_total", {}, 37),
        ("ringfence_roaming_shed_total", {}, 1),
        ("ringfence_roaming_pending", {}, 2),
        ("ringfence_roaming_breaker_state", {"state": "closed"}, 1),
        ("ringfence_roaming_breaker_state", {"state": "open"}, 0),
        ("ringfence_roaming_unknown_total", {"reason": "deadline"}, 4),
        ("ringfence_dns_queries_total", {}, 11),
        ("ringfence_loop_lag_seconds_bucket", {"le": "0.0025"}, 0),
        ("ringfence_loop_lag_seconds_bucket", {"le": "0.005"}, 1),
        ("ringfence_mirror_dropped_total", {}, 1),
        ("ringfence_captures", {}, 2),
        ("ringfence_clickhouse_behind", {}, 7),
        ("ringfence_clickhouse_inserted_total", {}, 61),
        ("ringfence_hep_sent_total", {}, 49),
        ("ringfence_transport_messages_in_total", {"listener": "edge", "transport": "udp"}, 1_000),
        ("ringfence_transport_messages_in_total", {"listener": "core", "transport": "tcp"}, 5),
        ("ringfence_transport_kernel_dropped_total", {"listener": "edge", "transport": "udp"}, 8),
        ("ringfence_transport_malformed_streams_total", {"listener": "core", "transport": "tcp"}, 2),
    ],
)
def test_named(name: str, labels: dict[str, str], value: float) -> None:
    assert samples(full_snapshot())[name, frozenset(labels.items())] == value


def test_a_silent_process_is_down_and_nothing_else() -> None:
    assert samples(None) == {("ringfence_up", frozenset()): 0}


def test_without_a_store_there_are_no_lookup_metrics() -> None:
    names = {name for name, _ in samples(full_snapshot(lookups={}, resolver={}))}
    assert not any(name.startswith(("ringfence_lookup", "ringfence_dns")) for name in names)
    assert "ringfence_requests_total" in names


def test_every_plain_counter_comes_out_with_its_own_number() -> None:
    counters = full_counters()
    scraped = samples(full_snapshot())
    for key, (name, _) in ENGINE_NUMBERS.items():
        assert scraped[f"ringfence_{name}_total", frozenset()] == getattr(counters, key)


def test_nothing_is_counted_without_a_name() -> None:
    assert {*ENGINE_NUMBERS, *ENGINE_BY_LABEL, "verdicts", "findings"} == set(Counters.__slots__)
    assert set(Resolver(lambda: 0.5).stats()) == set(RESOLVER_NUMBERS)


async def test_every_lookup_number_has_a_name() -> None:
    lookups = Lookups(RedisSettings(), Address(path="/nowhere.sock"), Keys("rf", bytes(32)), 60.0)
    names = {*LOOKUP_NUMBERS, "breaker", "latency", "unknown"}
    assert set(lookups.stats()) == names == set(full_snapshot()["lookups"]) - {"roaming"}
    service = RoamingService(RoamingSettings(source="http", url="http://127.0.0.1/"), None)
    assert (
        set(service.stats()) == {*ROAMING_NUMBERS, "breaker", "unknown"} == set(full_snapshot()["lookups"]["roaming"])
    )


async def test_every_mirror_number_has_a_name() -> None:
    collector = Collector("udp://127.0.0.1:9", 1)
    exporter = Exporter(HepSettings(), "n", [("udp", ("127.0.0.1", 5060))], collector)
    source = Source(Path("/nowhere"), 1, lambda tap: None)
    mirror = Mirror(MirrorSettings(), Path("/nowhere"), "n", LoggingSettings(), [], source.copy, True)
    counted = {*source.stats(), *mirror.stats(), *(f"hep_{name}" for name in exporter.stats())}
    assert counted == set(MIRROR_NUMBERS) == set(full_snapshot()["mirror"])


def test_every_clickhouse_number_has_a_name(tmp_path: Path) -> None:
    settings = ClickHouseSettings(url="http://127.0.0.1:9")
    feeders = Feeders(tmp_path, settings, Client(settings), Sealer([bytes(32)]), None)
    assert set(feeders.stats()) == set(CLICKHOUSE_NUMBERS) == set(full_snapshot()["clickhouse"])


async def test_every_transport_number_has_a_name() -> None:
    def ignore(*_: object) -> None: ...

    listener = Listener(0, "udp", "127.0.0.1", 0)
    part = ListenerSettings(name="a", transport="udp", bind="127.0.0.1:0")
    udp = UdpSocket(listener, part, ignore, ignore)
    tcp = StreamListener(listener, part.model_copy(update={"transport": "tcp"}), ignore, ignore, ignore)
    counted = {*udp.stats(), *tcp.stats()}
    await udp.close()
    await tcp.close()
    assert counted == set(TRANSPORT_NUMBERS)
    assert set(StreamCounters().plain()) <= counted


def test_names_and_help_follow_the_conventions() -> None:
    text = render(orjson.loads(orjson.dumps(full_snapshot()))).decode()
    helps = [line.split(" ", 3) for line in text.splitlines() if line.startswith("# HELP")]
    assert len(helps) == len({name for _, _, name, _ in helps}) > 40
    assert all(name.startswith("ringfence_") and given.endswith(".") for _, _, name, given in helps)
