"""Makes tests/data/records/N, a segment as the present version of the schema writes it; once, when there is a new one.

python -m tests.records.version
"""

from __future__ import annotations

from pathlib import Path

from tests.records.conftest import Written
from tests.support.stage import GATEWAY, Stage
from tests.support.talk import answer, header, in_dialog, invite

from ringfence.records.encode import note
from ringfence.records.schema import VERSION
from ringfence.records.settings import RecordsSettings
from ringfence.records.spool import Spool


def main() -> None:
    """A note, an answered call with its end, a refused call."""
    spool = Spool(Path(f"tests/data/records/{VERSION}"), RecordsSettings(), "node1")
    spool.open()
    wall = 1_700_000_000_000_000
    spool.append([note("started", "ringfence 0.1.0, process 1", wall)], wall, 0)
    written = Written(Stage(rules={rule: {"mode": "off"} for rule in ("rate", "harassment_score", "consent")}), spool)
    stage = written.stage
    stage.receive(invite(number="+861062345678", call_id="call1@192.0.2.1"))
    ((_, forwarded),) = [sent for sent in stage.take() if sent[0].host == GATEWAY[0]]
    written.flush()
    for status in (180, 200):
        stage.now += 1
        stage.receive(answer(forwarded, status), GATEWAY)
    stage.take()
    (route,) = header(forwarded, "Record-Route")
    stage.receive(in_dialog("BYE", route, call_id="call1@192.0.2.1"))
    ((_, copy),) = stage.take()
    stage.receive(answer(copy, 200), GATEWAY)
    written.flush()
    stage.receive(invite(number="+8613700000000", call_id="2", branch="z9hG4bK2"))
    written.flush()
    spool.close()
    (spool.folder / "lock").unlink()


if __name__ == "__main__":
    main()
