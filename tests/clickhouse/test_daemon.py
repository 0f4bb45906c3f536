"""The whole daemon feeds ClickHouse while calls are made, and says how far it is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from tests.clickhouse.conftest import Server
from tests.support.clickhouse_server import KEY
from tests.support.house import House

from ringfence.clickhouse.client import Client
from ringfence.clickhouse.settings import ClickHouseSettings

pytestmark = pytest.mark.e2e


def feeding(server: Server, folder: Path, database: str) -> Callable[[str], str]:
    """The sample's settings changed so that they feed this server."""
    (folder / "password").write_text(KEY)

    def change(text: str) -> str:
        text = text.replace("#url: https://clickhouse.example.net:8443", f"url: {server.url}")
        text = text.replace("#password_file: secrets/clickhouse.password", f"password_file: {folder}/password")
        return text.replace("database: ringfence", f"database: {database}").replace("user: default", "user: feeder")

    return change


def asking(server: Server, folder: Path) -> Client:
    return Client(ClickHouseSettings(url=server.url, user="feeder", password_file=folder / "password"))


async def test_calls_come_to_clickhouse(server: Server, tmp_path: Path) -> None:
    with TemporaryDirectory(prefix="rf") as name:
        async with House(Path(name), feeding(server, tmp_path, "house")) as house:
            reports = [await house.call(5071, "+861000000101") for _ in range(3)]
            assert [report.status for report in reports] == [200] * 3
            await house.until(lambda: house.metric("clickhouse_inserted_total") == 9, 20)
            assert house.metric("clickhouse_behind") == house.metric("clickhouse_failures_total") == 0
            assert house.metric("child_restarts_total", process="clickhouse") == 0
            async with asking(server, tmp_path) as client:
                rows = await client.select(
                    "SELECT kind, count() AS n FROM house.records FINAL GROUP BY kind ORDER BY kind"
                )
            assert [(row["kind"], int(row["n"])) for row in rows] == [("decision", 3), ("outcome", 3), ("end", 3)]
