"""A list sent to a running daemon: acknowledged, it is recorded whatever dies, and calls are judged by it."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import time
from collections.abc import Callable
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest
from tests.support.daemon import Daemon
from tests.support.net import free_port
from tests.support.settings import HOLDER, daemon_settings

from ringfence.config import load
from ringfence.demo.caller import Caller, CallPlan
from ringfence.demo.softswitch import Softswitch
from ringfence.registry import tokens
from ringfence.registry.actors import Actor
from ringfence.registry.opening import open_registry

pytestmark = pytest.mark.e2e

COUNT = 12_000
MARKETING = "127.0.0.2"
CALLEE = f"+861390{COUNT - 1:07}"
OPERATOR = Actor("test", "operator", "test")


async def test_a_list_survives_the_death_of_the_http_process(ringfence_daemon: Callable[[Any, str], Daemon]) -> None:
    listen, switch, port = free_port(), free_port(), free_port()
    rules = {"consent": {"mode": "enforce"}, "harassment_score": {"mode": "off"}, "rate": {"mode": "off"}}
    settings = daemon_settings(f"127.0.0.1:{listen}", [MARKETING], [f"127.0.0.1:{switch}"], rules)
    settings["trunks"][0] |= {"marketing": True}
    settings["control"] = {"bind": f"127.0.0.1:{port}"}
    daemon = ringfence_daemon(settings, f"{MARKETING}:0")
    loaded = load(daemon.config)
    async with await open_registry(loaded.registry, loaded.data_directory) as registry:
        token = await tokens.add(registry, OPERATOR, "crm", "holder", HOLDER)

    def http(method: str, path: str, body: bytes | None = None) -> tuple[int, Any]:
        connection = HTTPConnection("127.0.0.1", port, timeout=10)
        try:
            connection.request(method, f"/registry/{path}", body, {"Authorization": f"Bearer {token}"})
            response = connection.getresponse()
            return response.status, json.loads(response.read())
        except OSError:
            return 0, {"state": ""}
        finally:
            connection.close()

    async def until(state: str, seconds: float) -> dict[str, Any]:
        began = time.monotonic()
        while (answer := (await asyncio.to_thread(http, "GET", f"imports/{name}"))[1]).get("state") != state:
            assert time.monotonic() - began < seconds, f"{answer}\n{daemon.process.tail()}"
            await asyncio.sleep(0.02)
        return dict(answer)

    body = "callee\n" + "".join(f"1390{place:07}\n" for place in range(COUNT))
    query = "imports?kind=consents&given_at=2024-01-01&reference=form"
    async with asyncio.timeout(20):
        while (sent := await asyncio.to_thread(http, "POST", query, body.encode()))[0] != 202:
            await asyncio.sleep(0.1)
    name = sent[1]["id"]
    running = await until("running", 20)
    assert 0 < running["position"] < running["size"]
    http_process = next(
        pid for pid in daemon.process.pids() if b"ringfence.control\0" in Path(f"/proc/{pid}/cmdline").read_bytes()
    )
    os.kill(http_process, signal.SIGKILL)
    done = await until("done", 60)
    assert (done["recorded"] + done["known"], done["bad"]) == (COUNT, 0)
    softswitch = Softswitch("127.0.0.1", switch, ring=0.0)
    await softswitch.open("udp")
    caller = Caller(MARKETING, 0)
    await caller.open("udp")
    try:
        plan = CallPlan(caller="+8613800138000", callee=CALLEE, target=loaded.listeners[0].address)
        began = time.monotonic()
        while (status := (await caller.place(plan)).status) != 200:
            assert time.monotonic() - began < 10, status
    finally:
        await caller.close()
        await softswitch.close()
