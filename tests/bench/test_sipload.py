"""The load generator counts what really happened: without a proxy, and across a lossy way."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from tests.bench.load import Generator, compile_generator
from tests.support.net import free_port, split
from tests.support.peers import require

ON, BACK = range(2)


@pytest.fixture(scope="module")
def binary(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return compile_generator(require("cc"), tmp_path_factory.mktemp("sipload"))


@pytest.fixture
def direct(binary: Path, tmp_path: Path) -> Generator:
    """Caller and callee with nothing between them."""
    callee = f"127.0.0.3:{free_port('127.0.0.3')}"
    return Generator(binary, f"127.0.0.1:{free_port()}", callee, callee, None, tmp_path)


def test_every_call_is_completed_once(direct: Generator) -> None:
    outcome = direct.run(calls=500)
    assert (outcome.started, outcome.completed, outcome.failed, outcome.rejected) == (500, 500, 0, {})
    assert (outcome.repeated, outcome.stray, outcome.unacknowledged, outcome.dropped) == (0, 0, 0, 0)
    assert outcome.to_callee_us is not None and outcome.to_final_us is not None


def test_a_fixed_rate_starts_no_more_calls_than_that(direct: Generator) -> None:
    """A busy machine starts fewer; as fast as it can, the generator would start thousands."""
    assert 100 <= direct.run(seconds=0.5, rate=400).completed <= 200


def test_the_invite_is_about_1_kb_with_18_header_fields_and_its_body_as_long_as_said(direct: Generator) -> None:
    invite = direct.invite()
    head, body = invite.split(b"\r\n\r\n", 1)
    lines = head.split(b"\r\n")
    assert (len(lines) - 1, lines[-1]) == (18, b"Content-Length: %d" % len(body))
    assert 950 <= len(invite) <= 1050


@pytest.mark.parametrize("at", ["ringing", "answered"])
def test_parked_calls_are_all_held_at_once_and_then_completed(direct: Generator, at: str) -> None:
    report: list[str] = []
    outcome = direct.park(300, at, 3000, lambda: report.append((direct.folder / "sipload.out").read_text()))
    assert json.loads(report[0]) == {"parked": 300}
    assert (outcome.completed, outcome.failed) == (300, 0)


def test_a_lost_invite_is_sent_again(direct: Generator) -> None:
    with _way(direct.callee, lambda number, data: None if number % 10 == 0 else (ON, data)) as way:
        outcome = replace(direct, proxy=way).run(calls=50)
    assert (outcome.completed, outcome.failed) == (50, 0)
    assert outcome.resent["invite"] >= 5


def test_refused_calls_are_counted_by_status_and_acknowledged(direct: Generator) -> None:
    acks: list[bytes] = []

    def refuse(_: int, data: bytes) -> tuple[int, bytes] | None:
        if data.startswith(b"ACK "):
            acks.append(data)
            return None
        lines = data.split(b"\r\n\r\n")[0].split(b"\r\n")
        kept = [line for line in lines if line.startswith((b"Via:", b"From:", b"Call-ID:", b"CSeq:"))]
        to = next(line for line in lines if line.startswith(b"To:"))
        return BACK, b"\r\n".join([b"SIP/2.0 403 Forbidden", *kept, to + b";tag=x", b"Content-Length: 0", b"", b""])

    with _way(direct.callee, refuse) as way:
        outcome = replace(direct, proxy=way).run(calls=20)
    assert (outcome.completed, outcome.failed, outcome.rejected) == (0, 0, {"403": 20})
    assert len(acks) == 20 and all(b";tag=x" in ack for ack in acks)


def test_a_silent_proxy_fails_every_call(direct: Generator) -> None:
    with _way(direct.callee, lambda *_: None) as way:
        outcome = replace(direct, proxy=way).run(calls=3, timeout=1)
    assert (outcome.completed, outcome.failed) == (0, 3)


def test_ack_and_bye_walk_the_record_route_from_its_end(direct: Generator) -> None:
    seen: list[bytes] = []

    def record_route(_: int, data: bytes) -> tuple[int, bytes]:
        if data.startswith(b"INVITE "):
            way = data.split(b" ", 2)[1].rpartition(b"@")[2]
            routes = b"Record-Route: <sip:192.0.2.1;lr>\r\nRecord-Route: <sip:192.0.2.2;lr>, <sip:" + way + b";lr>\r\n"
            return ON, data.replace(b"Max-Forwards:", routes + b"Max-Forwards:")
        seen.append(data)
        return ON, data

    with _way(direct.callee, record_route) as way:
        outcome = replace(direct, proxy=way).run(calls=2)
    assert (outcome.completed, outcome.unacknowledged) == (2, 0)
    assert sorted(data.split()[0] for data in seen) == [b"ACK", b"ACK", b"BYE", b"BYE"]
    wanted = [f"Route: <sip:{way};lr>".encode(), b"Route: <sip:192.0.2.2;lr>", b"Route: <sip:192.0.2.1;lr>"]
    for data in seen:
        assert [line for line in data.split(b"\r\n") if line.startswith(b"Route:")] == wanted
        assert data.split()[1] == f"sip:callee@{direct.callee}".encode()


@contextmanager
def _way(callee: str, answer: Callable[[int, bytes], tuple[int, bytes] | None]) -> Iterator[str]:
    """A host between caller and callee: its `host:port`.

    answer(number, data) for each datagram of the caller: ON to the callee or BACK to the caller with these bytes,
    None loses it. The callee's go to the caller as they are.
    """
    box = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    box.bind(("127.0.0.2", 0))
    target = split(callee)
    halted = threading.Event()

    def relay() -> None:
        caller, count = None, 0
        box.settimeout(0.05)
        while not halted.is_set():
            try:
                data, source = box.recvfrom(65535)
            except TimeoutError:
                continue
            if source == target:
                box.sendto(data, caller)
                continue
            caller, verdict = source, answer(count, data)
            count += 1
            if verdict is not None:
                box.sendto(verdict[1], target if verdict[0] == ON else caller)

    thread = threading.Thread(target=relay)
    thread.start()
    try:
        yield "{}:{}".format(*box.getsockname())
    finally:
        halted.set()
        thread.join()
        box.close()
