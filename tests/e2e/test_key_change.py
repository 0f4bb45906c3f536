"""Both secret keys changed under a running daemon by the documented commands: no marketing call is judged wrongly."""

from __future__ import annotations

import asyncio
import json
import secrets
import subprocess
import sys
import time
from collections import Counter
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
from ringfence.registry import evidence as room
from ringfence.registry.actors import Actor
from ringfence.registry.opening import open_evidence, open_registry
from ringfence.registry.statements import consent, refusal

pytestmark = pytest.mark.e2e

AGREES, REFUSES, SILENT = "+8613900139000", "+8613900139001", "+8613900139002"
EXPECTED = {AGREES: 200, REFUSES: 603, SILENT: 403}
MARKETING = "127.0.0.2"
OPERATOR = Actor("test", "operator", "test")


class House:
    """A daemon, and a caller who never stops asking what its three callees get."""

    def __init__(self, daemon: Daemon, settings: Settings, caller: Caller) -> None:
        self.daemon = daemon
        self.settings = settings
        self.keys = settings.data_directory / "keys"
        self._caller = caller
        self.expected = dict(EXPECTED)
        self.seen: Counter[tuple[str, int]] = Counter()

    async def call(self, callee: str) -> int:
        target = self.settings.listeners[0].address
        return (await self._caller.place(CallPlan(caller="+8613800138000", callee=callee, target=target))).status

    async def keep_calling(self) -> None:
        while True:
            for callee in tuple(self.expected):
                wanted = self.expected[callee]
                status = await self.call(callee)
                if wanted == self.expected[callee]:
                    self.seen[callee, status] += 1

    async def run(self, *arguments: str) -> str:
        """A command as an operator gives it, in a process of its own."""
        command = [sys.executable, "-m", "ringfence", *arguments, "--config", str(self.daemon.config)]
        done = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def write(self, name: str, *keys: str) -> None:
        """A key file replaced as an editor does it."""
        draft = self.keys / f"{name}.draft"
        draft.write_text("".join(f"{key}\n" for key in keys))
        draft.replace(self.keys / name)

    def judged(self) -> dict[str, set[int]]:
        return {callee: {status for seen, status in self.seen if seen == callee} for callee in EXPECTED}


@pytest.fixture
async def house(ringfence_daemon: Callable[[Any, str], Daemon]) -> AsyncIterator[House]:
    listen, switch = free_port(), free_port()
    softswitch = Softswitch("127.0.0.1", switch, ring=0.0)
    await softswitch.open("udp")
    caller = Caller(MARKETING, 0)
    await caller.open("udp")
    rules = {"consent": {"mode": "enforce"}, "harassment_score": {"mode": "off"}, "rate": {"mode": "off"}}
    settings = daemon_settings(f"127.0.0.1:{listen}", [MARKETING], [f"127.0.0.1:{switch}"], rules)
    settings["trunks"][0] |= {"marketing": True}
    settings["redis"] = {**settings.get("redis", {}), "deadline": "500ms"}  # which a busy machine keeps too
    daemon = ringfence_daemon(settings, f"{MARKETING}:0")
    loaded = load(daemon.config)
    made = House(daemon, loaded, caller)
    async with await open_registry(loaded.registry, loaded.data_directory) as registry:
        evidence = open_evidence(loaded.registry, loaded.data_directory)
        file = await room.store(registry, evidence, [b"%PDF-1.7 I agree"], OPERATOR)
        now = int(time.time())
        await registry.record(consent(AGREES, HOLDER, now - 10, evidence=file.sha256), OPERATOR)
        await registry.record(refusal(REFUSES, "*", now - 10), OPERATOR)
    async with asyncio.timeout(20):
        while [await made.call(callee) for callee in EXPECTED] != list(EXPECTED.values()):
            await asyncio.sleep(0.05)
        while not (await ask(loaded.data_directory / "control.sock", "ready"))["ready"]:
            await asyncio.sleep(0.05)  # every worker has found the index, not only those that these calls came to
    calling = asyncio.create_task(made.keep_calling())
    yield made
    calling.cancel()
    await asyncio.gather(calling, return_exceptions=True)
    await caller.close()
    await softswitch.close()


async def test_the_digest_key_of_the_index(house: House) -> None:
    old, new = (house.keys / "digest.key").read_text().strip(), secrets.token_hex(32)
    house.write("digest.key", old, new)
    await asyncio.sleep(0.6)
    house.write("digest.key", new, old)
    await asyncio.sleep(0.6)
    await house.run("index", "rebuild")
    async with asyncio.timeout(30):
        while json.loads(await house.run("index", "status", "--json"))["previous"]:
            await asyncio.sleep(0.5)
    house.write("digest.key", new)
    await asyncio.sleep(0.6)
    # The follower writes by the new key too, and the old one reads nothing any more.
    house.expected[SILENT] = 603
    async with await open_registry(house.settings.registry, house.settings.data_directory) as registry:
        await registry.record(refusal(SILENT, "*", int(time.time())), OPERATOR)
    began = time.monotonic()
    while await house.call(SILENT) != 603:
        assert time.monotonic() - began < 1.0
    await house.run("index", "verify")
    assert house.judged() == {AGREES: {200}, REFUSES: {603}, SILENT: {403, 603}}
    assert sum(house.seen.values()) > 100
    with Redis(unix_socket_path=str(house.settings.data_directory / "store" / "store.sock")) as store:
        generations = {key.partition(b"}:")[2][:8] for key in store.scan_iter(match="rf:x{*}:*", count=10_000)}
    assert len(generations) == 1  # nothing that was made with the old key is left


async def test_the_key_of_numbers_and_evidence(house: House, tmp_path: Path) -> None:
    old, new = (house.keys / "numbers.key").read_text().strip(), secrets.token_hex(32)
    house.write("numbers.key", new, old)
    assert await house.run("registry", "rotate") == "2 numbers and 1 files encrypted anew\n"
    house.write("numbers.key", new)
    assert (await house.run("registry", "verify")).splitlines()[0].endswith("1 files: sound")
    # The process that follows has the registry open all the time: it reads numbers under the new key alone.
    house.expected[SILENT] = 603
    async with await open_registry(house.settings.registry, house.settings.data_directory) as registry:
        await registry.record(refusal(SILENT, "*", int(time.time())), OPERATOR)
    began = time.monotonic()
    while await house.call(SILENT) != 603:
        assert time.monotonic() - began < 1.0
    house.expected[AGREES] = 403
    await house.run("consent", "remove", AGREES, "--holder", HOLDER)
    assert await house.call(AGREES) == 403
    await house.run("consent", "proof", AGREES, HOLDER, "--to", str(tmp_path / "proof"))
    await house.run("index", "verify")
    assert house.judged() == {AGREES: {200, 403}, REFUSES: {603}, SILENT: {403, 603}}
