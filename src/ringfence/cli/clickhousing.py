"""`ringfence clickhouse`: what stands in ClickHouse of the records, and calls found there."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from ringfence.cli import output
from ringfence.cli.options import DEFAULT_CONFIG, ConfigFile

if TYPE_CHECKING:
    from ringfence.warehouse.library import Question, Story

app = typer.Typer(help="Records in ClickHouse.", no_args_is_help=True)


@app.callback()
def group() -> None:
    """Records in ClickHouse."""


@app.command()
def schema(config: ConfigFile = DEFAULT_CONFIG) -> None:
    """Print the statements that make the tables, where the daemon's user may not (`clickhouse.create: false`)."""
    from ringfence.clickhouse.tables import ddl
    from ringfence.config import load

    settings = load(config).clickhouse
    output.line(";\n\n".join(ddl(settings.database, settings.keep)) + ";")


@app.command()
def feed(config: ConfigFile = DEFAULT_CONFIG) -> None:
    """Bring all records there now, without a daemon; one that runs does so by itself."""
    from ringfence.clickhouse.errors import ClickHouseError
    from ringfence.clickhouse.process import feed as feed_all
    from ringfence.config import load

    settings = load(config)
    if settings.clickhouse.url is None:
        raise ClickHouseError("clickhouse.url is not set")
    asyncio.run(feed_all(settings.clickhouse, settings.records, settings.data_directory, None, True))


def stories_in_clickhouse(config: Path, question: Question, limit: int) -> list[Story] | None:
    """Calls that fit, newest first; None: no ClickHouse is configured. Raises ClickHouseError."""
    from ringfence.clickhouse.client import Client
    from ringfence.clickhouse.lookup import FoundCall, Wanted, find
    from ringfence.clickhouse.sealing import open_sealer
    from ringfence.config import load
    from ringfence.warehouse.library import Story

    settings = load(config)
    where = settings.clickhouse
    if where.url is None:
        return None
    sealer = open_sealer(where.key_file, settings.data_directory)
    wanted = Wanted(question.caller or "", question.callee or "", question.begin, question.end)

    async def run() -> list[FoundCall]:
        async with Client(where) as client:
            return await find(client, where.database, sealer, wanted, limit)

    return [Story(call.sequence, call.decision, call.outcome, call.end) for call in asyncio.run(run())]
