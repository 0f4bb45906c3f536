"""All spools of a node fed to ClickHouse: the one of a process alone, and those of its workers, of former ones too."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ringfence.clickhouse.client import Client
from ringfence.clickhouse.errors import ClickHouseError
from ringfence.clickhouse.feeder import Feeder
from ringfence.clickhouse.sealing import Sealer
from ringfence.clickhouse.settings import ClickHouseSettings
from ringfence.records.place import spools
from ringfence.records.vault import Keys


class Feeders:
    """A feeder for each spool in the records' folder; one that is made later is found. keys: for encrypted segments.

    Raises ClickHouseError where the folder, or a place that was kept, cannot be read.
    """

    def __init__(self, folder: Path, settings: ClickHouseSettings, client: Client, sealer: Sealer, keys: Keys) -> None:
        self._folder = folder
        self._what_for = (settings, client, sealer, keys)
        self._feeders: dict[Path, Feeder] = {}
        self._look()

    def _look(self) -> None:
        try:
            found = spools(self._folder)
        except OSError as error:
            raise ClickHouseError(f"{self._folder}: records cannot be read: {error.strerror}") from None
        for path in found:
            if path not in self._feeders:
                self._feeders[path] = Feeder(path, *self._what_for)

    async def step(self) -> int:
        """Feed a batch of each; how many records the largest had.

        Raises ClickHouseError of one that could not be fed, once all others were.
        """
        self._look()
        most, trouble = 0, None
        for feeder in self._feeders.values():
            try:
                most = max(most, await feeder.step())
            except ClickHouseError as error:
                trouble = error
        if trouble is not None:
            raise trouble
        return most

    def stats(self) -> dict[str, Any]:
        """As `Feeder.stats`, of all together: `behind_seconds` is the longest wait. Raises ClickHouseError."""
        every = [feeder.stats() for feeder in self._feeders.values()]
        waits = max(each["behind_seconds"] for each in every)
        return {name: sum(each[name] for each in every) for name in every[0]} | {"behind_seconds": waits}
