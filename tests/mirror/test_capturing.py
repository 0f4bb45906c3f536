"""The whole daemon: what a capture holds, who may have one, and what the audit trail says."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import stat
from pathlib import Path

import pytest
from tests.mirror.support import (
    BANK,
    BANK_NUMBER,
    CALL_CENTRE,
    CALLEE,
    CENTRE_NUMBER,
    OTHER,
    captures,
    copyist,
    house,
    ringfence,
    run,
    trail,
)
from tests.support.tshark import dissect, tshark

__all__ = ["tshark"]

pytestmark = pytest.mark.e2e


async def test_a_capture_of_a_trunk(tshark: Path) -> None:
    async with house() as running:
        assert copyist(running) == 0
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
        await running.until(lambda: copyist(running) == 0, 10)
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
        os.kill(copyist(running), signal.SIGKILL)
        await running.until(lambda: running.metric("captures") == 0)
        (listed,) = await captures(running)
        assert listed["state"] == "failed: the copying process ended"
