"""Refusal by telephone on a running daemon: dialled, durable, confirmed, and in force for the next marketing call."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from tests.support.daemon import Daemon, launch
from tests.support.net import free_port
from tests.support.settings import HOLDER, daemon_settings

from ringfence.config import Settings, load
from ringfence.control.channel import ask
from ringfence.demo.caller import Caller, CallPlan, CallReport
from ringfence.demo.softswitch import Softswitch
from ringfence.registry.actors import Actor
from ringfence.registry.opening import open_registry
from ringfence.registry.register import Registry
from ringfence.registry.statements import consent

pytestmark = pytest.mark.e2e

SUBSCRIBER = "+8613900139000"
MARKETING, ACCESS = "127.0.0.2", "127.0.0.3"
OPERATOR = Actor("test", "operator", "test")
EVERYBODY, LAST, SHOP, ANNOUNCED = "12321", "1232109", "1232101", "1232105"


class House:
    def __init__(self, daemon: Daemon, settings: Settings, registry: Registry, callers: dict[str, Caller]) -> None:
        self.daemon = daemon
        self.settings = settings
        self.registry = registry
        self._callers = callers

    async def place(self, source: str, caller: str, callee: str) -> CallReport:
        target = self.settings.listeners[0].address
        return await self._callers[source].place(CallPlan(caller=caller, callee=callee, target=target))

    async def dial(self, number: str, caller: str = SUBSCRIBER) -> int:
        return (await self.place(ACCESS, caller, number)).status

    async def until(self, status: int, seconds: float, callee: str = SUBSCRIBER) -> float:
        """How long it took until a marketing call got this status."""
        began = time.monotonic()
        while (seen := (await self.place(MARKETING, "+8613800138000", callee)).status) != status:
            assert time.monotonic() - began < seconds, f"still {seen}: {self.daemon.process.tail()}"
        return time.monotonic() - began

    async def until_heard(self) -> None:
        """The process that records listens."""
        async with asyncio.timeout(20):
            while not (self.settings.data_directory / "voice.sock").is_socket():
                await asyncio.sleep(0.05)

    async def refusals(self, callee: str = SUBSCRIBER) -> list[tuple[str, str, str]]:
        said = await self.registry.said(callee, OPERATOR)
        return [(x.statement.scope, x.statement.channel, x.recorded_by) for x in said if x.statement.kind == "refusal"]

    async def agrees(self, callee: str = SUBSCRIBER) -> None:
        await self.registry.record(consent(callee, HOLDER, int(time.time()) - 10, reference="tape"), OPERATOR)
        await self.until(200, 20, callee)

    def ear(self) -> int:
        for pid in self.daemon.process.pids():
            if b"\0hear\0" in Path(f"/proc/{pid}/cmdline").read_bytes():
                return pid
        raise AssertionError("nobody hears")


@pytest.fixture
async def house(ringfence_daemon: Callable[[Any, str], Daemon]) -> AsyncIterator[House]:
    ports = {name: free_port() for name in ("listen", "switch", "announcer")}
    switch, announcer = (Softswitch("127.0.0.1", ports[name], ring=0.0) for name in ("switch", "announcer"))
    for one in (switch, announcer):
        await one.open("udp")
    callers = {source: Caller(source, 0) for source in (MARKETING, ACCESS)}
    for caller in callers.values():
        await caller.open("udp")
    rules = {"consent": {"mode": "enforce"}, "harassment_score": {"mode": "off"}, "rate": {"mode": "observe"}}
    settings = daemon_settings(f"127.0.0.1:{ports['listen']}", [MARKETING], [f"127.0.0.1:{ports['switch']}"], rules)
    settings["gateways"]["announcer"] = {
        "probe": {"enabled": False},
        "targets": [{"uri": f"sip:127.0.0.1:{ports['announcer']}"}],
    }
    settings["trunks"][0] |= {"marketing": True, "sector": "finance"}
    subscribers = {"numbers": [{"prefix": "+86139"}], "sources": [{"address": ACCESS}], "kind": "internal"}
    settings["trunks"].append({"name": "access", "holder": "Carrier", **subscribers})
    settings["voice"] = {
        "lines": [
            {"number": EVERYBODY, "refuses": "everybody"},
            {"number": LAST, "refuses": "last_caller"},
            {"number": "12321", "refuses": "holder", "holders": {"01": HOLDER}},
            {
                "number": ANNOUNCED,
                "refuses": "sector",
                "sector": "finance",
                "announcement": "announcer",
                "announcement_uri": "sip:refused@announcements.example",
            },
        ]
    }
    daemon = ringfence_daemon(settings, f"{ACCESS}:0")
    loaded = load(daemon.config)
    async with await open_registry(loaded.registry, loaded.data_directory) as registry:
        made = House(daemon, loaded, registry, callers)
        made.announcer = announcer  # type: ignore[attr-defined]
        yield made
    for caller in callers.values():
        await caller.close()
    for one in (switch, announcer):
        await one.close()


@pytest.mark.workers_too
async def test_a_dialled_refusal_counts_for_the_next_marketing_call(house: House) -> None:
    await house.until_heard()
    await house.agrees()
    assert await house.dial(LAST) == 603  # the marketing call that just got through
    assert await house.until(603, 5) < 1.0
    assert await house.refusals() == [(f"holder:{HOLDER}", "voice", "voice:access")]
    assert await house.dial(LAST) == 603
    assert await house.dial(SHOP) == 603
    assert len(await house.refusals()) == 1  # the very same already stands
    assert await house.dial(LAST, "+8613900139001") == 404  # nobody called that one
    report = await house.place(MARKETING, "+8613900139000", EVERYBODY)
    assert report.status == 403  # a marketing trunk shows the subscriber's number: judged as any call
    report = await house.place(ACCESS, SUBSCRIBER, ANNOUNCED)
    assert report.status == 200
    seen = house.announcer.seen[report.call_id]  # type: ignore[attr-defined]
    assert seen.callee == "refused"
    assert [scope for scope, *_ in await house.refusals()] == [f"holder:{HOLDER}", "sector:finance"]
    statuses = [await house.dial(EVERYBODY) for _ in range(8)]
    assert statuses[0] == 603 and statuses[-1] == 480  # served twelve times an hour, and no oftener
    taken = await ask(house.settings.data_directory / "control.sock", "snapshot")
    outcomes = taken["counters"]["dialled"]
    assert outcomes["recorded"] == 3 and outcomes["nobody"] == 1 and outcomes["limited"] >= 1
    assert taken["lookups"]["forgotten"] == 0


async def test_what_was_confirmed_survives_the_death_of_everything(house: House) -> None:
    await house.until_heard()
    told: dict[str, int] = {}
    numbers = [f"+86139001380{place:02}" for place in range(40)]

    async def dial_all() -> None:
        for number in numbers:
            told[number] = await house.dial(EVERYBODY, number)

    work = asyncio.create_task(dial_all())
    while len(told) < 12:
        await asyncio.sleep(0.001)
    for pid in house.daemon.process.pids():
        os.kill(pid, signal.SIGKILL)
    work.cancel()
    await asyncio.gather(work, return_exceptions=True)
    confirmed = [number for number, status in told.items() if status == 603]
    assert len(confirmed) >= 12
    for number in confirmed:
        assert await house.refusals(number) == [("*", "voice", "voice:access")]
    house.daemon.process = launch(house.daemon.config, house.daemon.folder)
    # A builder that was killed leaves its lock for half a minute.
    await house.until(603, 60, confirmed[-1])


async def test_without_the_process_that_records_nothing_is_claimed(house: House) -> None:
    await house.until_heard()
    os.kill(house.ear(), signal.SIGSTOP)
    began = time.monotonic()
    assert await house.dial(EVERYBODY) == 480
    assert 1.5 < time.monotonic() - began < 4.0
    answer = await ask(house.settings.data_directory / "control.sock", "ready")
    assert any("was not recorded" in warning for warning in answer["warnings"])
    os.kill(house.ear(), signal.SIGKILL)
    assert await house.dial(EVERYBODY, "+8613900139005") == 480
    async with asyncio.timeout(20):
        while await house.dial(EVERYBODY, "+8613900139006") != 603:
            await asyncio.sleep(0.3)
    assert await house.refusals("+8613900139006") == [("*", "voice", "voice:access")]
