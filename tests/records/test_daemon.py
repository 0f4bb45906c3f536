"""The whole daemon, whose disk refuses: calls go on, /ready says so, and nothing is lost."""

from __future__ import annotations

import asyncio
import resource
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.records.test_kill import GRANTED, INVITE, STRANGE
from tests.support.daemon import Daemon, Settings, ringfence_daemon
from tests.support.net import free_port
from tests.support.settings import daemon_settings

from ringfence.control.channel import ask
from ringfence.records.verify import read, verify
from ringfence.telemetry.metrics import render

__all__ = ["ringfence_daemon"]

pytestmark = pytest.mark.e2e
Start = Callable[[Settings, str], Daemon]


class Caller:
    """Places calls that are refused at once, and takes the answers."""

    def __init__(self, sock: socket.socket, proxy: tuple[str, int]) -> None:
        self.sock = sock
        self.proxy = proxy
        self.placed: list[str] = []

    def call(self, number: str = STRANGE) -> int:
        """The final answer's status."""
        key = f"call{len(self.placed)}"
        here = "{}:{}".format(*self.sock.getsockname())
        self.placed.append(key)
        self.sock.sendto(INVITE.format(here=here, key=key, number=number).encode(), self.proxy)
        while True:
            data = self.sock.recv(65535)
            if f"Call-ID: {key}\r".encode() in data and int(data[8:11]) >= 200:
                return int(data[8:11])


def command(daemon: Daemon, name: str) -> Any:
    return asyncio.run(ask(daemon.folder / "data/control.sock", name))


def about_records(daemon: Daemon, kind: str = "warnings") -> list[str]:
    """What /ready says of the records. kind: `warnings` while calls are served, else `reasons`."""
    return [text for text in command(daemon, "ready")[kind] if "records" in text]


def wait_ready(daemon: Daemon, seconds: float) -> list[str]:
    """What /ready says of the records, once that is nothing or time is up."""
    deadline = time.monotonic() + seconds
    while (said := about_records(daemon) + about_records(daemon, "reasons")) and time.monotonic() < deadline:
        time.sleep(0.05)
    return said


@pytest.fixture
def caller() -> Caller:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind(("127.0.0.1", 0))
    sock.settimeout(5)
    return Caller(sock, ("127.0.0.2", free_port("127.0.0.2")))


def test_a_disk_that_refuses(ringfence_daemon: Start, caller: Caller, tmp_path: Path) -> None:
    settings = daemon_settings("{}:{}".format(*caller.proxy), ["127.0.0.1"], ["127.0.0.3:9"])
    daemon = ringfence_daemon(settings, "127.0.0.1:0")
    folder = daemon.folder / "data/records"
    assert {caller.call() for _ in range(20)} == {403}
    assert wait_ready(daemon, 5) == []

    # A limit on the size of files is a refusal of the kernel's that needs no disk to be filled.
    _, hard = resource.prlimit(daemon.process.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(daemon.process.pid, resource.RLIMIT_FSIZE, (32_768, hard))
    began = time.monotonic()
    while not (warnings := about_records(daemon)):
        assert caller.call() == 403
    assert time.monotonic() - began < 5
    assert warnings == ["records cannot be written (File too large): they are kept in memory, 0 % of its bound"]
    assert {caller.call() for _ in range(100)} == {403}
    text = render(command(daemon, "snapshot")).decode()
    assert "ringfence_records_failing 1.0" in text
    assert "ringfence_records_write_errors_total" in text
    assert sum(1 for _ in read(folder)) < len(caller.placed)

    resource.prlimit(daemon.process.pid, resource.RLIMIT_FSIZE, (hard, hard))
    assert wait_ready(daemon, 5) == []
    assert caller.call() == 403
    recorded = [record["call_id"] for _, record in read(folder) if record["kind"] == "D"]
    assert recorded == caller.placed
    assert verify(folder).troubles == []


def test_a_full_buffer_refuses_calls_and_lets_them_in_again(ringfence_daemon: Start, caller: Caller) -> None:
    settings = daemon_settings("{}:{}".format(*caller.proxy), ["127.0.0.1"], ["127.0.0.3:9"])
    settings["records"] = {"buffer_bytes": 1_048_576}
    daemon = ringfence_daemon(settings, "127.0.0.1:0")
    _, hard = resource.prlimit(daemon.process.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(daemon.process.pid, resource.RLIMIT_FSIZE, (4096, hard))
    for _ in range(5000):
        if caller.call() == 503:
            break
    assert caller.call(GRANTED) == 503
    assert "the buffer is full" in about_records(daemon, "reasons")[0]
    resource.prlimit(daemon.process.pid, resource.RLIMIT_FSIZE, (hard, hard))
    assert wait_ready(daemon, 5) == []
    assert caller.call() == 403
    report = verify(daemon.folder / "data/records")
    assert {trouble.kind for trouble in report.troubles} == {"gap"}
    assert "were lost: the buffer was full" in report.notes[0]


def test_a_restart_goes_on_where_the_last_run_ended(ringfence_daemon: Start, caller: Caller) -> None:
    settings = daemon_settings("{}:{}".format(*caller.proxy), ["127.0.0.1"], ["127.0.0.3:9"])
    daemon = ringfence_daemon(settings, "127.0.0.1:0")
    assert caller.call() == 403
    daemon.stop()
    folder = daemon.folder / "data/records"
    kinds = [(record["kind"], record.get("event")) for _, record in read(folder)]
    assert kinds == [("N", "started"), ("D", None)]
    assert verify(folder).troubles == []
