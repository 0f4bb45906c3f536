"""Python's garbage collector, kept off the calls.

Transactions live for up to 32 s after their end, so at a few thousand calls a second half a million objects stand, and
a full collection walks over all of them: pauses of over a second were seen. The engine's objects make no cycles that
outlive a call (a test of its room says so); what makes some is rare and beside the calls: a connection that broke.
"""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable

YOUNG = 20_000  # new objects between two looks at the new ones alone: about 2 ms each
NEVER = 1_000_000  # young looks before an older generation is walked over: more than a day's
TIDY_EVERY = 60.0  # seconds


def spare() -> None:
    """What stands now stands for good, and what survives its first look is looked at only by `tidy`."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, NEVER, NEVER)


async def tidy(quiet: Callable[[], bool]) -> None:
    """Collect everything now and then while the house is quiet, which makes it a matter of milliseconds."""
    while True:
        await asyncio.sleep(TIDY_EVERY)
        if quiet():
            gc.collect()
