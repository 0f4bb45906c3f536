"""Every count of the SIP side that no ordinary call moves, provoked over real sockets."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from tests.support.house import House
from tests.support.net import free_port

pytestmark = pytest.mark.e2e

HEAD = "Max-Forwards: 70\r\nFrom: <sip:+861000000101@x>;tag=1\r\nTo: <sip:+861000005001@x>\r\nCall-ID: {0}\r\nCSeq: 1 {1}\r\n\r\n"


def message(start: str, branch: str, method: str = "OPTIONS", top: str = "127.0.0.1") -> bytes:
    return f"{start}\r\nVia: SIP/2.0/UDP {top};branch=z9hG4bK{branch};rport\r\n{HEAD.format(branch, method)}".encode()


def odd_datagrams(house: House) -> None:
    """What nobody sends who is well: to the first listener, from the trunk `bank`, then from a stranger."""
    target = ("127.0.0.1", house.ports[5060])
    options = message(f"OPTIONS sip:127.0.0.1:{house.ports[5060]} SIP/2.0", "opt")
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as bank,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one,
    ):
        bank.bind(("127.0.0.1", house.ports[5071]))
        for data in (
            options,
            options,  # retransmission
            b"\r\n\r\n",  # keep-alive
            b" \r\n\r\n\r\n\r\n ",  # something like one
            b"OPTIONS nonsense",  # malformed
            message("SIP/2.0 200 OK", "nobody"),  # answers nothing
            message("BREW sip:127.0.0.1 SIP/2.0", "brew", "BREW"),  # a method of nobody's
            b"INVITE sip:x SIP/2.0\r\n" + b"x" * 3000,  # longer than max_message_bytes
        ):
            bank.sendto(data, target)
        one.sendto(options, target)


MOVED: list[tuple[str, dict[str, str], float]] = [
    ("retransmissions_total", {}, 1),
    ("transport_keepalives_total", {"listener": "udp"}, 1),
    ("ignored_keepalives_total", {}, 1),
    ("malformed_messages_total", {}, 1),
    ("stray_responses_total", {}, 1),
    ("requests_total", {"method": "other"}, 1),
    ("refused_requests_total", {"status": "405"}, 1),
    ("transport_oversized_total", {"listener": "udp"}, 1),
    ("unknown_source_messages_total", {}, 1),
]


def changed(dead: int) -> Callable[[str], str]:
    """A gateway in front that nobody serves, short messages, and a patient store."""

    def change(text: str) -> str:
        first = f'    targets:\n      - {{uri: "sip:127.0.0.1:{dead}", priority: 0}}\n'
        text = text.replace("    targets:\n", first, 1).replace("enabled: true                     # OPTIONS", "")
        text = text.replace("    probe:                              #", "    probe: #").replace(
            "      enabled: true\n", "      enabled: false\n", 1
        )
        return text.replace("max_message_bytes: 65535", "max_message_bytes: 2500").replace(
            "deadline: 50ms", "deadline: 1s"
        )

    return change


async def test_each_count_moves_with_its_cause() -> None:
    with TemporaryDirectory(prefix="rf") as name:
        async with House(Path(name), changed(free_port())) as house:
            await asyncio.to_thread(odd_datagrams, house)
            await house.until(lambda: house.metric("unknown_source_messages_total") == 1)
            assert {(name, *labels.values()): house.metric(name, **labels) for name, labels, _ in MOVED} == {
                (name, *labels.values()): value for name, labels, value in MOVED
            }
            before = house.metric("unreachable_sends_total"), house.metric("transport_icmp_errors_total")
            assert (await house.call(5071, "+861000000101")).status == 200
            assert house.metric("gateway_failovers_total") == 1
            after = house.metric("unreachable_sends_total"), house.metric("transport_icmp_errors_total")
            assert after[0] > before[0] and after[1] > before[1]
            assert house.metric("gateway_state", state="held") == 1
            await _cancelled_while_judged(house)
            assert house.metric("abandoned_calls_total") == 1


async def _cancelled_while_judged(house: House) -> None:
    """By hand: the demo's caller would wait for ringing before it cancels."""
    store = await asyncio.to_thread(house.store_pid)
    caller = await house.caller(5071)
    await caller.close()
    target = ("127.0.0.1", house.ports[5060])
    os.kill(store, signal.SIGSTOP)
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as bank:
            bank.bind(("127.0.0.1", house.ports[5071]))
            for method in ("INVITE", "CANCEL"):
                bank.sendto(message(f"{method} sip:+861000005001@127.0.0.1 SIP/2.0", "gone", method), target)
            await house.until(lambda: house.metric("requests_total", method="CANCEL") == 1, 1)
    finally:
        os.kill(store, signal.SIGCONT)
