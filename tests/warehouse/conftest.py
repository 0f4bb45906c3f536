"""Calls of some hours in a folder of records, made by the engine and written by a spool whose clock goes with them."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.support.stage import CALLER, GATEWAY, OTHER_TRUNK, Stage
from tests.support.talk import answer, header, in_dialog, invite

from ringfence.engine.trail import Recording
from ringfence.records import recorder as recorder_module
from ringfence.records.keys import KeyRing
from ringfence.records.recorder import Recorder
from ringfence.records.settings import RecordsSettings
from ringfence.records.spool import Spool
from ringfence.warehouse.library import Library

QUIET = {rule: {"mode": "off"} for rule in ("rate", "harassment_score", "consent", "callee_frequency")}
RING = KeyRing([bytes(range(32))])
BEGAN = 1_700_000_000 // 3600 * 3600  # epoch seconds of the first hour


class History:
    """Places calls through an engine; `hour` goes on to the next hour of the clock, and so to the next segment."""

    def __init__(self, folder: Path, first: int = 1) -> None:
        self.folder = folder
        self.clock = float(BEGAN)
        self.stage = Stage(rules=QUIET)
        self.calls = 0
        self.spool = Spool(folder, RecordsSettings(), "node1", clock=lambda: self.clock, first=first)
        self.spool.open()
        self.recorder = Recorder(self.spool, Recording(), True)

    def call(
        self,
        callee: str,
        *,
        number: str = "+861012345678",
        source: tuple[str, int] = CALLER,
        asserted: str = "",
        talk: float = 0,
    ) -> str:
        """One call; talk: seconds that it lasts, 0: nobody answers it yet. Its Call-ID."""
        self.calls += 1
        call_id = f"call{self.calls}@trunk"
        extra = (f"P-Asserted-Identity: <sip:{asserted}@trunk>",) if asserted else ()
        self.stage.receive(
            invite(
                number=number,
                callee=callee,
                call_id=call_id,
                branch=f"z9hG4bK{self.calls}",
                host=source[0],
                extra=extra,
            ),
            source,
        )
        self.flush()
        forwarded = [data for far, data in self.stage.take() if far.host == GATEWAY[0]]
        if talk and forwarded:
            self.stage.receive(answer(forwarded[0], 180), GATEWAY)
            self.stage.receive(answer(forwarded[0], 200), GATEWAY)
            self.stage.take()
            self.pass_time(talk)
            (route,) = header(forwarded[0], "Record-Route")
            bye = in_dialog("BYE", route, call_id=call_id, branch=f"z9hG4bKbye{self.calls}", host=source[0])
            self.stage.receive(bye, source)
            ((_, copy),) = self.stage.take()
            self.stage.receive(answer(copy, 200), GATEWAY)
            self.stage.take()
            self.flush()
        return call_id

    def pass_time(self, seconds: float) -> None:
        self.stage.now += seconds
        self.clock += seconds

    def hour(self) -> None:
        self.pass_time(3600)
        self.spool.tick()

    def flush(self) -> None:
        notes, self.stage.out.records = self.stage.out.records, []
        if notes:
            self.recorder.write(notes, self.stage.now)
        self.recorder.flush()

    def library(self) -> Library:
        return Library(self.folder, lambda: RING)

    def close(self) -> None:
        self.flush()
        self.spool.close()


@pytest.fixture
def history(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> History:
    """An empty one; the clock of its records is its own."""
    made = History(tmp_path / "records")

    def time_ns() -> int:
        return int(made.clock * 1e9)

    monkeypatch.setattr(recorder_module.time, "time_ns", time_ns)
    return made


__all__ = ["BEGAN", "OTHER_TRUNK", "RING", "History"]
