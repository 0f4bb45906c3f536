"""From the spool to ClickHouse: every record at least once, in order, and the place kept on disk.

A batch is inserted, then the place is written. What is inserted twice, after a crash between the two or an insertion
whose answer got lost, has the same key twice, and the tables keep one (`tables`).
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import orjson
import structlog

from ringfence.clickhouse.client import Client
from ringfence.clickhouse.errors import ClickHouseError
from ringfence.clickhouse.sealing import Sealer
from ringfence.clickhouse.settings import ClickHouseSettings
from ringfence.clickhouse.tables import ddl, row_of
from ringfence.clickhouse.tail import End, Tail
from ringfence.records.place import first_of, worker_of
from ringfence.records.vault import Keys

PLACE = "clickhouse.place"  # in each spool
_log = structlog.get_logger(__name__)


class Feeder:
    """Feeds one spool of a node. keys: for encrypted segments.

    inserted: rows since the start, those that came twice too. failures: batches that were not taken.
    """

    def __init__(self, folder: Path, settings: ClickHouseSettings, client: Client, sealer: Sealer, keys: Keys) -> None:
        self.inserted = self.failures = 0
        self._folder = folder
        self._settings = settings
        self._client = client
        self._sealer = sealer
        self._worker = worker_of(folder)
        self._first = first_of(self._worker)
        self._keys = keys
        self._file = folder / PLACE
        self._ready = False
        self._oldest = 0
        self._end = End(folder)
        self._tail = Tail(folder, self._kept_place(), keys)

    def _kept_place(self) -> int:
        """Where to go on. Raises ClickHouseError for a file that is damaged: deleting it feeds everything again."""
        try:
            kept = orjson.loads(self._file.read_bytes())
            place, url = kept["next"], kept["to"]
            if not isinstance(place, int) or place < 1:
                raise ValueError("no sequence number")
        except FileNotFoundError:
            return self._first
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ClickHouseError(
                f"{self._file}: cannot be read: {error}; delete it to feed all records anew"
            ) from None
        if url != self._target():
            _log.warning("another ClickHouse than before: it gets all records that are here", worker=self._worker)
            return self._first
        if self._end.next() >= place:
            return place
        _log.warning("records begin anew: they are fed from their beginning", before=place, worker=self._worker)
        return self._first

    def _target(self) -> str:
        return f"{self._settings.url}/{self._settings.database}"

    def _keep_place(self) -> None:
        draft = self._file.with_suffix(f".{os.getpid()}")
        try:
            descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(orjson.dumps({"next": self._tail.next, "to": self._target()}))
                file.flush()
                os.fsync(file.fileno())
            draft.replace(self._file)
        except OSError as error:
            raise ClickHouseError(f"{self._file}: cannot be written: {error.strerror}") from None

    async def step(self) -> int:
        """Feed one batch; how many records it had. Raises ClickHouseError: the same batch comes again then."""
        before = self._tail.next
        found = self._tail.read(self._settings.batch)
        self._oldest = found[0].wall if found else self._tail.waiting
        try:
            if not self._ready:
                await self._prepare()
            rows = [row_of(one.node, self._worker, one.sequence, one.body, self._sealer) for one in found]
            wanted = [row for row in rows if row is not None]
            if wanted:
                await self._client.insert(f"{self._settings.database}.records", wanted)
            if found:
                self._keep_place()
        except ClickHouseError:
            self.failures += 1
            self._tail = Tail(self._folder, before, self._keys)
            raise
        self.inserted += len(wanted)
        self._oldest = self._tail.waiting
        return len(found)

    async def _prepare(self) -> None:
        if self._settings.create:
            for statement in ddl(self._settings.database, self._settings.keep):
                await self._client.run(statement)
        self._ready = True

    def stats(self) -> dict[str, Any]:
        """Counters since start and gauges of now. Raises ClickHouseError.

        behind: records that are not there yet; behind_seconds: since when the oldest of them waits.
        """
        return {
            "inserted": self.inserted,
            "failures": self.failures,
            "behind": max(self._end.next() - self._tail.next, 0),
            "behind_seconds": max(round(time.time() - self._oldest / 1e6, 3), 0.0) if self._oldest else 0.0,
            "damaged": len(self._tail.damaged),
        }
