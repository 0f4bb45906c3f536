"""`ringfence index`: the store's copy of consents, refusals and wishes."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from ringfence.cli import output
from ringfence.cli.options import DEFAULT_CONFIG, AsJson, ConfigFile

if TYPE_CHECKING:
    from ringfence.config import Settings
    from ringfence.index.feed import Feed
    from ringfence.index.store import IndexStore

app = typer.Typer(help="The store's copy of consents, refusals and wishes.", no_args_is_help=True)


@app.command()
def rebuild(config: ConfigFile = DEFAULT_CONFIG, json: AsJson = False) -> None:
    """Build the index anew from the registry, beside the one in use, under the present digest key."""
    from ringfence.cli.store import open_settings

    settings = open_settings(config)
    rows, seconds, generation = asyncio.run(_rebuild(settings, bar=output.on_terminal() and not json))
    if json:
        output.as_json({"rows": rows, "seconds": seconds, "generation": generation})
    else:
        output.line(f"{rows} consents, refusals and wishes in {seconds:.1f} s: generation {generation}")


@app.command()
def verify(config: ConfigFile = DEFAULT_CONFIG, json: AsJson = False) -> None:
    """Compare the index with the registry, row by row; 1 when they differ."""
    from ringfence.cli.store import open_settings
    from ringfence.index.verify import Verified
    from ringfence.index.verify import verify as compare

    async def work() -> Verified:
        async with _opened(open_settings(config)) as (store, feed):
            return await compare(store, feed)

    found = asyncio.run(work())
    if json:
        output.as_json({**found._asdict(), "sound": found.sound})
    else:
        output.facts([(name, str(value)) for name, value in found._asdict().items()])
    if not found.sound:
        raise typer.Exit(1)


@app.command()
def status(config: ConfigFile = DEFAULT_CONFIG, json: AsJson = False) -> None:
    """Print what there is of the index; 1 when none can be believed."""
    from ringfence.cli.store import open_index, open_settings

    store = open_index(open_settings(config))
    try:
        rows = _status(store)
        warning = store.dear()
    finally:
        store.close()
    if json:
        output.as_json(rows)
    else:
        output.facts([(name, str(said)) for name, said in rows.items()])
    if warning:
        output.complain(f"warning: {warning}")
    if not rows["complete"]:
        raise typer.Exit(1)


@app.command()
def follow(
    config: ConfigFile = DEFAULT_CONFIG,
    parent: Annotated[int | None, typer.Option(hidden=True, help="Process to end with.")] = None,
) -> None:
    """Keep the index up to date until told to stop; `ringfence serve` has a process of its own for this."""
    from ringfence.cli.store import begin_child

    asyncio.run(_follow(begin_child(config, parent)))


async def _follow(settings: Settings) -> None:
    from ringfence.index.follow import Follower

    async with _opened(settings) as (store, feed):
        work = asyncio.create_task(Follower(store, feed, settings.index).run())
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, work.cancel)
        await asyncio.gather(work, return_exceptions=True)


async def _rebuild(settings: Settings, bar: bool) -> tuple[int, float, str]:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from ringfence.index.build import build

    loop = asyncio.get_running_loop()
    began = loop.time()
    columns = (TextColumn("building"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    async with _opened(settings) as (store, feed):
        with Progress(*columns, disable=not bar) as progress:
            task = progress.add_task("", total=None)
            built = await build(store, feed, lambda done, every: progress.update(task, completed=done, total=every))
    return built.rows, loop.time() - began, built.generation


@asynccontextmanager
async def _opened(settings: Settings) -> AsyncIterator[tuple[IndexStore, Feed]]:
    from ringfence.cli.store import open_index
    from ringfence.index.feed import RegistryFeed
    from ringfence.registry.opening import open_registry

    async with await open_registry(settings.registry, settings.data_directory) as registry:
        store = await asyncio.to_thread(open_index, settings)
        try:
            yield store, RegistryFeed(registry)
        finally:
            store.close()


def _status(store: IndexStore) -> dict[str, object]:
    pointer = store.pointer()
    current = store.keys.generation(pointer.current)
    parts = store.parts(current) if current is not None else []
    whole = bool(parts) and all(part is not None and part.complete for part in parts)
    built = store.details().get("built", "")
    return {
        "current": pointer.current,
        "previous": pointer.previous,
        "building": pointer.building,
        "complete": whole,
        "built": datetime.fromtimestamp(int(built)).astimezone().isoformat(sep=" ") if built.isdecimal() else "",
        "position": min((part.position for part in parts if part is not None), default=0),
        "fields": sum(part.fields for part in parts if part is not None),
        "bytes": round(store.memory(current)) if current is not None and whole else 0,
    }
