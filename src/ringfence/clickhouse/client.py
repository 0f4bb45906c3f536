"""ClickHouse's HTTP interface: statements out, rows in."""

from __future__ import annotations

import os
import ssl
from collections.abc import Iterable
from types import TracebackType
from typing import Any, Self

import aiohttp
import orjson

from ringfence.clickhouse.errors import ClickHouseError
from ringfence.clickhouse.settings import ClickHouseSettings

TIMEOUT = 60.0  # seconds for a statement and its answer
LONGEST_COMPLAINT = 300  # characters of what the server says is wrong


class Client:
    """`async with Client(settings) as client`. Raises ClickHouseError, with the reason and never with a row."""

    def __init__(self, settings: ClickHouseSettings) -> None:
        assert settings.url is not None
        self._url = settings.url
        self._headers = {"X-ClickHouse-User": settings.user}
        password = _password(settings)
        if password:
            self._headers["X-ClickHouse-Key"] = password
        self._tls: ssl.SSLContext | bool = True
        if settings.ca is not None:
            try:
                self._tls = ssl.create_default_context(cafile=settings.ca)
            except OSError as error:
                raise ClickHouseError(f"{settings.ca}: clickhouse.ca cannot be read: {error}") from None
        self._session: aiohttp.ClientSession

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            headers=self._headers, timeout=aiohttp.ClientTimeout(total=TIMEOUT), raise_for_status=False
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._session.close()

    async def run(self, statement: str) -> None:
        """A statement without an answer."""
        await self._post({}, statement.encode())

    async def insert(self, table: str, rows: Iterable[dict[str, Any]]) -> None:
        """All rows, or an error: then some of them may be there."""
        data = b"\n".join(map(orjson.dumps, rows))
        # Whatever defaults the server has: wait until the rows are written, and take no misspelt column.
        settings = {"async_insert": "0", "input_format_skip_unknown_fields": "0"}
        await self._post({"query": f"INSERT INTO {table} FORMAT JSONEachRow", **settings}, data)

    async def select(self, statement: str, **parameters: int | str) -> list[dict[str, Any]]:
        """The rows of an answer. parameters: of `{name:Type}` in the statement."""
        given = {f"param_{name}": str(value) for name, value in parameters.items()}
        answer = await self._post(given, f"{statement} FORMAT JSONEachRow".encode())
        try:
            return [orjson.loads(line) for line in answer.splitlines() if line]
        except orjson.JSONDecodeError:
            raise ClickHouseError("ClickHouse: the answer is no JSON") from None  # an error in the middle of rows

    async def _post(self, query: dict[str, str], body: bytes) -> bytes:
        try:
            async with self._session.post(self._url, params=query, data=body, ssl=self._tls) as response:
                answer = await response.read()
        except TimeoutError:
            raise ClickHouseError(f"ClickHouse does not answer within {TIMEOUT:.0f} s") from None
        except (aiohttp.ClientError, OSError) as error:
            raise ClickHouseError(f"ClickHouse cannot be reached: {error}") from None
        if response.status != 200:
            raise ClickHouseError(f"ClickHouse answers {response.status}: {_complaint(answer)}")
        return answer


def _complaint(answer: bytes) -> str:
    """What the server says is wrong, without the row that it may quote behind it."""
    text = answer.decode("utf-8", "replace").partition(": (")[0].partition("\n")[0].partition("While executing")[0]
    return text[:LONGEST_COMPLAINT]


def _password(settings: ClickHouseSettings) -> str:
    if settings.password_file is not None:
        try:
            return settings.password_file.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError):
            raise ClickHouseError(f"{settings.password_file}: clickhouse.password_file cannot be read") from None
    if settings.password_env is not None:
        if settings.password_env not in os.environ:
            raise ClickHouseError(f"clickhouse.password_env: {settings.password_env} is not set")
        return os.environ[settings.password_env]
    return ""
