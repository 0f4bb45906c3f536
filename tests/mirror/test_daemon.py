"""The whole daemon: what a collector gets, what a capture holds, and that nobody waits for either."""

from __future__ import annotations

import asyncio
import io
import json
import os
import signal
import socket
import stat
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from tests.mirror.hep_reader import Packet, read
from tests.support.house import House
from tests.support.tshark import dissect, tshark

from ringfence.cli import main
from ringfence.mirror.frames import chosen
from ringfence.registry.actors import Actor
from ringfence.registry.chain import Entry
from ringfence.registry.opening import open_registry
from ringfence.registry.settings import RegistrySettings

__all__ = ["tshark"]

pytestmark = pytest.mark.e2e
BANK, BANK_NUMBER, CALLEE, OTHER = 5071, "+861000000101", "+861000005001", "+861000005002"
CALL_CENTRE, CENTRE_NUMBER = 5072, "+862100000001"


class Homer:
    """A collector that keeps what it gets."""

    def __init__(self) -> None:
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_000_000)
        self.sock.bind(("127.0.0.1", 0))
        self.sock.setblocking(False)
        self.packets: list[Packet] = []

    def take(self) -> list[Packet]:
        try:
            while True:
                self.packets.append(read(self.sock.recv(65_535)))
        except BlockingIOError:
            return self.packets

    def over(self, call_id: str) -> bool:
        """Whether all of an answered call is here: its end is written last, up to 20 ms after the rest."""
        return sum(packet.kind == 100 for packet in self.of(call_id)) == 3

    def of(self, call_id: str) -> list[Packet]:
        return [packet for packet in self.take() if packet.correlation == call_id.encode()]


@asynccontextmanager
async def house(change: Callable[[str], str] = lambda text: text) -> AsyncIterator[House]:
    with TemporaryDirectory(prefix="rf") as name:
        async with House(Path(name), change) as running:
            yield running


def exporting(homer: Homer, share: str = "1.0") -> Callable[[str], str]:
    url = f"collector: udp://127.0.0.1:{homer.sock.getsockname()[1]}"

    def change(text: str) -> str:
        text = text.replace("#collector: udp://homer.example.net:9060", url)
        return text.replace("share: 1.0 ", f"share: {share} ").replace("capture_id: 1 ", "capture_id: 2001 ")

    return change


def run(house: House, *arguments: str) -> tuple[int, str]:
    """The command line in a thread of this process, which a second's start of Python is spared."""
    said = io.StringIO()
    with redirect_stdout(said), redirect_stderr(said):
        code = main([*arguments, "--config", str(house.config)])
    return code, said.getvalue()


async def ringfence(house: House, *arguments: str) -> str:
    code, said = await asyncio.to_thread(run, house, *arguments)
    assert code == 0, said
    return said


async def captures(house: House) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(await ringfence(house, "capture", "list", "--json"))
    return found


async def trail(house: House) -> list[Entry]:
    """The audit trail's entries about captures."""
    data = house.folder / "data"
    async with await open_registry(RegistrySettings(), data) as registry:
        entries = [entry for entry, _ in await registry.trail(Actor("test", "auditor", "test"))]
    return [entry for entry in entries if entry.action.startswith("capture")]


async def test_homer_gets_every_message_of_a_call_and_its_decisions() -> None:
    homer = Homer()
    async with house(exporting(homer)) as running:
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
        await running.call(BANK, BANK_NUMBER)
        pid = _copyist(running)
        os.kill(pid, signal.SIGSTOP)
        try:
            began = time.monotonic()
            for _ in range(60):
                assert (await running.call(BANK, BANK_NUMBER, "+861000005003")).status == 200
            assert time.monotonic() - began < 20
            assert running.metric("up") == 1
        finally:
            os.kill(pid, signal.SIGKILL)
        await running.until(lambda: running.metric("child_restarts_total", process="mirror") == 1)
        await running.until(lambda: _copyist(running) not in (0, pid))
        await asyncio.sleep(0.5)
        report = await running.call(BANK, BANK_NUMBER)
        await running.until(lambda: homer.over(report.call_id))


def _copyist(house: House) -> int:
    for pid in house.process.pids()[1:]:
        if b"ringfence.mirror" in Path(f"/proc/{pid}/cmdline").read_bytes():
            return pid
    return 0


async def test_a_capture_of_a_trunk(tshark: Path) -> None:
    async with house() as running:
        assert _copyist(running) == 0
        before = await running.call(BANK, BANK_NUMBER)
        told = await ringfence(running, "capture", "start", "--trunk", "bank", "--for", "5m", "--reason", "ticket 17")
        assert running.metric("captures") == 1
        reports = [await running.call(BANK, BANK_NUMBER), await running.call(BANK, "+862200000001")]
        other = await running.call(CALL_CENTRE, CENTRE_NUMBER)
        (listed,) = await captures(running)
        assert listed["capture"] in told
        assert (listed["state"], listed["trunk"], listed["why"]) == ("running", "bank", "ticket 17")
        said = await ringfence(running, "capture", "stop", listed["capture"])
        file = Path(said.strip())
        assert str(file) in told
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        await running.until(lambda: running.metric("captures") == 0)
        (stopped,) = await captures(running)
        assert (stopped["state"], stopped["bytes"]) == ("stopped", file.stat().st_size)

        ports = running.ports
        rows = dissect(
            tshark, file, "sip.Call-ID", "udp.srcport", "udp.dstport", "sip.Method", "sip.Status-Code", "udp.payload",
            "frame.comment",
        )  # fmt: skip
        assert len(rows) == stopped["messages"]
        assert {row["sip.Call-ID"] for row in rows} == {report.call_id for report in reports}
        assert not {before.call_id, other.call_id} & {row["sip.Call-ID"] for row in rows}
        whole = [row for row in rows if row["sip.Call-ID"] == reports[0].call_id]
        sides = {(row["udp.srcport"], row["udp.dstport"], row["sip.Method"] or row["sip.Status-Code"]) for row in whole}
        proxy, bank, switch = (str(ports[port]) for port in (5060, BANK, 5080))
        for method in ("INVITE", "ACK", "BYE"):
            assert {(bank, proxy, method), (proxy, switch, method)} <= sides
        invite = next(row for row in whole if (row["udp.dstport"], row["sip.Method"]) == (switch, "INVITE"))
        assert bytes.fromhex(invite["udp.payload"]).startswith(b"INVITE sip:+861000005001@")
        assert invite["frame.comment"].startswith("udp, sent to default/sip:127.0.0.1")

        asked, started, ended = await trail(running)
        assert (asked.action, started.action, ended.action) == ("capture_asked", "capture_started", "capture_stopped")
        assert asked.actor.startswith("operator:")
        assert json.loads(asked.detail) == {"trunk": "bank", "seconds": 300.0, "why": "ticket 17"}
        assert json.loads(started.detail) == {"capture": listed["capture"], "file": str(file)}
        # Nothing is exported: the process goes when nothing is captured any more.
        await running.until(lambda: _copyist(running) == 0, 10)
        assert (await running.call(BANK, BANK_NUMBER)).status == 200


async def test_a_capture_of_a_number_ends_by_itself(tshark: Path) -> None:
    async with house() as running:
        await ringfence(running, "capture", "start", "--number", "01000005002", "--for", "3s")
        wanted = [await running.call(BANK, BANK_NUMBER, OTHER), await running.call(CALL_CENTRE, CENTRE_NUMBER, OTHER)]
        await running.call(BANK, BANK_NUMBER, CALLEE)
        await running.until(lambda: running.metric("captures") == 0, 10)
        (listed,) = await captures(running)
        assert listed["state"] == "done"
        assert OTHER not in listed["number"] and listed["number"].startswith("+861")
        rows = dissect(tshark, Path(listed["file"]), "sip.Call-ID", "sip.Method", "udp.srcport")
        assert {row["sip.Call-ID"] for row in rows} == {report.call_id for report in wanted}
        first = next(row for row in rows if row["sip.Call-ID"] == wanted[0].call_id)
        assert (first["sip.Method"], first["udp.srcport"]) == ("INVITE", str(running.ports[BANK]))


async def test_what_may_not_be_captured() -> None:
    def change(text: str) -> str:
        return text.replace("records:\n  enabled: true", "records:\n  enabled: false").replace(
            "at_once: 4", "at_once: 1"
        )

    async with house(change) as running:
        for arguments, why in (
            (("--trunk", "nobody"), "there is no trunk 'nobody'"),
            (("--number", OTHER), "records.enabled is false"),
            (("--trunk", "bank", "--for", "2h"), "for 3600 s at most"),
            ((), "either --trunk or --number"),
            (("--trunk", "bank", "--number", OTHER), "either --trunk or --number"),
            (("--number", "anonymous"), "no number"),
        ):
            code, said = await asyncio.to_thread(run, running, "capture", "start", *arguments)
            assert code != 0 and why in said, said
        await ringfence(running, "capture", "start", "--trunk", "bank")
        code, said = await asyncio.to_thread(run, running, "capture", "start", "--trunk", "bank")
        assert code == 1 and "1 captures run already" in said
        code, said = await asyncio.to_thread(run, running, "capture", "stop", "nothing")
        assert code == 1 and "there is no capture 'nothing'" in said
        os.kill(_copyist(running), signal.SIGKILL)
        await running.until(lambda: running.metric("captures") == 0)
        (listed,) = await captures(running)
        assert listed["state"] == "failed: the copying process ended"
