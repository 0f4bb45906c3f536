import orjson
from tests.telemetry.support import full_counters, full_snapshot

from ringfence.engine.counters import Counters
from ringfence.telemetry.snapshot import counted


def test_it_survives_json_unchanged() -> None:
    taken = full_snapshot()
    assert orjson.loads(orjson.dumps(taken)) == taken


def test_every_counter_is_taken_and_none_goes_on_counting() -> None:
    counters = full_counters()
    plain = counted(counters)
    assert set(plain) == set(Counters.__slots__)
    counters.request(b"INVITE")
    assert plain["requests"] == {"INVITE": 1, "other": 1}
    assert ["rate.over_limit", "reject", "acme", 1] in plain["verdicts"]
    assert plain["refused_locally"] == {"503": 1}
