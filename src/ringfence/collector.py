"""Python's garbage collector, kept off the calls.

Transactions live for up to 32 s after their end, so at a few thousand calls a second half a million objects stand, and
a full collection walks over all of them where they are not compiled: pauses of over a second were seen. The engine's
objects make no cycles that outlive a call (a test of its room says so), so the compiled ones are not the collector's at
all (`acyclic`). What does make cycles are asyncio's own transports, a closed connection's: strangers can open those, so
they are collected when they have come to MOST bytes, even while calls are many.
"""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable

YOUNG = 2_000  # new objects more than freed ones, that bring a look at the new ones alone: 0.04 ms, cold some 0.2
NEVER = 1_000_000_000  # young looks before an older generation is walked over: more than a year's
TIDY_EVERY = 60.0  # seconds, while the house is quiet
TIDY_AT_LAST = 3_600.0  # seconds, in a house that never is: a pause, once an hour, for what made cycles meanwhile
LOOK_EVERY = 1.0  # seconds
MOST = 64 << 20  # bytes of closed connections that may wait for a quiet minute


def spare() -> None:
    """What stands now, and what survives its first look, is looked at again only by `tidy`."""
    gc.collect()
    gc.set_threshold(YOUNG, NEVER, NEVER)


def glance() -> None:
    """Look at what is new since the last look, and not again; to be called a hundred times a second under load.

    Python's own look comes when YOUNG more objects were made than freed. Where as many calls end as begin it never
    comes, and the first one after that walks over all that was made meanwhile: pauses of 0.2 to 1 s were seen.
    """
    gc.collect(0)


async def tidy(quiet: Callable[[], bool], left_behind: Callable[[], int]) -> None:
    """Collect everything now and then, best while the house is quiet, which makes it a matter of milliseconds.

    left_behind: bytes that connections may have left to the collector since the start, closed or not.
    """
    loop = asyncio.get_running_loop()
    collected_at, collected = loop.time(), left_behind()
    while True:
        await asyncio.sleep(LOOK_EVERY)
        since = loop.time() - collected_at
        if since >= (TIDY_EVERY if quiet() else TIDY_AT_LAST) or left_behind() - collected >= MOST:
            gc.collect()
            collected_at, collected = loop.time(), left_behind()
