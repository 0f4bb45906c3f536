"""kill -9 at 200 moments under load: no call that anybody saw forwarded or refused is without its record."""

from __future__ import annotations

import multiprocessing
import random
import select
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.records import victim
from tests.support.net import free_port

from ringfence.records.verify import read, verify

ROUNDS = 200
LONGEST = 0.12  # seconds of load before a kill
WINDOW = 64  # INVITEs on their way at once
READY = 10.0  # seconds for a victim to take calls

INVITE = (
    "INVITE sip:+8613900001000@127.0.0.2 SIP/2.0\r\nVia: SIP/2.0/UDP {here};branch=z9hG4bK{key};rport\r\n"
    "Max-Forwards: 70\r\nFrom: <sip:{number}@{here}>;tag={key}\r\nTo: <sip:+8613900001000@127.0.0.2>\r\n"
    "Call-ID: {key}\r\nCSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n"
)
GRANTED, STRANGE = "+8613800001000", "+8613700001000"


class Ends:
    """Caller and softswitch in one: what they saw, by Call-ID."""

    def __init__(self) -> None:
        self.caller = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.caller.bind(("127.0.0.1", 0))
        self.switch = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.switch.bind(("127.0.0.3", 0))
        for each in (self.caller, self.switch):
            each.setblocking(False)
        self.proxy = ("127.0.0.2", free_port("127.0.0.2"))
        self.forwarded: set[str] = set()
        self.refused: set[str] = set()
        self.answered = 0
        self.sent = 0

    def at(self, which: socket.socket) -> str:
        return "{}:{}".format(*which.getsockname())

    def invite(self) -> None:
        self.sent += 1
        text = INVITE.format(
            here=self.at(self.caller), key=f"call{self.sent}", number=(GRANTED, STRANGE)[self.sent % 2]
        )
        self.caller.sendto(text.encode(), self.proxy)

    def take(self, seconds: float) -> None:
        """Everything that arrives before nothing more does for so long."""
        while True:
            readable, _, _ = select.select([self.caller, self.switch], [], [], seconds)
            if not readable:
                return
            for each in readable:
                for data in _drained(each):
                    if each is self.switch:
                        self._at_switch(data)
                    else:
                        self._at_caller(data)
            if seconds:
                return

    def _at_switch(self, data: bytes) -> None:
        if data.startswith(b"INVITE "):
            self.forwarded.add(_call_id(data))
            # Half of them ring, so that some calls are in progress when the kill comes.
            if len(self.forwarded) % 2:
                head = data.replace(b"INVITE sip:+8613900001000@127.0.0.2 SIP/2.0", b"SIP/2.0 486 Busy Here", 1)
                self.switch.sendto(head, self.proxy)

    def _at_caller(self, data: bytes) -> None:
        status = int(data[8:11])
        if status >= 200:
            self.answered += 1
            self.refused.add(_call_id(data))


def _drained(sock: socket.socket) -> Iterator[bytes]:
    while True:
        try:
            yield sock.recv(65535)
        except (BlockingIOError, ConnectionRefusedError):
            return


def _call_id(data: bytes) -> str:
    at = data.index(b"Call-ID: ") + 9
    return data[at : data.index(b"\r", at)].decode()


@pytest.mark.timeout(175)
def test_no_kill_loses_a_record(tmp_path: Path) -> None:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([victim.__name__])
    ends = Ends()
    dice = random.Random(20_261_125)
    folder = tmp_path / "records"
    kills = 0
    for _ in range(ROUNDS):
        process = context.Process(
            target=victim.serve,
            args=(str(folder), "{}:{}".format(*ends.proxy), ends.at(ends.caller), ends.at(ends.switch)),
            daemon=True,
        )
        process.start()
        _until_it_answers(ends)
        until = time.monotonic() + dice.uniform(0, LONGEST)
        while time.monotonic() < until:
            for _ in range(WINDOW // 4):
                ends.invite()
            ends.take(0)
        process.kill()
        process.join()
        kills += process.exitcode == -9
        ends.take(0)
    seen = ends.forwarded | ends.refused
    decisions: dict[str, str] = {}
    for _, record in read(folder):
        if record["kind"] == "D":
            decisions.setdefault(record["call_id"], record["status"])
    assert kills == ROUNDS
    assert len(ends.forwarded) > 10 * ROUNDS
    assert len(ends.refused) > 10 * ROUNDS
    assert sorted(seen - decisions.keys()) == []
    assert [key for key in ends.forwarded if decisions[key] != "0"] == []
    assert verify(folder).troubles == []


def _until_it_answers(ends: Ends) -> None:
    before = ends.answered
    deadline = time.monotonic() + READY
    while ends.answered == before:
        assert time.monotonic() < deadline, "the victim takes no calls"
        ends.invite()
        ends.take(0.02)
