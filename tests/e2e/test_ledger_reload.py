"""The ledger changes while calls run: none is lost, none waits, and all changes at once."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.support import big_ledger
from tests.support.calls import Ends, Side, play
from tests.support.daemon import Daemon
from tests.support.peers import require
from tests.support.settings import NO_STORE, daemon_settings

from ringfence.control.channel import ask

pytestmark = pytest.mark.e2e
Start = Callable[[Any, str], Daemon]

RANGES = 20_000  # a MB of files: enough for a child process and a snapshot
OWN, LATER = "+8613800001000", "+8613800001001"
CALLS, RATE = 1_500, 150


def told(daemon: Daemon, command: str) -> Any:
    return asyncio.run(ask(daemon.folder / "data" / "control.sock", command, timeout=30.0))


def write_ledger(folder: Path, numbers: list[str]) -> None:
    """A carrier's ledger with one trunk more: the test's own."""
    big_ledger.write(folder, RANGES, 200, titles=10)
    (folder / "own.yaml").write_text(
        "holders:\n  - {name: Own, numbers: [{from: '+8613800001000', to: '+8613800001999', note: lent}]}\n"
        "trunks:\n  - name: own\n    holder: Own\n    kind: enterprise\n    sources: [{address: 127.0.0.1}]\n"
        f"    numbers: [{', '.join(f'{{number: {number!r}, note: own}}' for number in numbers)}]\n"
    )


def test_calls_go_on_while_the_ledger_is_exchanged(ringfence_daemon: Start, tmp_path: Path) -> None:
    ends, sipp = Ends(), require("sipp")
    folder = tmp_path / "ledger"
    write_ledger(folder, [OWN])
    settings = daemon_settings(ends.proxy, ["127.0.0.1"], [ends.callee], NO_STORE)
    del settings["trunks"]
    settings["ledger"] = {"folder": str(folder)}
    daemon = ringfence_daemon(settings, ends.caller)
    refused = {"STATUS": "403", "PATTERN": "^SIP/2.0 403 Forbidden"}
    play(sipp, tmp_path / "before", ends, Side("uac_refused", refused), None, calls=3, number=LATER)

    failed: list[BaseException] = []

    def calls() -> None:
        try:
            play(
                sipp,
                tmp_path / "during",
                ends,
                Side("uac_basic"),
                Side("uas_basic"),
                calls=CALLS,
                rate=RATE,
                number=OWN,
            )
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=calls)
    thread.start()
    generations = []
    for change in range(3):
        time.sleep(1.0)
        write_ledger(folder, [OWN, LATER] if change != 1 else [OWN])
        answer = told(daemon, "reload")
        assert answer["faults"] == []
        generations.append(answer["generation"])
    # One that cannot be changes nothing.
    (folder / "grants-bad.csv").write_text("trunk,number\nnobody,+8613800001002\n")
    answer = told(daemon, "reload")
    assert answer["generation"] == generations[-1]
    assert answer["faults"] == [f"{folder}/grants-bad.csv:2:1: no trunk nobody in the ledger"]
    thread.join()
    assert not failed, failed[0]
    assert generations == [2, 3, 4]

    play(sipp, tmp_path / "after", ends, Side("uac_basic"), Side("uas_basic"), calls=3, number=LATER)
    snapshots = list((daemon.folder / "data" / "ledger").glob("*.snapshot"))
    assert len(snapshots) == 2  # the one in force and the one before
    assert snapshots[0].stat().st_size > RANGES * 12


def test_a_restart_takes_the_snapshot_that_is_there_and_makes_a_damaged_one_anew(
    ringfence_daemon: Start, tmp_path: Path
) -> None:
    ends = Ends()
    folder = tmp_path / "ledger"
    write_ledger(folder, [OWN])
    settings = daemon_settings(ends.proxy, ["127.0.0.1"], [ends.callee], NO_STORE)
    del settings["trunks"]
    settings["ledger"] = {"folder": str(folder)}
    settings["data_directory"] = str(tmp_path / "data")
    ringfence_daemon(settings, ends.caller).stop()
    (snapshot,) = (tmp_path / "data/ledger").glob("*.snapshot")
    made = snapshot.stat().st_mtime_ns
    ringfence_daemon(settings, ends.caller).stop()
    assert snapshot.stat().st_mtime_ns == made
    damaged = bytearray(snapshot.read_bytes())
    damaged[len(damaged) // 2] ^= 1
    snapshot.write_bytes(damaged)
    ringfence_daemon(settings, ends.caller)
    assert snapshot.read_bytes() != damaged
