"""What it takes to parse the INVITE of about 1 KB that the load generator sends."""

from __future__ import annotations

import timeit

from tests.bench.figures import Figure

_RUNS = 7
_LOOPS = 2000


def measure(data: bytes) -> list[Figure]:
    """Microseconds a message: the index and the fields every request needs (`ringfence.sip.message.parse`)."""
    from ringfence.sip.message import parse

    runs = timeit.repeat(lambda: parse(data), number=_LOOPS, repeat=_RUNS)
    return [Figure("parse.invite", "µs", tuple(run / _LOOPS * 1e6 for run in runs))]
