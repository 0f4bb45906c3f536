from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.bench import gate


@pytest.fixture
def counts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[float]:
    """What valgrind will have counted; the baseline says 1,000."""
    told = [1000.0]
    monkeypatch.setattr(gate, "BASELINE", tmp_path / "baseline.json")
    gate.BASELINE.write_text(json.dumps({gate.key(): {"instructions": 1000, "loops": 1.0}}))
    monkeypatch.setattr(gate, "find", lambda name: Path("/usr/bin") / name)
    monkeypatch.setattr(gate, "counted", lambda valgrind: told[0])
    return told


@pytest.mark.parametrize(("now", "status"), [(500.0, 0), (1000.0, 0), (1099.0, 0), (1101.0, 1), (3000.0, 1)])
def test_growth_by_more_than_a_tenth_fails(counts: list[float], now: float, status: int) -> None:
    counts[0] = now
    assert gate.main([]) == status


def test_without_an_entry_time_is_compared(
    counts: list[float], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    other = "python 9.9, vax, " + gate.extent()
    gate.BASELINE.write_text(json.dumps({other: {"instructions": 1000, "loops": 1.0}}))
    monkeypatch.setattr(gate, "timed", lambda: 1.4)
    assert gate.main([]) == 0
    monkeypatch.setattr(gate, "timed", lambda: 1.6)
    assert gate.main([]) == 1
    assert "time is compared" in capsys.readouterr().err


def test_nothing_to_compare_with_is_said_and_fails_where_nothing_may_be_skipped(
    counts: list[float], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    gate.BASELINE.write_text("{}")
    for required, status in (("0", 0), ("1", 1)):
        monkeypatch.setenv("RINGFENCE_REQUIRE_PEERS", required)
        assert gate.main([]) == status
    assert "NOT COMPARED" in capsys.readouterr().err


def test_the_engine_is_timed_in_units_of_a_loop() -> None:
    assert 0 < gate.timed() < 1e4


def test_recording_writes_this_machines_entry(counts: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate, "timed", lambda: 2.0)
    counts[0] = 700.0
    assert gate.main(["--record"]) == 0
    assert json.loads(gate.BASELINE.read_text())[gate.key()] == {"instructions": 700, "loops": 2.0}
    assert gate.main([]) == 0
