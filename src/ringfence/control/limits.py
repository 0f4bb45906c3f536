"""How often somebody may ask: token buckets, a bounded number of them."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable

MOST_BUCKETS = 10_000  # of the longest unused one is forgotten, which lets its owner begin with a full one


class Limiter:
    """`rate` requests a second on average for each key, and `burst` at once."""

    def __init__(self, rate: float, burst: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate = rate
        self._burst = burst
        self._clock = clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._buckets)

    def wait(self, key: str) -> float:
        """Seconds until this key has a request to spend; 0 when it has one now."""
        tokens = self._tokens(key)
        return 0.0 if tokens >= 1 else (1 - tokens) / self._rate

    def take(self, key: str) -> float:
        """Spend one request; 0.0, or the seconds to wait when there is none to spend."""
        tokens = self._tokens(key)
        if tokens < 1:
            return (1 - tokens) / self._rate
        self._buckets[key] = (tokens - 1, self._clock())
        self._buckets.move_to_end(key)
        if len(self._buckets) > MOST_BUCKETS:
            self._buckets.popitem(last=False)
        return 0.0

    def _tokens(self, key: str) -> float:
        tokens, at = self._buckets.get(key, (self._burst, self._clock()))
        return min(self._burst, tokens + (self._clock() - at) * self._rate)
