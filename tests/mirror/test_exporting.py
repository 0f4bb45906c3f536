"""The whole daemon: what a collector gets, and that no call waits for it."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import time

import pytest
from tests.mirror.support import (
    BANK,
    BANK_NUMBER,
    CALL_CENTRE,
    CENTRE_NUMBER,
    Homer,
    copyist,
    exporting,
    house,
    ready_to_export,
    ringfence,
)

from ringfence.mirror.frames import chosen

pytestmark = pytest.mark.e2e


async def test_homer_gets_every_message_of_a_call_and_its_decisions() -> None:
    homer = Homer()
    async with house(exporting(homer)) as running:
        await ready_to_export(running)
        ports = running.ports
        proxy, bank, switch = (("127.0.0.1", ports[port]) for port in (5060, BANK, 5080))
        began = time.time()
        report = await running.call(BANK, BANK_NUMBER)
        await running.until(lambda: homer.over(report.call_id))
        packets = homer.of(report.call_id)
        assert {(packet.capture_id, packet.node, packet.family, packet.protocol) for packet in packets} == {
            (2001, "ringfence", 2, 17)
        }
        assert all(began - 0.01 < packet.wall < time.time() for packet in packets)
        said = [
            (packet.source, packet.target, packet.payload.split(b"\r\n")[0].replace(b"SIP/2.0", b"").split()[0])
            for packet in packets
            if packet.kind == 1
        ]
        for hop in (
            (bank, proxy, b"INVITE"), (proxy, switch, b"INVITE"), (switch, proxy, b"200"), (proxy, bank, b"200"),
            (bank, proxy, b"ACK"), (proxy, switch, b"ACK"), (bank, proxy, b"BYE"), (proxy, switch, b"BYE"),
        ):  # fmt: skip
            assert hop in said, hop
        assert said[0] == (bank, proxy, b"INVITE")
        invite = next(packet.payload for packet in packets if packet.source == proxy and packet.target == switch)
        assert invite.startswith(b"INVITE ") and invite.endswith(
            b"\r\n\r\n" + packets[0].payload.partition(b"\r\n\r\n")[2]
        )
        events = [json.loads(packet.payload) for packet in packets if packet.kind == 100]
        assert [event["event"] for event in events] == ["decision", "outcome", "end"]
        assert (events[0]["action"], events[0]["trunk"], events[1]["status"]) == ("forward", "bank", 200)

        refused = await running.call(CALL_CENTRE, CENTRE_NUMBER)
        await running.until(lambda: any(packet.kind == 100 for packet in homer.of(refused.call_id)))
        (event,) = [json.loads(packet.payload) for packet in homer.of(refused.call_id) if packet.kind == 100]
        assert (event["action"], event["reason"]) == ("reject", "consent.no_consent")
        await running.until(lambda: running.metric("hep_sent_total") >= len(packets))
        assert running.metric("mirror_dropped_total") == running.metric("hep_dropped_total") == 0
        assert running.metric("mirror_copied_total") >= len(packets)


async def test_a_share_of_calls_is_exported_whole() -> None:
    homer = Homer()
    async with house(exporting(homer, "0.5")) as running:
        await ready_to_export(running)
        reports = [await running.call(BANK, BANK_NUMBER) for _ in range(8)]
        wanted = {report.call_id for report in reports if chosen(report.call_id.encode(), 0.5)}
        for call_id in wanted:
            await running.until(lambda call_id=call_id: homer.over(call_id))
        await asyncio.sleep(0.1)
        assert {packet.correlation.decode() for packet in homer.take()} & {r.call_id for r in reports} == wanted
        # While something is captured everything is handed on, and yet no more is exported.
        await ringfence(running, "capture", "start", "--trunk", "bank")
        more = [await running.call(BANK, BANK_NUMBER) for _ in range(8)]
        wanted = {report.call_id for report in more if chosen(report.call_id.encode(), 0.5)}
        await asyncio.sleep(0.3)
        assert {packet.correlation.decode() for packet in homer.take()} & {r.call_id for r in more} == wanted


async def test_calls_do_not_notice_a_copying_process_that_hangs_or_dies() -> None:
    homer = Homer()

    def small(text: str) -> str:
        return exporting(homer)(text).replace("buffer_bytes: 16777216", "buffer_bytes: 1048576")

    async with house(small) as running:
        await ready_to_export(running)
        await running.call(BANK, BANK_NUMBER)
        pid = copyist(running)
        os.kill(pid, signal.SIGSTOP)
        try:
            began = time.monotonic()
            for _ in range(60):
                assert (await running.call(BANK, BANK_NUMBER, "+861000005003")).status == 200
            assert time.monotonic() - began < 20
            assert running.metric("up") == 1
        finally:
            os.kill(pid, signal.SIGKILL)
        await running.until(lambda: running.metric("child_restarts_total", process="mirror") == 1, 30)
        await running.until(lambda: copyist(running) not in (0, pid), 30)
        for _ in range(20):
            report = await running.call(BANK, BANK_NUMBER)
            try:
                await running.until(lambda report=report: homer.over(report.call_id), 2)
            except AssertionError:
                continue  # it is not connected again yet
            break
        assert homer.over(report.call_id)
