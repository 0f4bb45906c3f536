"""What an operator does to a running daemon and reads from it: real calls, a real store, real faults."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from tests.support.house import HOLDER, House

pytestmark = pytest.mark.e2e

GRANTED, FOREIGN, MARKETER, CALLEE = "+861000000101", "+862200000001", "+862100000001", "+861000005001"
REFUSED = ("P-Ringfence-Reason", "caller_authorised.unknown_holder")


@pytest.fixture
async def house() -> AsyncIterator[House]:
    with TemporaryDirectory(prefix="rf") as name:
        async with House(Path(name)) as house:
            yield house


def ringfence(house: House, *arguments: str) -> str:
    command = [sys.executable, "-m", "ringfence", *arguments]
    done = subprocess.run(command, cwd=house.folder, capture_output=True, text=True, timeout=20, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


async def said(house: House, *arguments: str) -> str:
    return await asyncio.to_thread(ringfence, house, *arguments, "--config", "ringfence.yaml")


def lenient(text: str) -> str:
    """The bank may show any number."""
    return text.replace("exempt_kinds: [", "exempt_kinds: [enterprise, ")


def without_a_mode(text: str) -> str:
    """Of the last rule that observes, `rate`."""
    before, _, after = text.rpartition("mode: observe")
    return f"{before}mode: perhaps{after}"


async def test_calls_move_the_metrics_they_should(house: House) -> None:
    await said(house, "score", "set", "+442079460065", "65")
    assert (await house.call(5071, GRANTED)).status == 200
    assert (await house.call(5071, FOREIGN)).status == 403
    tagged = await house.call(5073, "+442079460065", display="Lucky")
    assert house.seen(tagged).display == "[Suspected] Lucky"
    assert house.seen(tagged).marks == [
        ("P-Ringfence-Verdict", "tag"),
        ("P-Ringfence-Reason", "harassment_score.elevated"),
        ("P-Ringfence-Score", "60"),
    ]
    verdicts = [
        ("", "forward", "bank"),
        ("caller_authorised", "reject", "bank"),
        ("harassment_score", "tag", "carrier"),
    ]
    for rule, action, trunk in verdicts:
        assert house.metric("verdicts_total", rule=rule, action=action, trunk=trunk) == 1
    assert house.metric("requests_total", method="INVITE") == 3
    assert house.metric("responses_total", **{"class": "4xx"}) == 1
    assert house.metric("gateway_responses_total", **{"class": "2xx"}) >= 4
    assert house.metric("table_size", table="transactions") > 0
    assert house.metric("lookup_latency_seconds_count") == 2  # the rejected call asked nothing
    assert house.metric("gateway_state", state="up") == 1
    assert house.metric("config_generation") == 1


async def test_a_dialog_in_progress_shows(house: House) -> None:
    async with asyncio.TaskGroup() as group:
        group.create_task(house.call(5071, GRANTED, hold=1.0))
        await house.until(lambda: house.metric("table_size", table="dialogs") == 1)
    await house.until(lambda: house.metric("table_size", table="dialogs") == 0)


async def test_a_reload_is_all_or_nothing_and_shows_everywhere(house: House) -> None:
    house.write(lambda text: without_a_mode(lenient(text)))
    house.hangup()
    await house.until(lambda: house.metric("config_faults") == 1)
    ready = house.ready()
    assert ready["ready"] is True and ready["generation"] == 1
    assert "screening.rules.rate.mode: must be 'off', 'observe' or 'enforce'" in ready["warnings"][0]
    assert REFUSED in (await house.call(5071, FOREIGN)).marks
    house.write(lenient)
    house.hangup()
    await house.until(lambda: house.metric("config_generation") == 2)
    assert house.metric("config_faults") == 0
    assert not [each for each in house.ready()["warnings"] if "reload" in each]
    assert (await house.call(5071, FOREIGN)).status == 200
    assert "generation 2, ready" in await asyncio.to_thread(ringfence, house, "check", "ringfence.yaml")


async def test_a_changed_file_is_taken_by_itself(house: House) -> None:
    house.write(lenient)
    await house.until(lambda: house.metric("config_generation") == 2)
    assert (await house.call(5071, FOREIGN)).status == 200


async def test_a_key_that_needs_a_restart_is_refused_with_its_line(house: House) -> None:
    house.write(lambda text: lenient(text).replace("node: ringfence", "node: other"))
    status, answer = await asyncio.to_thread(house.json, "POST", "/reload")
    assert (status, answer["generation"]) == (422, 1)
    assert "ringfence.yaml:11: node: changing this needs a restart" in answer["faults"][0]


async def test_a_call_keeps_the_policy_it_began_with(house: House) -> None:
    """Its questions wait in a hung store while a stricter generation comes into force."""
    changed = lambda text: text.replace("deadline: 50ms", "deadline: 1s")  # noqa: E731
    with TemporaryDirectory(prefix="rf") as name:
        async with House(Path(name), changed) as slow:
            store = slow.store_pid()
            os.kill(store, signal.SIGSTOP)
            began = asyncio.create_task(slow.call(5073, "+442079460001"))
            await slow.until(lambda: slow.metric("table_size", table="screening") == 1, 1)
            slow.write(lambda text: changed(text).replace("exempt_kinds: [interconnect,", "exempt_kinds: ["))
            status, answer = await asyncio.to_thread(slow.json, "POST", "/reload")
            assert (status, answer["generation"]) == (200, 2)
            assert slow.metric("table_size", table="screening") == 1
            os.kill(store, signal.SIGCONT)
            assert (await began).status == 200
            assert (await slow.call(5073, "+442079460001")).status == 403


@pytest.mark.workers_too
async def test_a_hung_store_costs_a_deadline_and_then_nothing(house: House) -> None:
    os.kill(house.store_pid(), signal.SIGSTOP)
    try:
        calls = 0
        while house.metric("lookup_breaker_state", state="open") == 0:  # five misses: of each worker by itself
            calls += 1
            report = await house.call(5071, GRANTED)
            assert report.status == 200
            assert report.steps[1].text.startswith("100")
            assert report.steps[1].at < 0.2  # RFC 3261 §17.2.1, whatever the store does
        assert 5 <= calls <= 5 * house.workers
        assert house.metric("lookup_deadline_misses_total") >= 4
        assert house.metric("unscreened_calls_total", need="score") == calls
        marketing = await house.call(5072, MARKETER)
        assert (marketing.status, marketing.marks[-1]) == (480, ("P-Ringfence-Reason", "consent.unknown_consent"))
        assert (await house.call(5072, FOREIGN, "110")).status == 200
        ready = house.ready()
        assert ready["ready"] is True and "does not answer in time" in ready["warnings"][0]
    finally:
        os.kill(house.store_pid(), signal.SIGCONT)


@pytest.mark.workers_too
async def test_a_store_that_dies_comes_back(house: House) -> None:
    await said(house, "consent", "add", CALLEE, "--holder", HOLDER)
    await asyncio.sleep(1.1)  # appendfsync everysec
    os.kill(house.store_pid(), signal.SIGKILL)
    await house.until(lambda: bool(house.ready()["warnings"]), 1)
    assert house.get("/ready")[0] == 200
    assert (await house.call(5071, GRANTED)).status == 200
    await house.until(lambda: house.metric("lookup_connected") == 1)
    assert house.metric("lookup_reconnects_total") == house.workers
    assert (house.metric("child_restarts_total", process="store"), house.metric("child_restarts_total")) == (1, 1)
    assert (await house.call(5072, MARKETER)).status == 200  # the consent was kept


async def test_not_ready_when_no_gateway_answers_and_again_when_one_does(house: House) -> None:
    fast = lambda text: text.replace("interval: 10s", "interval: 1s").replace("timeout: 2s", "timeout: 500ms")  # noqa: E731
    with TemporaryDirectory(prefix="rf") as name:
        async with House(Path(name), fast) as lonely:
            await lonely.switch.close()
            await lonely.until(lambda: lonely.get("/ready")[0] == 503)
            assert lonely.ready()["reasons"] == ["no gateway of group default answers"]
            assert (lonely.get("/live")[0], lonely.metric("gateway_state", state="down")) == (200, 1)
            await lonely.switch.open("udp", "tcp", listening=True)
            await lonely.until(lambda: lonely.get("/ready")[0] == 200)


async def test_the_mode_of_a_rule_for_all_and_for_one_trunk(house: House) -> None:
    house.write(
        lambda text: text.replace(
            "      mode: enforce\n      points: 100\n      exempt_kinds",
            "      mode: observe\n      points: 100\n      exempt_kinds",
        ).replace("kind: call_center\n", "kind: call_center\n    rules: {caller_authorised: {mode: enforce}}\n")
    )
    assert (await asyncio.to_thread(house.json, "POST", "/reload"))[1] == {"generation": 2, "faults": []}
    assert (await house.call(5071, FOREIGN)).status == 200
    assert house.metric("findings_total", rule="caller_authorised", mode="observe", trunk="bank") == 1
    assert (await house.call(5072, FOREIGN)).status == 403
    assert house.metric("findings_total", rule="caller_authorised", mode="enforce", trunk="callcentre") == 1
    house.write(
        lambda text: text.replace(
            "kind: enterprise\n", "kind: enterprise\n    explain: opaque\n    rules: {caller_authorised: {mode: off}}\n"
        )
    )
    assert (await asyncio.to_thread(house.json, "POST", "/reload"))[1] == {"generation": 3, "faults": []}
    assert (await house.call(5071, FOREIGN)).status == 200
    assert house.metric("findings_total", rule="caller_authorised", trunk="bank") == 1


async def test_how_refusals_look_is_a_matter_of_the_trunk(house: House) -> None:
    await said(house, "score", "set", "+442079460095", "95")
    opaque = await house.call(5073, "+442079460095")
    assert (opaque.status, opaque.reason, opaque.marks) == (608, [], [])
    house.write(
        lambda text: (
            text.replace("header_prefix: P-Ringfence ", "header_prefix: X-Screen ")
            .replace("  #contact:", "  contact:")
            .replace("  #  url: https", "    url: https")
            .replace("kind: interconnect ", "explain: explained\n    network_blocked: true\n    kind: interconnect ")
        )
    )
    assert (await asyncio.to_thread(house.json, "POST", "/reload"))[1] == {"generation": 2, "faults": []}
    blocked = await house.call(5073, "+442079460095", fields=(("X-Screen-Verdict", "forged"),))
    assert (blocked.status, blocked.phrase) == (603, "Network Blocked")
    assert blocked.reason == ['SIP;cause=603;text="v=analytics1;url=https://example.net/redress";location=TN']
    explained = await house.call(5071, FOREIGN)
    assert explained.reason == ['Q.850;cause=21;text="unknown holder"']


async def test_a_drain_ends_when_the_last_call_is_set_up(house: House) -> None:
    house.switch.ring = 1.5
    ringing = asyncio.create_task(house.call(5071, GRANTED))
    await house.until(lambda: house.metric("gateway_responses_total", **{"class": "1xx"}) == 1)
    assert (await asyncio.to_thread(house.http, "POST", "/drain"))[0] == 202
    assert house.ready()["reasons"] == ["draining"]
    assert (await house.call(5071, GRANTED)).status == 503
    assert (await ringing).status == 200
    assert await asyncio.to_thread(house.process.wait, 10) == 0


@pytest.mark.workers_too
async def test_the_log_is_json_and_holds_no_numbers(house: House) -> None:
    await house.call(5071, GRANTED)
    await house.call(5071, FOREIGN)
    events = house.events()
    began = [event["event"] for event in events if event.get("worker") in (None, house.workers)]
    expected = ["store connected", "worker ready", "ready"] if house.workers > 1 else ["store connected", "ready"]
    assert began[: len(expected)] == expected
    text = house.process.log.read_text()
    assert GRANTED[1:] not in text and FOREIGN[1:] not in text
