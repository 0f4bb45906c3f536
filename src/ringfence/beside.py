"""The processes beside the calls: store, HTTP, recorder of dialled refusals, index and records kept, ClickHouse fed."""

from __future__ import annotations

from pathlib import Path

from ringfence.clickhouse.process import arguments as arguments_of_feeder
from ringfence.config.settings import Settings
from ringfence.control.channel import CHANNEL
from ringfence.control.dialled import arguments as arguments_of_ear
from ringfence.control.process import arguments
from ringfence.control.settings import RegistryPlace, TracePlace
from ringfence.control.supervised import Supervised
from ringfence.index.process import arguments as arguments_of_follower
from ringfence.lookups.embedded import EmbeddedStore
from ringfence.warehouse.process import arguments as arguments_of_indexer


class Beside:
    """Started when they are needed, started again when they end. path: of the settings, which some read again."""

    def __init__(self, settings: Settings, path: Path) -> None:
        self._settings = settings
        self._path = path
        self._store: EmbeddedStore | None = None
        self._children: list[Supervised] = []
        self._follows = False

    async def start_store(self) -> None:
        """Before anything else: where no other server is named, it is ours. Raises StoreError."""
        settings = self._settings
        if settings.redis.url is None:
            self._store = EmbeddedStore(settings.data_directory / "store", settings.redis.embedded.max_memory_mb)
            await self._store.start()

    async def listen(self) -> None:
        """Have refusals recorded where subscribers can dial any, before anybody calls. Raises OSError."""
        if self._settings.voice.lines:
            await self._start("voice", arguments_of_ear(self._path.absolute()))

    async def start(self) -> None:
        """HTTP, the records' indexer and the feeder of ClickHouse, once calls are served. Raises OSError."""
        settings = self._settings
        if settings.control.enabled:
            place = RegistryPlace(
                settings=settings.registry,
                data_directory=settings.data_directory.absolute(),
                numbering=settings.numbering,
            )
            trace = TracePlace(
                node=settings.node,
                data_directory=place.data_directory,
                records=settings.records,
                trace=settings.trace,
            )
            channel = settings.data_directory / CHANNEL
            await self._start("control", arguments(settings.control, settings.logging, channel, place, trace))
        if settings.records.enabled and settings.records.index:
            line = arguments_of_indexer(settings.records, settings.data_directory, settings.logging)
            await self._start("warehouse", line)
        if settings.records.enabled and settings.clickhouse.url is not None:
            channel = settings.data_directory / CHANNEL
            line = arguments_of_feeder(
                settings.clickhouse, settings.records, settings.data_directory, channel, settings.logging
            )
            await self._start("clickhouse", line)

    async def follow(self) -> None:
        """Have the consent index kept up to date, from now on: calls are judged by it."""
        if not self._follows:
            self._follows = True
            await self._start("index", arguments_of_follower(self._path.absolute()))

    async def _start(self, name: str, line: list[str]) -> None:
        child = Supervised(name, line)
        self._children.append(child)
        await child.start()

    async def stop(self) -> None:
        """All but the store, which calls that end may still need."""
        for child in self._children:
            await child.stop()

    async def stop_store(self) -> None:
        """After everything else."""
        if self._store is not None:
            await self._store.stop()

    def restarts(self) -> dict[str, int]:
        """How often each was started again."""
        counts = {child.name: child.restarts for child in self._children}
        return counts if self._store is None else {"store": self._store.restarts, **counts}
