"""TCP and TLS with two workers: the wire's own tests again, and a connection that outlives a worker."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.e2e.test_sipp import test_a_caller_on_tcp_reaches_a_callee_on_udp
from tests.e2e.test_wire import (
    far,
    test_a_certificate_is_a_trunk_and_nothing_else_is,
    test_a_long_invite_goes_by_tcp_or_back_by_udp,
)
from tests.support.calls import Ends
from tests.support.net import split
from tests.support.peers import require
from tests.support.settings import add_tcp
from tests.support.talk import answer, header, in_dialog, invite
from tests.workers.support import Start, command, is_ready, settings_of, until, workers

from ringfence.sip.shares import share_of

pytestmark = pytest.mark.e2e
__all__ = [
    "far",
    "test_a_caller_on_tcp_reaches_a_callee_on_udp",
    "test_a_certificate_is_a_trunk_and_nothing_else_is",
    "test_a_long_invite_goes_by_tcp_or_back_by_udp",
]


@pytest.fixture(autouse=True)
def two_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    """For settings that say nothing of workers."""
    monkeypatch.setenv("RINGFENCE_WORKERS", "2")


@pytest.fixture
def ends() -> Ends:
    return Ends()


@pytest.fixture
def sipp() -> Path:
    return require("sipp")


@pytest.fixture
def gateway(ends: Ends) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(split(ends.callee))
        sock.settimeout(5)
        yield sock


class Stream:
    """A caller's connection."""

    def __init__(self, address: str) -> None:
        self._sock = socket.create_connection(split(address), source_address=("127.0.0.1", 0), timeout=5)
        self._file = self._sock.makefile("rb")

    def say(self, data: bytes) -> None:
        self._sock.sendall(data.replace(b"SIP/2.0/UDP", b"SIP/2.0/TCP"))

    def hear(self, beginning: bytes) -> bytes:
        """The next message that begins so."""
        while True:
            head = b"".join(iter(self._file.readline, b"\r\n"))
            self._file.read(int(header(head + b"\r\n", "Content-Length")[0]))
            if head.startswith(beginning):
                return head

    def close(self) -> None:
        self._file.close()
        self._sock.close()


def test_a_connection_and_its_calls_outlive_a_worker(
    ends: Ends, gateway: socket.socket, ringfence_daemon: Start
) -> None:
    settings = settings_of(ends.proxy, ends.caller, [ends.callee])
    add_tcp(settings)
    daemon = ringfence_daemon(settings, ends.caller)
    assert sorted(workers(daemon)) == [1, 2]
    stream = Stream(ends.proxy)
    try:
        call_id = next(name for name in (f"call{number}" for number in range(99)) if share_of(name.encode(), 2) == 1)
        stream.say(invite(number="+8613800001000", host="127.0.0.1", call_id=call_id))
        forwarded, source = gateway.recvfrom(65_535)
        gateway.sendto(answer(forwarded, 200, f"Contact: <sip:callee@{ends.callee}>"), source)
        routes = header(stream.hear(b"SIP/2.0 200 "), "Record-Route")
        os.kill(workers(daemon)[2], signal.SIGKILL)
        until(lambda: not is_ready(daemon), 2)
        until(lambda: is_ready(daemon), 5)
        bye = in_dialog(
            "BYE", ", ".join(reversed(routes)), uri=f"sip:callee@{ends.callee}", host="127.0.0.1", call_id=call_id
        )
        stream.say(bye)
        while not (there := gateway.recvfrom(65_535)[0]).startswith(b"BYE "):
            pass
        gateway.sendto(answer(there, 200), source)
        assert stream.hear(b"SIP/2.0 200 ")
        listener = next(row for row in command(daemon, "snapshot")["transports"] if row["transport"] == "tcp")
        assert listener["connections_accepted"] == 1 and listener["messages_in"] == 2
    finally:
        stream.close()
