"""The whole house on the sample configuration with ports of its own: daemon, store, HTTP, a softswitch, callers."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import signal
import time
from collections.abc import Callable
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, Self

from tests.support.daemon import launch
from tests.support.net import free_port, split

from ringfence.demo.caller import Caller, CallPlan, CallReport
from ringfence.demo.scrape import Samples, parse_samples
from ringfence.demo.softswitch import Seen, Softswitch

SAMPLE = Path(__file__).resolve().parents[2] / "config/ringfence.yaml"
TOKEN = "a-token-of-these-tests"
HOLDER = "Example Marketing"
PORTS = (5060, 5080, 5071, 5072, 5073, 9460)


class House:
    """`async with House(folder) as house`.

    folder: short, since a socket's path is. change: what the test has otherwise in the sample's text.
    """

    def __init__(self, folder: Path, change: Callable[[str], str] = lambda text: text) -> None:
        self.folder = folder
        self.config = folder / "ringfence.yaml"
        self.ports = {port: free_port() for port in PORTS}
        self.write(change)
        (folder / "token").write_text(TOKEN)
        self.switch = Softswitch("127.0.0.1", self.ports[5080])
        self._callers: dict[int, Caller] = {}

    def write(self, change: Callable[[str], str] = lambda text: text) -> None:
        """The sample's text, changed, as the configuration."""
        text = self._moved(SAMPLE.read_text())
        shutil.copytree(SAMPLE.parent / "ledger", self.folder / "ledger", dirs_exist_ok=True)
        trunks = self.folder / "ledger/trunks.yaml"
        trunks.write_text(change(self._moved(trunks.read_text())))
        text = text.replace("data_directory: ../data", "data_directory: data")
        text = text.replace("#token_file: secrets/control.token", "token_file: token")
        changed = change(text)
        draft = self.config.with_suffix(".draft")
        draft.write_text(changed)
        draft.rename(self.config)

    def _moved(self, text: str) -> str:
        """The sample's ports replaced in one pass: a new port may begin as another old one does."""
        return re.sub(r"(:|port: )(\d+)\b", lambda found: found[1] + str(self.ports.get(int(found[2]), found[2])), text)

    async def __aenter__(self) -> Self:
        await self.switch.open("udp", "tcp", listening=True)
        self.process = launch(self.config, self.folder)
        try:
            await self.until(lambda: self.get("/live")[0] == 200, 20)
            await self.until(lambda: self.get("/metrics")[0] == 200, 5)
            await self.until(lambda: "starting" not in self.get("/ready")[1], 20)  # the consent index is there
        except BaseException:
            await self.__aexit__()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        for caller in self._callers.values():
            await caller.close()
        try:
            await asyncio.to_thread(self.process.stop, 20)
        finally:
            await self.switch.close()

    async def until(self, true: Callable[[], bool], seconds: float = 5.0) -> None:
        """Wait for something. Raises AssertionError with the log's end when it does not come."""
        deadline = time.monotonic() + seconds
        while not await asyncio.to_thread(true):
            assert time.monotonic() < deadline, self.process.tail()
            await asyncio.sleep(0.03)

    # -- HTTP -------------------------------------------------------------------------------------------------

    def http(self, method: str, path: str, body: Any = None) -> tuple[int, str]:
        """Status and text; (0, "") where nobody listens."""
        connection = HTTPConnection("127.0.0.1", self.ports[9460], timeout=10)
        try:
            given = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
            connection.request(method, path, None if body is None else json.dumps(body), given)
            response = connection.getresponse()
            return response.status, response.read().decode()
        except OSError:
            return 0, ""
        finally:
            connection.close()

    def get(self, path: str) -> tuple[int, str]:
        return self.http("GET", path)

    def json(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        status, text = self.http(method, path, body)
        return status, json.loads(text)

    def metrics(self) -> Samples:
        return parse_samples(self.get("/metrics")[1])

    def metric(self, name: str, **labels: str) -> float:
        """The sum of a metric's samples that have these labels; 0 where there are none."""
        wanted = [f'{key}="{value}"' for key, value in labels.items()]
        return sum(
            value
            for sample, value in self.metrics().items()
            if sample.partition("{")[0] == f"ringfence_{name}" and all(label in sample for label in wanted)
        )

    @property
    def workers(self) -> int:
        """Processes that serve calls."""
        return max(1, round(self.metric("worker_up")))

    def ready(self) -> dict[str, Any]:
        answer: dict[str, Any] = self.json("GET", "/ready")[1]
        return answer

    # -- calls ------------------------------------------------------------------------------------------------

    async def caller(self, port: int) -> Caller:
        """The caller at the address of one of the sample's trunks: 5071 bank, 5072 callcentre, 5073 carrier."""
        if port not in self._callers:
            self._callers[port] = Caller("127.0.0.1", self.ports[port])
            await self._callers[port].open("udp")
        return self._callers[port]

    async def call(self, port: int, caller: str, callee: str = "+861000005001", **more: Any) -> CallReport:
        """One whole call."""
        target = split(f"127.0.0.1:{self.ports[5060]}")
        return await (await self.caller(port)).place(CallPlan(caller=caller, callee=callee, target=target, **more))

    def seen(self, report: CallReport) -> Seen:
        """The call as the softswitch got it."""
        return self.switch.seen[report.call_id]

    # -- the daemon -------------------------------------------------------------------------------------------

    def hangup(self) -> None:
        """SIGHUP."""
        os.kill(self.process.pid, signal.SIGHUP)

    def store_pid(self) -> int:
        """The embedded store's process."""
        for pid in self.process.pids()[1:]:
            if (
                "valkey" in Path(f"/proc/{pid}/cmdline").read_text()
                or "redis" in Path(f"/proc/{pid}/cmdline").read_text()
            ):
                return pid
        raise AssertionError("no store runs")

    def events(self) -> list[dict[str, Any]]:
        """The log's lines."""
        return [json.loads(line) for line in self.process.log.read_text().splitlines()]
