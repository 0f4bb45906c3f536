"""The running daemon is asked about calls: its policy, its store's facts, and nothing is counted."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from tests.support.house import HOLDER, House

pytestmark = pytest.mark.e2e

BANK = {"trunk": "bank", "caller": "+861000000101", "callee": "+861000005001"}
MARKETING = {"trunk": "callcentre", "caller": "+862100000001", "callee": "+861000005001"}


@pytest.fixture
async def house() -> AsyncIterator[House]:
    with TemporaryDirectory(prefix="rf") as name:
        async with House(Path(name)) as house:
            yield house


def ringfence(house: House, *arguments: str) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-m", "ringfence", *arguments, "--config", str(house.config)],
        capture_output=True, text=True, timeout=20, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr


async def explain(house: House, **question: Any) -> dict[str, Any]:
    status, answer = await asyncio.to_thread(house.json, "POST", "/explain", question)
    assert status == 200, answer
    return answer


async def test_a_question_has_the_verdict_of_the_call_and_counts_nothing(house: House) -> None:
    for question in (BANK, MARKETING, {**BANK, "caller": "anonymous"}, {**BANK, "callee": "110"}):
        answer = await explain(house, **question)
        port = {"bank": 5071, "callcentre": 5072}[question["trunk"]]
        report = await house.call(port, question["caller"], question["callee"])
        assert report.status == (answer["response"] or {"status": 200})["status"]
        assert answer["verdict"]["action"] == ("forward" if report.status == 200 else "reject")
        reason = answer["verdict"]["reason"]
        assert report.status == 200 or ("P-Ringfence-Reason", reason) in report.marks
    assert await asyncio.to_thread(house.metric, "verdicts_total") == 4
    one, two = [(await explain(house, **BANK))["facts"]["caller_rate"] for _ in range(2)]
    assert one == two == {"attempts": 2, "window": 3600.0}


async def test_facts_are_those_of_the_store_unless_given(house: House) -> None:
    assert (await explain(house, **MARKETING))["verdict"]["reason"] == "consent.no_consent"
    code, said = await asyncio.to_thread(ringfence, house, "consent", "add", "+861000005001", "--holder", HOLDER)
    assert code == 0, said
    assert (await explain(house, **MARKETING))["verdict"]["action"] == "forward"
    refused = await explain(house, **MARKETING, consent="refused")
    assert (refused["verdict"]["reason"], refused["response"]["status"]) == ("consent.refused", 603)
    assert (await explain(house, **MARKETING, score=90))["verdict"]["reason"] == "harassment_score.high"


async def test_it_is_judged_by_the_generation_in_force(house: House) -> None:
    foreign = {**BANK, "caller": "+862200000001"}
    assert (await explain(house, **foreign))["verdict"]["reason"] == "caller_authorised.unknown_holder"
    house.write(lambda text: text.replace("exempt_kinds: [", "exempt_kinds: [enterprise, "))
    status, answer = await asyncio.to_thread(house.json, "POST", "/reload")
    assert (status, answer) == (200, {"generation": 2, "faults": []})
    answer = await explain(house, **foreign)
    assert (answer["generation"], answer["verdict"]["action"]) == (2, "forward")


async def test_facts_that_no_call_could_get_are_told_as_such(house: House) -> None:
    store = await asyncio.to_thread(house.store_pid)
    os.kill(store, signal.SIGSTOP)
    try:
        assert (await explain(house, **MARKETING))["facts"]["consent"] == {"unknown": "unreachable"}
        async with asyncio.timeout(20):
            # Each worker has a breaker of its own, and any of them explains.
            while (answer := await explain(house, **MARKETING))["facts"]["consent"] != {"unknown": "breaker_open"}:
                for _ in range(5):
                    await house.call(5073, "+442079460001")
        assert await asyncio.to_thread(house.metric, "lookup_breaker_state", state="open") == 1
        assert answer["response"]["status"] == 480
        assert (await explain(house, **MARKETING, consent="yes"))["verdict"]["action"] == "forward"
    finally:
        os.kill(store, signal.SIGCONT)


async def test_the_command_line_asks_the_daemon(house: House) -> None:
    file = house.folder / "invite"
    file.write_text(
        "INVITE sip:+861000005001@x SIP/2.0\nVia: SIP/2.0/UDP x;branch=z9hG4bK1\nMax-Forwards: 70\n"
        "From: <sip:+862200000001@x>;tag=1\nTo: <sip:a@x>\nCall-ID: 1\nCSeq: 1 INVITE\n\n"
    )
    code, said = await asyncio.to_thread(ringfence, house, "explain", str(file), "--trunk", "bank", "--running")
    assert code == 0 and "caller_authorised.unknown_holder" in said and "403 Forbidden" in said
    code, said = await asyncio.to_thread(
        ringfence, house, "explain", "--trunk", "nobody", "--from", "1", "--to", "2", "--running"
    )
    assert (code, said) == (1, "no trunk nobody; there are: abroad, bank, callcentre, carrier, lab\n")


UNANSWERABLE: list[tuple[dict[str, Any], int, str]] = [
    ({"callee": "1"}, 409, "name the trunk; there are: abroad, bank, callcentre, carrier"),
    ({"trunk": "x", "callee": "1"}, 409, "no trunk x; there are"),
    ({"trunk": "bank", "message": "hello"}, 409, "it would be dropped before any rule looks"),
    ({"trunk": "bank", "callee": "sip:1@x\r\nX: y"}, 409, "line break"),
    ({"trunk": "bank", "callee": "sip:1@x y"}, 409, "no INVITE can be written with these numbers"),
    ({"trunk": "bank", "callee": "1", "message": "x"}, 422, "give either"),
    ({"trunk": "bank"}, 422, "callee or message is missing"),
    ({"trunk": "bank", "callee": "1", "at": 1e300}, 422, "less than or equal"),
    ({"trunk": "bank", "callee": "1", "score": 101}, 422, "less than or equal"),
]


async def test_what_cannot_be_answered_says_why(house: House) -> None:
    for question, status, why in UNANSWERABLE:
        got, text = await asyncio.to_thread(house.http, "POST", "/explain", question)
        assert (got, why in text) == (status, True), (question, text)
