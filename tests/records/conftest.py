"""A spool in a folder of the test's own, and an engine whose notes are written to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.support.stage import Stage

from ringfence.engine.trail import Recording
from ringfence.records.disk import Disk
from ringfence.records.recorder import Recorder
from ringfence.records.settings import RecordsSettings
from ringfence.records.spool import Spool
from ringfence.records.verify import read

OpenSpool = Callable[..., Spool]


@pytest.fixture
def open_spool(tmp_path: Path) -> Iterator[OpenSpool]:
    """Opens spools in tmp_path/records with settings by keyword; those still open are closed at the end."""
    opened: list[Spool] = []

    def make(disk: type[Disk] = Disk, clock: Callable[[], float] | None = None, **settings: Any) -> Spool:
        given = RecordsSettings.model_validate(settings)
        more = {} if clock is None else {"clock": clock}
        spool = Spool(tmp_path / "records", given, "node1", disk, **more)
        spool.open()
        opened.append(spool)
        return spool

    yield make
    for spool in opened:
        spool.close()


class Written:
    """A stage whose notes go to a spool as the runner has them go."""

    def __init__(self, stage: Stage, spool: Spool) -> None:
        self.stage = stage
        self.spool = spool
        self.recorder = Recorder(spool, Recording(), True)

    def flush(self) -> None:
        notes, self.stage.out.records = self.stage.out.records, []
        if notes:
            self.recorder.write(notes, self.stage.now)

    def records(self) -> list[dict[str, str]]:
        """All that is on disk by now."""
        self.flush()
        self.recorder.flush()
        return [record for _, record in read(self.spool.folder)]
