"""A running daemon: what callees say reaches the next call within a second, and a store that is down closes marketing
trunks and nothing else."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from redis import Redis
from tests.support.daemon import Daemon
from tests.support.net import free_port
from tests.support.settings import HOLDER, daemon_settings

from ringfence.config import Settings, load
from ringfence.control.channel import ask
from ringfence.demo.caller import Caller, CallPlan
from ringfence.demo.softswitch import Softswitch
from ringfence.registry.actors import Actor
from ringfence.registry.opening import open_registry
from ringfence.registry.register import Registry
from ringfence.registry.statements import consent, refusal

pytestmark = pytest.mark.e2e

CALLEE = "+8613900139000"
MARKETING, OTHER = "127.0.0.2", "127.0.0.3"
OPERATOR = Actor("test", "operator", "test")


class House:
    """A daemon with a marketing trunk and another one, its softswitch, a caller on each trunk, and the registry."""

    def __init__(self, daemon: Daemon, settings: Settings, registry: Registry, callers: dict[str, Caller]) -> None:
        self.daemon = daemon
        self.settings = settings
        self.registry = registry
        self._callers = callers

    async def call(self, source: str = MARKETING, caller: str = "+8613800138000") -> int:
        """The final status of one call to the callee."""
        target = self.settings.listeners[0].address
        plan = CallPlan(caller=caller, callee=CALLEE, target=target)
        return (await self._callers[source].place(plan)).status

    async def until(self, status: int, seconds: float) -> float:
        """How long it took until a marketing call got this status; each call asks anew."""
        began = time.monotonic()
        while (seen := await self.call()) != status:
            assert time.monotonic() - began < seconds, f"still {seen}"
        return time.monotonic() - began

    async def ready(self) -> dict[str, Any]:
        answer: dict[str, Any] = await ask(self.settings.data_directory / "control.sock", "ready")
        return answer

    @property
    def store_pid(self) -> int:
        for pid in self.daemon.process.pids():
            if b"valkey-server" in Path(f"/proc/{pid}/cmdline").read_bytes():
                return pid
        raise AssertionError("no store runs")


@pytest.fixture
async def house(ringfence_daemon: Callable[[Any, str], Daemon]) -> AsyncIterator[House]:
    ports = {name: free_port() for name in ("listen", "switch")}
    softswitch = Softswitch("127.0.0.1", ports["switch"], ring=0.0)
    await softswitch.open("udp")
    callers = {source: Caller(source, 0) for source in (MARKETING, OTHER)}
    for caller in callers.values():
        await caller.open("udp")
    rules = {"consent": {"mode": "enforce"}, "harassment_score": {"mode": "enforce"}, "rate": {"mode": "observe"}}
    settings = daemon_settings(f"127.0.0.1:{ports['listen']}", [MARKETING], [f"127.0.0.1:{ports['switch']}"], rules)
    settings["trunks"][0] |= {"marketing": True, "sector": "finance"}
    settings["trunks"].append(
        {**settings["trunks"][0], "name": "other", "sources": [{"address": OTHER}], "marketing": False}
    )
    daemon = ringfence_daemon(settings, f"{OTHER}:0")
    loaded = load(daemon.config)
    async with await open_registry(loaded.registry, loaded.data_directory) as registry:
        yield House(daemon, loaded, registry, callers)
    for caller in callers.values():
        await caller.close()
    await softswitch.close()


@pytest.mark.workers_too
async def test_what_a_callee_says_counts_within_a_second(house: House) -> None:
    await house.until(403, 20)  # the index is there, and nobody consented
    async with asyncio.timeout(1):
        while not (await house.ready())["ready"]:
            await asyncio.sleep(0.05)  # each worker looks for it
    began = int(time.time())
    await house.registry.record(consent(CALLEE, HOLDER, began - 10, reference="tape 1"), OPERATOR)
    assert await house.until(200, 5) < 1.0
    for scope, lifted in (("*", 200), ("sector:finance", 200), (f"holder:{HOLDER}", 200)):
        await house.registry.record(refusal(CALLEE, scope, began), OPERATOR)
        assert await house.until(603, 5) < 1.0
        assert await house.call(OTHER) == 200
        await house.registry.end(CALLEE, OPERATOR, ("refusal",), scope, "test")
        assert await house.until(lifted, 5) < 1.0
    await house.registry.record(refusal(CALLEE, "sector:travel", began - 60), OPERATOR)  # another sector's, and older
    await asyncio.sleep(0.5)
    assert await house.call() == 200
    await house.registry.end(CALLEE, OPERATOR, ("consent",), f"holder:{HOLDER}")
    assert await house.until(403, 5) < 1.0


async def test_a_flush_closes_marketing_until_the_index_is_back(house: House) -> None:
    await house.registry.record(consent(CALLEE, HOLDER, int(time.time()) - 10), OPERATOR)
    await house.until(200, 20)
    with Redis(unix_socket_path=str(house.settings.data_directory / "store" / "store.sock")) as client:
        client.flushall()
    assert await house.call() in (480, 200)
    assert await house.call(OTHER) == 200
    assert await house.until(200, 10) < 5.0


async def test_a_store_that_is_down_closes_marketing_and_nothing_else(house: House) -> None:
    await house.registry.record(consent(CALLEE, HOLDER, int(time.time()) - 10), OPERATOR)
    await house.until(200, 20)
    pid = house.store_pid
    os.kill(pid, signal.SIGSTOP)
    try:
        assert await house.call() == 480
        assert await house.call(OTHER) == 200
        await house.registry.record(refusal(CALLEE, "*", int(time.time())), OPERATOR)
    finally:
        os.kill(pid, signal.SIGCONT)
    await house.until(603, 20)
    os.kill(house.store_pid, signal.SIGKILL)
    assert await house.call() == 480
    assert await house.call(OTHER) == 200
    seen = set()
    began = time.monotonic()
    while (status := await house.call()) != 603:
        seen.add(status)
        assert time.monotonic() - began < 20
    assert seen <= {480}  # the refusal is never forgotten on the way


async def test_the_process_that_follows_is_started_again(house: House) -> None:
    await house.until(403, 20)
    follower = next(
        pid for pid in house.daemon.process.pids() if b"\0follow\0" in Path(f"/proc/{pid}/cmdline").read_bytes()
    )
    os.kill(follower, signal.SIGKILL)
    await house.registry.record(consent(CALLEE, HOLDER, int(time.time()) - 10), OPERATOR)
    await house.until(200, 20)
