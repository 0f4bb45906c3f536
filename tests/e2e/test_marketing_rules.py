"""A running daemon and its store: a callee is not called too often by one holder, nor outside the hours it may be."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from redis import Redis
from tests.support.daemon import Daemon
from tests.support.net import free_port
from tests.support.settings import NO_STORE, daemon_settings

from ringfence.config import load
from ringfence.control.channel import ask
from ringfence.demo.caller import Caller, CallPlan
from ringfence.demo.softswitch import Softswitch

pytestmark = pytest.mark.e2e

ONE, OTHER_TRUNK, OTHER_HOLDER = "127.0.0.2", "127.0.0.3", "127.0.0.4"
CALLEE, SECOND = "+8613900139000", "+8613900139001"
ALL_DAY = {"workday": ["00:00-24:00"], "weekend": ["00:00-24:00"], "holiday": []}


class House:
    """A daemon with two marketing trunks of one holder and one of another, and a caller on each."""

    def __init__(self, daemon: Daemon, callers: dict[str, Caller]) -> None:
        self.daemon = daemon
        self.settings = load(daemon.config)
        self._callers = callers

    async def call(self, source: str = ONE, callee: str = CALLEE, caller: str = "+8613800138000") -> int:
        """The final status of one call."""
        plan = CallPlan(caller=caller, callee=callee, target=self.settings.listeners[0].address)
        status = (await self._callers[source].place(plan)).status
        await asyncio.sleep(0.01)  # a count may wait a moment, and the next call may be another worker's
        return status

    async def asked(self, what: str) -> dict[str, Any]:
        answer: dict[str, Any] = await ask(self.settings.data_directory / "control.sock", what)
        return answer

    @property
    def store(self) -> Path:
        return self.settings.data_directory / "store" / "store.sock"

    def kill_store(self) -> None:
        for pid in self.daemon.process.pids():
            if b"valkey-server" in Path(f"/proc/{pid}/cmdline").read_bytes():
                os.kill(pid, signal.SIGKILL)


@pytest.fixture
async def house(ringfence_daemon: Callable[[Any, str], Daemon]) -> AsyncIterator[House]:
    ports = {name: free_port() for name in ("listen", "switch")}
    softswitch = Softswitch("127.0.0.1", ports["switch"], ring=0.0)
    await softswitch.open("udp")
    callers = {source: Caller(source, 0) for source in (ONE, OTHER_TRUNK, OTHER_HOLDER)}
    for caller in callers.values():
        await caller.open("udp")
    rules = {
        **NO_STORE,
        "callee_frequency": {"mode": "enforce", "limits": [{"calls": 2, "window": "1h"}]},
        "calling_hours": {"mode": "enforce", "hours": ALL_DAY},
    }
    settings = daemon_settings(f"127.0.0.1:{ports['listen']}", [ONE], [f"127.0.0.1:{ports['switch']}"], rules)
    trunk = settings["trunks"][0] | {"marketing": True}
    settings["trunks"] = [
        trunk, {**trunk, "name": "second", "sources": [{"address": OTHER_TRUNK}]},
        {**trunk, "name": "third", "sources": [{"address": OTHER_HOLDER}], "holder": "Another"},
    ]  # fmt: skip
    yield House(ringfence_daemon(settings, f"{ONE}:0"), callers)
    for caller in callers.values():
        await caller.close()
    await softswitch.close()


@pytest.mark.workers_too
async def test_a_holder_s_calls_to_a_callee_are_counted_over_its_trunks(house: House) -> None:
    assert [await house.call(caller="+8613700137000") for _ in range(3)] == [403] * 3  # refused ones do not count
    assert [await house.call(), await house.call(OTHER_TRUNK)] == [200, 200]
    assert [await house.call(), await house.call(OTHER_TRUNK)] == [480, 480]
    assert [await house.call(OTHER_HOLDER), await house.call(callee=SECOND)] == [200, 200]
    with Redis(unix_socket_path=str(house.store)) as client:
        names = [name for name in client.scan_iter("*") if b"f:" in name]
        assert sorted(client.llen(name) for name in names) == [1, 1, 2]
        assert all(3500 < client.ttl(name) <= 3601 for name in names)
        assert not [name for name in names if CALLEE[3:].encode() in name]
        client.delete(*names)
    assert await house.call() == 200


async def test_a_store_that_is_gone_stops_no_call(house: House) -> None:
    assert [await house.call() for _ in range(3)] == [200, 200, 480]
    house.kill_store()
    assert await house.call() == 200


async def test_a_changed_calendar_takes_effect(house: House) -> None:
    assert await house.call() == 200
    # Yesterday to tomorrow are holidays: whatever the date is in Shanghai, and whenever midnight comes.
    days = [datetime.now(UTC).date() + timedelta(each) for each in (-1, 0, 1, 2)]
    years: dict[int, Any] = {}
    for day in days:
        year = years.setdefault(day.year, {"source": "us", "holidays": []})
        year["holidays"].append({"name": "holiday", "from": day.isoformat()})
    said = {"calendar": "own", "country": "CN", "date": "2026-01-01", "title": "ours", "sources": {"us": "we"}}
    file = house.daemon.folder / "own.yaml"
    file.write_text(yaml.safe_dump({**said, "years": {str(year): value for year, value in years.items()}}))
    settings = yaml.safe_load(house.daemon.config.read_text())
    house.daemon.config.write_text(yaml.safe_dump({**settings, "calendars": {"files": ["own.yaml"]}}))
    assert await house.asked("reload") == {"generation": 2, "faults": []}
    assert await house.call(callee=SECOND) == 480
    file.write_text(file.read_text().replace("source: us", "source: them"))
    faults = (await house.asked("reload"))["faults"]
    assert faults and all("no such source: them" in fault for fault in faults)
    assert await house.call(callee=SECOND) == 480


async def test_what_the_calendars_do_not_know_is_a_warning(house: House) -> None:
    settings = yaml.safe_load(house.daemon.config.read_text())
    house.daemon.config.write_text(yaml.safe_dump({**settings, "calendars": {"shipped": ["sg"]}}))
    began = time.monotonic()
    await house.asked("reload")
    while not any("none is of CN" in each for each in (await house.asked("ready"))["warnings"]):
        assert time.monotonic() - began < 5
        await asyncio.sleep(0.05)
