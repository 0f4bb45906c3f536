"""The store hangs, dies, dawdles: every ticket is answered once and in time, and nothing leaks into another call."""

import asyncio
import io
import os
import signal
from pathlib import Path

import pytest
from redis import Redis
from tests.support.asking import ALL, CALLER, WINDOW, Asked, call, until
from tests.support.index import fixed_view
from tests.support.process import hung
from tests.support.scripted_store import Command, scripted_store

from ringfence.lookups import Address, Keys, Lookups, RedisSettings
from ringfence.lookups import node as module
from ringfence.lookups.embedded import EmbeddedStore
from ringfence.screening import Facts, Need, Score, Unknown
from ringfence.telemetry.log import configure
from ringfence.telemetry.settings import LoggingSettings

SCORE = frozenset({Need.SCORE})


def reasons(facts: list[Facts]) -> set[object]:
    return {fact for one in facts for fact in (one.consent, one.score, one.caller_rate)}


async def quick(path: Path, keys: Keys, deadline: str = "50ms", failures: int = 1000) -> Lookups:
    settings = RedisSettings.model_validate(
        {"deadline": deadline, "reconnect_max": "100ms", "connect_timeout": "500ms", "breaker": {"failures": failures}}
    )
    lookups = Lookups(settings, Address(path=str(path)), keys, WINDOW, fixed_view(keys))
    await lookups.start()
    return lookups


async def test_a_hung_store_costs_a_call_its_deadline_and_no_more(store: EmbeddedStore, keys: Keys):
    lookups = await quick(store.socket, keys)
    asked = Asked(lookups)
    loop = asyncio.get_running_loop()
    with hung(store.pid):
        began = loop.time()
        facts = await asked(*[call() for _ in range(20)])
        took = loop.time() - began
        assert reasons(facts) == {Unknown("deadline")}
        assert took >= 0.049
        assert lookups.stats()["deadline_misses"] == 20
        assert lookups.stats()["pending"] == 120
    # Back: what is late is dropped, and new questions get their own answers.
    await until(lambda: lookups.stats()["late"] == 1)
    assert lookups.stats()["pending"] == 0
    (fresh,) = await asked(call(caller="+8613800138001"))
    assert fresh.caller_rate == (1, 3600.0)
    await lookups.close()


async def test_late_answers_reach_nobody_else(folder: Path, keys: Keys):
    """Answers to the first call come while the second waits: each call keeps its own or gets none."""
    async with scripted_store(folder / "s", lambda _: b"") as store:
        lookups = await quick(folder / "s", keys)
        asked = Asked(lookups)
        (first,) = await asked(call(), needs=SCORE)
        assert first.score == Unknown("deadline")
        tickets = asked.submit(call(), needs=SCORE)
        await until(lambda: len(store.commands) == 2)
        store.writers[0].write(b"$2\r\n11\r\n$2\r\n22\r\n")
        (second,) = await asked.all(tickets)
        assert second.score in (Score(22.0), Unknown("deadline"))
        await until(lambda: lookups.stats()["pending"] == 0)
        assert first.score == Unknown("deadline")
        await lookups.close()


async def test_what_came_before_the_deadline_is_used(folder: Path, keys: Keys):
    answers = iter([b"$2\r\n11\r\n", b"$2\r\n22\r\n"])

    async with scripted_store(folder / "s", lambda _: next(answers, b"")):
        lookups = await quick(folder / "s", keys)
        facts = await Asked(lookups)(*[call() for _ in range(4)], needs=SCORE)
        assert [one.score for one in facts] == [Score(11.0), Score(22.0), Unknown("deadline"), Unknown("deadline")]
        stats = lookups.stats()
        assert (stats["answered"], stats["deadline_misses"]) == (2, 2)
        await lookups.close()


async def test_each_batch_has_its_own_deadline(folder: Path, keys: Keys):
    async with scripted_store(folder / "s", lambda _: b""):
        lookups = await quick(folder / "s", keys, deadline="100ms")
        asked = Asked(lookups)
        loop = asyncio.get_running_loop()
        ends: list[float] = []
        begins: list[float] = []
        for ticket in range(3):
            begins.append(loop.time())
            lookups.submit([(ticket, call(), ALL)], lambda *_: ends.append(loop.time()))
            await asyncio.sleep(0.03)
        await until(lambda: len(ends) == 3)
        assert all(end - begin >= 0.099 for begin, end in zip(begins, ends, strict=True))
        # One long after all are over has its own as well: the timer is wound anew.
        assert (await asked(call()))[0].score == Unknown("deadline")
        await lookups.close()


async def test_the_breaker_opens_on_a_hung_store_and_spares_the_calls(store: EmbeddedStore, keys: Keys):
    lookups = await quick(store.socket, keys, failures=5)
    asked = Asked(lookups)
    with hung(store.pid):
        for _ in range(5):
            await asked(call())
        assert lookups.breaker_state == "open"
        tickets = asked.submit(call(), call())
        assert reasons([asked.facts[ticket] for ticket in tickets]) == {Unknown("breaker_open")}
        assert lookups.stats()["breaker_opened"] == 1
    await lookups.close()


async def test_a_moment_s_hiccup_under_load_does_not_open_it(folder: Path, keys: Keys):
    async with scripted_store(folder / "s", lambda _: b"") as store:
        lookups = await quick(folder / "s", keys, deadline="1s", failures=5)
        asked = Asked(lookups)
        tickets = []
        for _ in range(40):
            tickets += asked.submit(call(), needs=SCORE)
            await asyncio.sleep(0)
        await asked.all(tickets)
        assert lookups.stats()["deadline_misses"] == 40
        assert lookups.breaker_state == "closed"
        store.answer = lambda _: b"$2\r\n10\r\n"
        await lookups.close()


async def test_a_silent_path_is_given_up_and_a_new_connection_heals_it(
    folder: Path, keys: Keys, monkeypatch: pytest.MonkeyPatch
):
    """A firewall that forgot the connection: nothing comes, nothing fails. TCP would take a quarter of an hour."""
    monkeypatch.setattr(module, "STALLED", 0.2)

    def answer(command: Command) -> bytes:
        return b"" if store.connections == 1 else b"$2\r\n10\r\n"

    async with scripted_store(folder / "s", answer) as store:
        lookups = await quick(folder / "s", keys, failures=1)
        asked = Asked(lookups)
        assert (await asked(call(), needs=SCORE))[0].score == Unknown("deadline")
        assert lookups.breaker_state == "open"
        await until(lambda: store.connections == 2 and lookups.connected)
        # The greeting is proof enough to try: no fifteen seconds.
        assert lookups.breaker_state == "half_open"
        assert (await asked(call(), needs=SCORE))[0].score == Score(10.0)
        assert lookups.breaker_state == "closed"
        await lookups.close()


async def test_a_slow_store_is_not_given_up(folder: Path, keys: Keys, monkeypatch: pytest.MonkeyPatch):
    """Late, but answering: what it owes moves on."""
    monkeypatch.setattr(module, "STALLED", 0.2)
    async with scripted_store(folder / "s", lambda _: b"") as store:
        lookups = await quick(folder / "s", keys)
        asked = Asked(lookups)
        for _ in range(6):
            await asked(call(), needs=SCORE)
            if len(store.commands) > 1:
                store.writers[0].write(b"$2\r\n10\r\n")
        await until(lambda: lookups.stats()["late"] == 5)
        assert store.connections == 1
        await lookups.close()


async def test_a_killed_store_is_known_at_once_and_found_again(store: EmbeddedStore, keys: Keys):
    lookups = await quick(store.socket, keys)
    asked = Asked(lookups)
    assert store.pid is not None
    with hung(store.pid):
        tickets = asked.submit(call())
        await asyncio.sleep(0)
        os.kill(store.pid, signal.SIGKILL)
        (facts,) = await asked.all(tickets)
    assert reasons([facts]) <= {Unknown("unreachable"), Unknown("deadline")}
    await until(lambda: not lookups.connected)
    later = asked.submit(call())
    assert reasons([asked.facts[later[0]]]) == {Unknown("unreachable")}
    await until(lambda: lookups.connected)  # its supervisor started it anew
    assert store.restarts == 1
    (fresh,) = await asked(call(caller="+8613800138009"))
    assert fresh.score == Score(0.0)
    assert lookups.stats()["reconnects"] == 1
    await lookups.close()


async def test_calls_that_were_owed_are_told_when_the_connection_goes(folder: Path, keys: Keys):
    async with scripted_store(folder / "s", lambda _: b"") as store:
        lookups = await quick(folder / "s", keys, deadline="1s")
        asked = Asked(lookups)
        tickets = asked.submit(call(), call()) + asked.submit(call())
        await until(lambda: len(store.commands) == 18)
        store.writers[0].close()
        assert reasons(await asked.all(tickets)) == {Unknown("unreachable")}
        stats = lookups.stats()
        assert (stats["pending"], stats["deadline_misses"], stats["unknown"]) == (0, 0, {"unreachable": 12})
        await lookups.close()


async def test_nothing_is_ever_sent_twice(folder: Path, keys: Keys):
    """A counter that is asked again counts twice."""
    async with scripted_store(folder / "s", lambda _: b"") as store:
        lookups = await quick(folder / "s", keys)
        await Asked(lookups)(call())
        sent = list(store.commands)
        store.writers[0].close()
        await until(lambda: store.connections == 2 and lookups.connected)
        assert store.commands == sent
        assert [command[0] for command in sent] == [b"HMGET", b"GET", b"SET", b"INCR", b"GET", b"LRANGE"]
        await lookups.close()


async def test_it_starts_without_a_store_and_finds_it_later(folder: Path, keys: Keys):
    lookups = await quick(folder / "store" / "store.sock", keys, failures=5)
    asked = Asked(lookups)
    assert not lookups.connected
    (facts,) = await asked(call())
    assert reasons([facts]) == {Unknown("unreachable")}
    embedded = EmbeddedStore(folder / "store", 64)
    await embedded.start()
    await until(lambda: lookups.connected)
    with Redis(unix_socket_path=str(embedded.socket)) as reader:
        reader.set(keys.score(keys.digest(CALLER)), "33")
    assert (await asked(call()))[0].score == Score(33.0)
    assert lookups.stats()["reconnects"] == 0
    await lookups.close()
    await embedded.stop()


async def test_a_store_that_is_gone_opens_the_breaker_too(folder: Path, keys: Keys):
    lookups = await quick(folder / "nowhere", keys, failures=3)
    asked = Asked(lookups)
    async with asyncio.timeout(5):
        while lookups.breaker_state != "open":
            await asked(call())
            await asyncio.sleep(0.03)
    assert reasons(await asked(call())) == {Unknown("breaker_open")}
    await lookups.close()


async def test_an_outage_is_one_line_in_the_log(folder: Path, keys: Keys):
    out = io.StringIO()
    configure(LoggingSettings(format="json"), out)
    lookups = await quick(folder / "nowhere", keys)
    await asyncio.sleep(0.4)  # several attempts
    await lookups.close()
    assert out.getvalue().count("store not connected") == 1
