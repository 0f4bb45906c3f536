"""The registry as commands open it, and who is at the terminal."""

from __future__ import annotations

import asyncio
import getpass
import os
import socket
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeVar
from zoneinfo import ZoneInfo

from ringfence.cli import output
from ringfence.config import Settings
from ringfence.lookups import StoreError
from ringfence.registry.actors import Actor
from ringfence.registry.register import Registry

if TYPE_CHECKING:
    from ringfence.tracing.book import TraceBook

Result = TypeVar("Result")


def actor() -> Actor:
    """Whoever runs this command: the right to the data directory and the keys is the operator's."""
    try:
        name = getpass.getuser()
    except (OSError, KeyError):
        name = f"uid {os.getuid()}"
    origin = os.environ.get("SSH_CONNECTION", "").partition(" ")[0] or socket.gethostname()
    return Actor(f"operator:{name}"[:128], "operator", origin[:128])


def at_desk(settings: Settings, work: Callable[[Registry], Awaitable[Result]]) -> Result:
    """Open the registry of a configuration, do the work, close it. Raises RegistryError."""
    from ringfence.registry.opening import open_registry

    async def run() -> Result:
        async with await open_registry(settings.registry, settings.data_directory) as registry:
            return await work(registry)

    return asyncio.run(run())


def at_book(settings: Settings, work: Callable[[TraceBook], Awaitable[Result]]) -> Result:
    """Open the book of trace requests of a configuration, do the work, close it. Raises RegistryError, TraceError."""
    from ringfence.tracing.book import TraceBook
    from ringfence.tracing.peers import open_peers

    peers = open_peers(settings.trace, settings.registry, settings.data_directory, settings.node)
    return at_desk(settings, lambda registry: work(TraceBook(registry, peers, settings.trace)))


def zone_of(settings: Settings) -> ZoneInfo:
    """The time zone of dates that name none."""
    return ZoneInfo(settings.registry.zone)


def tell_index(settings: Settings) -> None:
    """Carry what is new into the index, where calls are judged by it; a store that does not run is complained of.

    The record itself is safe in the registry then, and the index follows that.
    """
    from ringfence.cli.store import open_index
    from ringfence.index.feed import RegistryFeed
    from ringfence.index.follow import carry_over

    try:
        store = open_index(settings)
        try:
            at_desk(settings, lambda registry: carry_over(store, RegistryFeed(registry)))
        finally:
            store.close()
    except StoreError as error:
        output.complain(f"warning: recorded, but calls are not judged by it yet: {error}")
