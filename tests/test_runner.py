"""The loop around the engine keeps the collector's looks short."""

from __future__ import annotations

import asyncio
import gc
import random
from typing import Any

from tests.support.stage import Stage

from ringfence.lookups import Resolver
from ringfence.runner import COARSEST_TICK, Runner
from ringfence.transport.settings import ListenerSettings
from ringfence.transport.transports import Transports


async def test_new_objects_are_looked_at_though_their_count_never_asks_for_it() -> None:
    before = gc.get_threshold()
    transports = Transports(
        [ListenerSettings.model_validate({"name": "udp", "transport": "udp", "bind": "127.0.0.1:0"})]
    )
    no_store: Any = None  # nobody calls
    runner = Runner(transports, no_store, Resolver(random.random))
    await transports.open(runner.received, runner.unreachable, runner.malformed)
    try:
        runner.start(Stage().engine)
        gc.set_threshold(1_000_000, 1_000_000, 1_000_000)
        kept = [[number] for number in range(50_000)]
        assert len(gc.get_objects(0)) >= len(kept)
        await asyncio.sleep(3 * COARSEST_TICK)
        assert len(gc.get_objects(0)) < len(kept) / 10
    finally:
        gc.set_threshold(*before)
        await runner.stop()
        await transports.close()
