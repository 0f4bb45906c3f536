import pytest

from ringfence.lookups.breaker import Breaker
from ringfence.lookups.settings import BreakerSettings


def breaker(spacing: float = 0.05) -> Breaker:
    return Breaker(BreakerSettings(), spacing)


def opened(at: float = 100.0) -> Breaker:
    tested = breaker()
    for step in range(5):
        tested.failed(at - 4 + step)
    assert tested.state == "open"
    return tested


def test_the_fifth_failure_in_ten_seconds_opens_it():
    tested = breaker()
    for now in (0.0, 2.0, 4.0, 6.0):
        tested.failed(now)
        assert tested.state == "closed"
        assert tested.allows(now)
    tested.failed(10.0)
    assert (tested.state, tested.opened) == ("open", 1)
    assert not tested.allows(10.0)


def test_failures_further_apart_do_not():
    tested = breaker()
    for now in range(0, 100, 3):
        tested.failed(float(now))
    assert tested.state == "closed"


def test_a_moment_s_crowd_is_one_failure():
    tested = breaker(spacing=0.05)
    for index in range(100):
        tested.failed(index * 0.0004)
    assert tested.state == "closed"
    for now in (1.0, 2.0, 3.0, 4.0):
        tested.failed(now)
    assert tested.state == "open"


def test_it_asks_nothing_for_fifteen_seconds_then_one_in_six():
    tested = opened(at=100.0)
    assert not any(tested.allows(100.0 + step) for step in range(15))
    assert [tested.allows(115.0) for _ in range(13)] == [True, *[False] * 5, True, *[False] * 5, True]
    assert tested.state == "half_open"


def test_an_answered_probe_closes_it_and_forgets_what_was():
    tested = opened()
    assert tested.allows(115.0)
    tested.succeeded()
    assert tested.state == "closed"
    for now in (115.1, 116.0, 117.0, 118.0):
        tested.failed(now)
    assert tested.state == "closed"


def test_a_failed_probe_opens_it_again():
    tested = opened()
    assert tested.allows(115.0)
    tested.failed(115.05)
    assert (tested.state, tested.opened) == ("open", 2)
    assert not tested.allows(130.0)
    assert tested.allows(130.05)


def test_answers_and_failures_of_before_change_nothing_while_it_is_open():
    tested = opened()
    tested.succeeded()
    tested.failed(101.0)
    assert (tested.state, tested.opened) == ("open", 1)
    assert tested.allows(115.0)


def test_a_new_connection_lets_probes_go_at_once_and_no_more_than_probes():
    tested = opened()
    tested.revived()
    assert tested.state == "half_open"
    assert [tested.allows(101.0) for _ in range(6)] == [True, *[False] * 5]


@pytest.mark.parametrize("state", ["closed", "half_open"])
def test_a_new_connection_means_nothing_to_one_that_is_not_open(state: str):
    tested = breaker() if state == "closed" else opened()
    tested.allows(115.0)
    tested.revived()
    assert tested.state == state


def test_every_call_may_be_a_probe():
    tested = Breaker(BreakerSettings(failures=1, probe_every=1), 0.05)
    tested.failed(0.0)
    assert [tested.allows(15.0) for _ in range(3)] == [True] * 3
