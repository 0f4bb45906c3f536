"""Token buckets, by a clock of the test's own."""

from __future__ import annotations

import pytest

from ringfence.control import limits
from ringfence.control.limits import Limiter


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_burst_then_the_rate() -> None:
    clock = Clock()
    limiter = Limiter(2.0, 3, clock)
    assert [limiter.take("a") for _ in range(3)] == [0.0] * 3
    assert limiter.take("a") == 0.5
    assert limiter.take("b") == 0.0
    clock.now = 0.5
    assert limiter.wait("a") == 0.0
    assert limiter.take("a") == 0.0
    assert limiter.wait("a") == 0.5
    clock.now = 100.0
    assert [limiter.take("a") == 0.0 for _ in range(4)] == [True, True, True, False]


def test_the_number_of_buckets_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MOST_BUCKETS", 2)
    limiter = Limiter(0.001, 1, Clock())
    for key in "abc":
        assert limiter.take(key) == 0.0
    assert limiter.take("c") > 0
    assert limiter.take("a") == 0.0  # forgotten, as the longest unused
