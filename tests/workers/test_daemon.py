"""A daemon with two workers, in real processes: its calls, its faults, its reloads, its records."""

from __future__ import annotations

import json
import os
import signal
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from typing import Any

import pytest
import yaml
from tests.bench.load import Outcome
from tests.cli.command import Ringfence
from tests.support.daemon import Daemon
from tests.support.net import answers_options, split
from tests.support.talk import answer
from tests.workers.conftest import Load
from tests.workers.support import Start, command, is_ready, lives, settings_of, until, workers

from ringfence.records.keys import open_keys
from ringfence.records.place import APART
from ringfence.records.settings import RecordsSettings
from ringfence.records.vault import Keys
from ringfence.records.verify import Report, verify_all
from ringfence.sip.shares import share_of_message
from ringfence.telemetry.metrics import render
from ringfence.warehouse.library import Library, Question

pytestmark = pytest.mark.e2e


def start(ringfence_daemon: Start, load: Load, **changed: Any) -> Daemon:
    ends = load.ends
    gateways = changed.pop("gateways", [ends.callee])
    return ringfence_daemon(settings_of(ends.proxy, ends.caller, gateways, **changed), ends.caller)


def keys_of(daemon: Daemon) -> Keys:
    return partial(open_keys, RecordsSettings(), daemon.folder / "data")


def verified(daemon: Daemon) -> dict[str, Report]:
    return verify_all(daemon.folder / "data/records", keys=keys_of(daemon))


@contextmanager
def calling(load: Load, **options: float) -> Iterator[Future[Outcome]]:
    """Calls meanwhile."""
    with ThreadPoolExecutor(1) as pool:
        yield pool.submit(load.generator.run, **options)


def test_calls_from_one_port_are_shared_out_evenly_counted_together_and_recorded(
    ringfence_daemon: Start, load: Load
) -> None:
    daemon = start(ringfence_daemon, load)
    before = command(daemon, "snapshot")
    outcome = load.generator.run(calls=2_000, rate=600)
    assert (outcome.completed, outcome.failed, outcome.stray) == (2_000, 0, 0)
    taken = command(daemon, "snapshot")
    handed = [
        after["messages"] - then["messages"] for then, after in zip(before["workers"], taken["workers"], strict=True)
    ]
    assert sum(handed) >= 2_000 * 6
    assert max(handed) < 1.1 * sum(handed) / 2, handed
    assert taken["counters"]["requests"]["INVITE"] == taken["counters"]["requests"]["BYE"] == 2_000
    (listener,) = taken["transports"]
    assert listener["messages_in"] == sum(each["messages"] for each in taken["workers"])
    assert listener["kernel_dropped"] == 0 and listener["receive_buffer_bytes"] > 0
    assert b'ringfence_worker_up{worker="2"} 1.0' in render(taken)
    time.sleep(0.3)  # ends are written within 20 ms, and safe after an fsync
    folder = daemon.folder / "data/records"
    reports = verified(daemon)
    assert sorted(reports) == ["worker-1", "worker-2"]
    assert not any(report.troubles for report in reports.values())
    library = Library(folder, keys_of(daemon))
    found = library.find(Question(action="forward"), 5_000)
    assert len(found) == 2_000
    assert {sequence // APART for sequence, _ in found} == {1, 2}
    moments = [int(decision["at"]) for _, decision in found]
    assert moments == sorted(moments, reverse=True)
    story = library.story(found[0][0])
    assert story is not None and story.end is not None and story.decision == found[0][1]


def test_a_killed_worker_is_replaced_and_its_calls_end_as_they_should(ringfence_daemon: Start, load: Load) -> None:
    daemon = start(ringfence_daemon, load)
    killed = workers(daemon)[1]
    with calling(load, seconds=3.5, rate=150, hold=1, timeout=6, window=500) as running:
        time.sleep(1.5)
        before = command(daemon, "snapshot")
        os.kill(killed, signal.SIGKILL)
        until(lambda: not is_ready(daemon), 2)
        assert any("worker 1 " in reason for reason in command(daemon, "ready")["reasons"])
        until(lambda: is_ready(daemon), 20)
        outcome = running.result()
    # Calls in talk, of which half were the killed one's, ended with a BYE that its successor carried on; so did new
    # ones. Only those that were just being set up in it, some milliseconds each, may be lost.
    assert outcome.started == 525
    assert outcome.completed >= 520, outcome
    after = command(daemon, "snapshot")
    assert after["restarts"]["worker-1"] == 1 and after["restarts"]["worker-2"] == 0
    assert after["counters"]["requests"]["INVITE"] >= before["counters"]["requests"]["INVITE"]
    assert [each["dropped"] for each in after["workers"]] == [0, 0]
    assert workers(daemon)[1] != killed
    assert not any(report.troubles for report in verified(daemon).values())


def test_workers_end_with_their_front(ringfence_daemon: Start, load: Load, tmp_path: Any) -> None:
    ends = load.ends
    daemon = Daemon(settings_of(ends.proxy, ends.caller, [ends.callee]), tmp_path / "alone", ends.caller)
    pids = list(workers(daemon).values())
    assert len(pids) == 2
    os.kill(daemon.process.pid, signal.SIGKILL)
    daemon.process.popen.wait()
    until(lambda: not any(map(lives, pids)), 5)
    reports = verified(daemon)
    assert not any(report.troubles for report in reports.values())


def test_a_reload_reaches_every_worker_under_load_and_a_refused_one_none(ringfence_daemon: Start, load: Load) -> None:
    daemon = start(ringfence_daemon, load)
    settings = yaml.safe_load(daemon.config.read_text())
    with calling(load, seconds=2, rate=200) as running:
        for generation in (2, 3):
            settings["trunks"][0]["holder"] = f"holder {generation}"
            daemon.config.write_text(yaml.safe_dump(settings))
            assert command(daemon, "reload", 30)["generation"] == generation
            assert {each["generation"] for each in command(daemon, "snapshot")["workers"]} == {generation}
        outcome = running.result()
    assert outcome.completed == outcome.started == 400
    daemon.config.write_text("listeners: none of them\n")
    assert command(daemon, "reload", 30)["faults"]
    # Who takes a dead one's place gets what is in force, whatever the files say.
    os.kill(workers(daemon)[2], signal.SIGKILL)
    until(lambda: not is_ready(daemon), 2)
    until(lambda: is_ready(daemon), 5)
    assert {each["generation"] for each in command(daemon, "snapshot")["workers"]} == {3}
    assert load.generator.run(calls=50).completed == 50


@contextmanager
def gateway(address: str) -> Iterator[list[bytes]]:
    """Answers every OPTIONS; what it got."""
    got: list[bytes] = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(split(address))
        sock.settimeout(0.1)
        stopped = threading.Event()

        def serve() -> None:
            while not stopped.is_set():
                try:
                    data, source = sock.recvfrom(65_535)
                except TimeoutError:
                    continue
                got.append(data)
                sock.sendto(answer(data, 200), source)

        thread = threading.Thread(target=serve)
        thread.start()
        yield got
        stopped.set()
        thread.join()


def test_each_worker_gets_the_answers_to_its_own_probes(ringfence_daemon: Start, load: Load) -> None:
    ends = load.ends
    settings = settings_of(ends.proxy, ends.caller, [ends.callee, ends.second_callee], workers=3)
    settings["gateways"]["default"]["probe"] = {"enabled": True, "interval": "200ms", "timeout": "150ms", "failures": 2}
    with gateway(ends.callee) as probes:
        daemon = ringfence_daemon(settings, ends.caller)
        until(lambda: {share_of_message(probe, 3) for probe in probes} == {0, 1, 2})
        time.sleep(0.6)
        states = {row["name"]: row["state"] for row in command(daemon, "snapshot")["gateways"]}
    assert [state for name, state in states.items() if ends.callee in name] == ["up"]
    assert [state for name, state in states.items() if ends.second_callee in name] == ["down"]


def test_a_dead_gateway_is_known_at_once_by_icmp(ringfence_daemon: Start, load: Load) -> None:
    daemon = start(ringfence_daemon, load, gateways=[load.ends.second_callee, load.ends.callee])
    began = time.monotonic()
    outcome = load.generator.run(calls=20, rate=100)
    assert outcome.completed == 20
    assert time.monotonic() - began < 3  # a silent one would have cost each call 4 s
    assert command(daemon, "snapshot")["counters"]["failovers"] > 0


def test_the_ends_of_a_drain(ringfence_daemon: Start, load: Load) -> None:
    """Calls being set up are finished by every worker before the daemon ends; new ones are turned away."""
    daemon = start(ringfence_daemon, load)

    def held() -> None:
        for pid in (*workers(daemon).values(), daemon.process.pid):  # as a terminal or a service manager may
            os.kill(pid, signal.SIGTERM)
        until(lambda: command(daemon, "ready")["reasons"] == ["draining"])
        time.sleep(0.3)
        assert daemon.process.popen.poll() is None and len(workers(daemon)) == 2
        assert answers_options(load.ends.proxy, "127.0.0.1:0")

    outcome = load.generator.park(20, "ringing", 200, held)
    assert outcome.completed == 20
    assert daemon.process.wait(10) == 0


def test_a_worker_that_hangs_holds_up_its_share_alone(ringfence_daemon: Start, load: Load) -> None:
    daemon = start(ringfence_daemon, load)
    hung = workers(daemon)[2]
    os.kill(hung, signal.SIGSTOP)
    try:
        with calling(load, calls=60, rate=60, timeout=20, window=60) as running:
            until(lambda: not is_ready(daemon), 3)
            assert any("worker 2 does not answer" in reason for reason in command(daemon, "ready")["reasons"])
            taken = command(daemon, "snapshot")
            assert taken["counters"]["requests"]["OPTIONS"] >= 1
            time.sleep(1)
            os.kill(hung, signal.SIGCONT)
            outcome = running.result()
    finally:
        os.kill(hung, signal.SIGCONT)
    # Woken, it finds itself late and turns new calls away until it has caught up; the other's were served meanwhile.
    assert outcome.completed + outcome.rejected.get("503", 0) == 60 and outcome.completed >= 15, outcome
    assert command(daemon, "snapshot")["restarts"]["worker-2"] == 0


def test_a_worker_that_goes_on_hanging_is_killed_and_replaced(ringfence_daemon: Start, load: Load) -> None:
    daemon = start(ringfence_daemon, load, worker_deadline="2s")
    hung = workers(daemon)[2]
    with calling(load, seconds=5, rate=100, hold=1, timeout=12, window=600) as running:
        time.sleep(1.5)
        os.kill(hung, signal.SIGSTOP)
        until(lambda: not is_ready(daemon), 2)
        until(lambda: not lives(hung), 5)
        until(lambda: is_ready(daemon), 10)
        outcome = running.result()
    # What came for it meanwhile waited for its successor, calls in talk and new ones alike. Those that it was just setting
    # up are lost; calls that waited may be turned away until the successor has caught up.
    assert outcome.started == 500
    assert outcome.completed + outcome.rejected.get("503", 0) >= 490 and outcome.completed >= 300, outcome
    after = command(daemon, "snapshot")
    assert [each["hangs"] for each in after["workers"]] == [0, 1]
    assert (after["restarts"]["worker-1"], after["restarts"]["worker-2"]) == (0, 1)
    log = daemon.process.log.read_text()
    assert "a worker hangs" in log and "Traceback" not in log
    assert load.generator.run(calls=100, rate=100).completed == 100
    time.sleep(0.3)
    reports = verified(daemon)
    assert sorted(reports) == ["worker-1", "worker-2"] and not any(report.troubles for report in reports.values())


def test_a_machine_that_was_suspended_finds_its_workers_alive(ringfence_daemon: Start, load: Load) -> None:
    daemon = start(ringfence_daemon, load, worker_deadline="2s")
    every = [daemon.process.pid, *workers(daemon).values()]
    for pid in every:
        os.kill(pid, signal.SIGSTOP)
    time.sleep(3)
    for pid in every:  # the front first: for a while it is alone awake
        os.kill(pid, signal.SIGCONT)
        time.sleep(0.2)
    until(lambda: is_ready(daemon), 5)
    time.sleep(1.5)
    after = command(daemon, "snapshot")
    assert [each["hangs"] for each in after["workers"]] == [0, 0]
    assert load.generator.run(calls=20).completed == 20


def test_the_command_line_reads_all_spools(
    ringfence_daemon: Start, load: Load, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    daemon = start(ringfence_daemon, load)
    assert load.generator.run(calls=40, rate=200).completed == 40
    daemon.process.stop(20)
    monkeypatch.chdir(daemon.folder)  # its data directory is relative

    def said(*words: str) -> Any:
        done = Ringfence(capsys)(*words, "--config", daemon.config, "--json")
        assert done.code == 0, done.err
        return json.loads(done.out)

    assert [spool["folder"].rpartition("/")[2] for spool in said("records", "verify")["spools"]] == [
        "worker-1",
        "worker-2",
    ]
    listed = said("records", "find", "--limit", "100")
    assert len(listed) == 40
    assert said("records", "show", str(listed[0]["record"]))["course"]["status"] == 200
    traced = said("trace", "--callee", "+8613900001000", "--full")
    assert [call["record"] // APART in (1, 2) for call in traced] == [True]
    assert said("replay", "--policy", str(daemon.config), "--workers", "1")["judged"] == 40
