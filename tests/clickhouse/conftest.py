"""ClickHouse's engine in a process of its own, and a folder of records to feed to it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from tests.support.clickhouse_server import KEY
from tests.support.net import bound, free_port
from tests.support.process import Process
from tests.warehouse.conftest import History, history

from ringfence.clickhouse.client import Client
from ringfence.clickhouse.feeder import Feeder
from ringfence.clickhouse.sealing import Sealer
from ringfence.clickhouse.settings import ClickHouseSettings
from ringfence.records.keys import open_keys
from ringfence.records.settings import RecordsSettings

__all__ = ["History", "history"]

KEYS = [b"1" * 32]


class Server:
    """Can be stopped and started again with what it had."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self._folder = folder
        self._process: Process | None = None
        self.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        command = [sys.executable, "-m", "tests.support.clickhouse_server", str(self.port), self._folder / "data"]
        self._process = Process(command, self._folder / "server.log")
        self._process.wait_ready(lambda: bound(f"127.0.0.1:{self.port}", "tcp"), 60)

    def stop(self) -> None:
        if self._process is not None:
            self._process.stop(20)
            self._process = None


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    running = Server(tmp_path_factory.mktemp("clickhouse"))
    yield running
    running.stop()


@pytest.fixture
def settings(server: Server, tmp_path: Path, request: pytest.FixtureRequest) -> ClickHouseSettings:
    """A database of the test's own."""
    password = tmp_path / "password"
    password.write_text(KEY + "\n")
    database = "t" + str(abs(hash(request.node.nodeid)))
    return ClickHouseSettings(
        url=server.url, database=database, user="feeder", password_file=password, keep="3650d", batch=4
    )


class Bench:
    """A client with what it takes to feed and to ask."""

    def __init__(self, client: Client, settings: ClickHouseSettings, folder: Path) -> None:
        self.client = client
        self.settings = settings
        self.folder = folder
        self.sealer = Sealer(KEYS)
        self.keys = partial(open_keys, RecordsSettings(folder=folder), folder.parent)

    def feeder(self, **more: Any) -> Feeder:
        return Feeder(self.folder, self.settings.model_copy(update=more), self.client, self.sealer, self.keys)

    async def fed(self, feeder: Feeder | None = None) -> Feeder:
        feeder = feeder or self.feeder()
        while await feeder.step():
            pass
        return feeder

    async def rows(self, what: str) -> list[dict[str, Any]]:
        return await self.client.select(
            what.replace("records", f"{self.settings.database}.records").replace(
                "numbers", f"{self.settings.database}.numbers"
            )
        )

    async def count(self, table: str = "records FINAL") -> int:
        return int((await self.rows(f"SELECT count() AS n FROM {table}"))[0]["n"])


@pytest.fixture
async def bench(settings: ClickHouseSettings, history: History) -> Any:
    async with Client(settings) as client:
        yield Bench(client, settings, history.folder)


Make = Callable[..., Feeder]
