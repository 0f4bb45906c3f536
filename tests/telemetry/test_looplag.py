import pytest

from ringfence.telemetry.looplag import INTERVAL, LoopLag


def test_delays_are_measured_against_what_was_due() -> None:
    lag = LoopLag(100.0)
    assert lag.due == pytest.approx(100.0 + INTERVAL)
    assert lag.beat(100.0 + INTERVAL + 0.03) == lag.due == pytest.approx(100.0 + 2 * INTERVAL + 0.03)
    lag.beat(lag.due)
    plain = lag.plain()
    assert plain["longest"] == pytest.approx(0.03)
    assert sum(plain["distribution"]["counts"]) == 2
    assert plain["distribution"]["sum"] == pytest.approx(0.03)


def test_a_wake_up_before_its_time_is_no_delay() -> None:
    lag = LoopLag(0.0)
    lag.beat(INTERVAL - 0.001)
    assert lag.plain()["longest"] == 0.0


def test_the_longest_is_forgotten_after_two_minutes_at_most() -> None:
    lag = LoopLag(0.0)
    lag.beat(lag.due + 1.0)
    for _ in range(599):
        lag.beat(lag.due)
    assert lag.plain()["longest"] == pytest.approx(1.0)
    for _ in range(600):
        lag.beat(lag.due)
    assert lag.plain()["longest"] == pytest.approx(1.0)
    lag.beat(lag.due)
    assert lag.plain()["longest"] == pytest.approx(0.0, abs=1e-9)
