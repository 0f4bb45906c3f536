"""A caller and a softswitch that speak to each other directly, with timers a tenth as long as on the road."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from ringfence.demo.caller import Caller, CallPlan
from ringfence.demo.softswitch import Softswitch
from ringfence.sip.address import Transport

T1 = 0.05  # seconds; long enough that nothing is repeated on loopback unless a message is lost


@asynccontextmanager
async def pair(
    ring: float = 0.0, refusals: Mapping[str, int] | None = None, t1: float = T1
) -> AsyncIterator[tuple[Caller, Softswitch]]:
    softswitch = Softswitch(t1=t1, ring=ring, refusals=refusals)
    caller = Caller(t1=t1)
    await softswitch.open("udp", "tcp", listening=True)
    try:
        await caller.open("udp", "tcp")
        yield caller, softswitch
    finally:
        await caller.close()
        await softswitch.close()


def plan(softswitch: Softswitch, transport: Transport = "udp", **rest: object) -> CallPlan:
    fields: dict[str, object] = {"caller": "+862161000001", "callee": "+8613800138000", **rest}
    return CallPlan(target=(softswitch.host, softswitch.port), transport=transport, **fields)  # type: ignore[arg-type]
