"""What it takes to read a number that was never read before, and what the plan keeps in memory."""

from __future__ import annotations

import random
import timeit
import tracemalloc
from collections.abc import Callable

from tests.bench.figures import Figure

_RUNS = 7
_NUMBERS = 20_000


def measure() -> list[Figure]:
    """Microseconds a number by how it is written (`Numbering.read`, nothing remembered), and MB of the tables."""
    from ringfence.numbering import Numbering, NumberingSettings

    tracemalloc.start()
    numbering = Numbering(NumberingSettings())
    kept = tracemalloc.get_traced_memory()[0] / 1e6
    tracemalloc.stop()
    dice = random.Random(86)
    found = [Figure("numbers.plan", "MB", (kept,))]
    for name, written in _written(dice).items():
        texts = [written() for _ in range(_NUMBERS)]
        runs = timeit.repeat(lambda texts=texts: [numbering.read(text) for text in texts], number=1, repeat=_RUNS)
        found.append(Figure(f"numbers.{name}", "µs", tuple(run / _NUMBERS * 1e6 for run in runs)))
    return found


def _written(dice: random.Random) -> dict[str, Callable[[], str]]:
    return {
        "mobile": lambda: f"+86138{dice.randrange(10**8):08d}",
        "mobile_bare": lambda: f"138{dice.randrange(10**8):08d}",
        "fixed": lambda: f"+86216{dice.randrange(10**7):07d}",
        "fixed_separated": lambda: f"021-6{dice.randrange(1000):03d} {dice.randrange(10**4):04d}",
        "foreign": lambda: f"+4420{dice.randrange(10**8):08d}",
        "code": lambda: f"955{dice.randrange(100):02d}",
        "unreadable": lambda: f"77{dice.randrange(10**12):012d}",
    }
