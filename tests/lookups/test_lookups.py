"""The whole of it against a real Valkey, with redis-py as the writer that knows only the documented keys."""

import asyncio
from pathlib import Path

import pytest
from redis import Redis
from tests.support.asking import ALL, CALLEE, CALLER, HOLDER, NOON, SECRET, WINDOW, Asked, call, until
from tests.support.index import fixed_view, mark, say
from tests.support.process import hung
from tests.support.scripted_store import Command, scripted_store

from ringfence.lookups import Address, IndexView, Keys, Lookups, RedisSettings
from ringfence.lookups.embedded import EmbeddedStore
from ringfence.screening import NOT_ASKED, Consent, Facts, Need, Rate, Score, Unknown


async def test_one_call_with_all_its_facts(asked: Asked, reader: Redis, keys: Keys, view: IndexView):
    say(reader, view, CALLEE, f"holder:{HOLDER}", "consent", until=1_900_000_000)
    reader.set(keys.score(keys.digest(CALLER)), "72.5")
    (facts,) = await asked(call())
    assert facts.consent == Consent(True, None, 1_900_000_000.0)
    assert facts.score == Score(72.5)
    assert facts.caller_rate == Rate(1, 3600.0)


async def test_only_what_is_needed_is_asked_and_counted(asked: Asked, reader: Redis):
    (facts,) = await asked(call(), needs=frozenset({Need.SCORE}))
    assert (facts.consent, facts.score, facts.caller_rate) == (NOT_ASKED, Score(0.0), NOT_ASKED)
    assert reader.dbsize() == 0


async def test_many_calls_with_different_needs_each_get_their_own(
    asked: Asked, reader: Redis, keys: Keys, view: IndexView
):
    wanted = [frozenset({Need.CONSENT}), ALL, frozenset({Need.SCORE, Need.CALLER_RATE}), frozenset({Need.SCORE})]
    tickets = []
    pairs = [(f"+8613800{index:06d}", f"+8613900{index:06d}") for index in range(80)]
    for index, (caller, callee) in enumerate(pairs):
        reader.set(keys.score(keys.digest(caller)), index)
        say(reader, view, callee, f"holder:{HOLDER}", "consent", until=1_900_000_000 + index)
    for index, (caller, callee) in enumerate(pairs):
        tickets += asked.submit(call(caller, callee), needs=wanted[index % 4])
    for index, facts in enumerate(await asked.all(tickets)):
        needs = wanted[index % 4]
        consent = Consent(True, None, 1_900_000_000.0 + index)
        assert facts.consent == (consent if Need.CONSENT in needs else NOT_ASKED)
        assert facts.score == (Score(float(index)) if Need.SCORE in needs else NOT_ASKED)
        assert facts.caller_rate == (Rate(1, 3600.0) if Need.CALLER_RATE in needs else NOT_ASKED)


async def test_a_turn_s_questions_are_one_batch_on_the_wire(asked: Asked, reader: Redis):
    before = reader.info("stats")["total_reads_processed"]
    await asked(*[call(caller=f"+86138{index:08d}") for index in range(40)])
    # One read for the batch, one for INFO itself.
    assert reader.info("stats")["total_reads_processed"] - before == 2
    assert asked.lookups.stats()["batches"] == 1


async def test_a_call_without_numbers_is_answered_at_once(asked: Asked):
    tickets = asked.submit(call(caller="", callee=""))
    facts = asked.facts[tickets[0]]
    assert facts.consent == facts.score == facts.caller_rate == Unknown("no_number")
    assert asked.lookups.stats()["batches"] == 0


async def test_a_call_without_a_caller_still_learns_of_consent(asked: Asked, reader: Redis, view: IndexView):
    mark(reader, view, CALLEE)
    one, other = await asked(call(caller=""), call())
    assert (one.consent, one.score, one.caller_rate) == (
        Consent(False), Unknown("no_number"), Unknown("no_number"),
    )  # fmt: skip
    assert other.caller_rate == Rate(1, 3600.0)
    assert reader.dbsize() == 2


async def test_a_wrong_kind_of_key_spoils_that_fact_alone(asked: Asked, reader: Redis, keys: Keys, view: IndexView):
    assert view.generation is not None
    reader.set(view.generation.places(CALLEE.encode(), [])[0], "text")
    mark(reader, view, "+8613900139001")
    reader.hset(keys.score(keys.digest(CALLER)).decode(), "a", "b")
    one, other = await asked(call(), call(caller="+8613800138001", callee="+8613900139001"))
    assert (one.consent, one.score) == (Unknown("store_wrongtype"), Unknown("store_wrongtype"))
    assert one.caller_rate == Rate(1, 3600.0)
    assert (other.consent, other.score, other.caller_rate) == (Consent(False), Score(0.0), Rate(1, 3600.0))
    stats = asked.lookups.stats()
    assert (stats["errors"], stats["unknown"], stats["answered"]) == (2, {"store_wrongtype": 2}, 1)


async def test_a_full_store_counts_nothing_and_answers_the_rest(asked: Asked, reader: Redis, keys: Keys):
    reader.set(keys.score(keys.digest(CALLER)), "40")
    reader.config_set("maxmemory", 1)
    (facts,) = await asked(call())
    assert (facts.score, facts.caller_rate) == (Score(40.0), Unknown("store_oom"))
    assert asked.lookups.breaker_state == "closed"


async def test_a_replica_counts_nothing_and_answers_the_rest(
    asked: Asked, reader: Redis, folder: Path, view: IndexView
):
    mark(reader, view, CALLEE)
    primary = EmbeddedStore(folder / "primary", 32)
    await primary.start()
    try:
        with Redis(unix_socket_path=str(primary.socket)) as other:
            other.config_set("bind", "127.0.0.1")
        reader.execute_command("REPLICAOF", "127.0.0.1", "1")
        (facts,) = await asked(call())
        assert facts.caller_rate == Unknown("store_readonly")
        assert facts.consent == Consent(False)
    finally:
        await primary.stop()


async def test_what_a_loading_store_says(folder: Path, keys: Keys, settings: RedisSettings):
    async with scripted_store(folder / "s", lambda _: b"-LOADING Valkey is loading\r\n"):
        lookups = Lookups(settings, Address(path=str(folder / "s")), keys, WINDOW, fixed_view(keys))
        await lookups.start()
        (facts,) = await Asked(lookups)(call())
        assert facts.consent == facts.score == facts.caller_rate == Unknown("store_loading")
        await lookups.close()


async def test_replies_that_nobody_asked_for_never_become_anybody_s(folder: Path, settings: RedisSettings):
    """A store that answers twice would shift every answer behind: the connection is given up instead."""
    keys = Keys("", SECRET)
    extra = b"$2\r\n99\r\n"

    def answer(command: Command) -> bytes:
        return b"$2\r\n10\r\n" + (extra if store.connections == 1 else b"")

    async with scripted_store(folder / "s", answer) as store:
        lookups = Lookups(settings, Address(path=str(folder / "s")), keys, WINDOW, fixed_view(keys))
        await lookups.start()
        asked = Asked(lookups)
        (first,) = await asked(call(), needs=frozenset({Need.SCORE}))
        assert first.score == Score(10.0)
        await until(lambda: store.connections == 2 and lookups.connected)
        for _ in range(5):
            (facts,) = await asked(call(), needs=frozenset({Need.SCORE}))
            assert facts.score == Score(10.0)
        assert lookups.stats()["reconnects"] == 1
        await lookups.close()


async def test_more_than_the_store_may_owe_goes_on_without_facts(store: EmbeddedStore, keys: Keys):
    settings = RedisSettings.model_validate({"max_pending": 100, "deadline": "1s"})
    lookups = Lookups(settings, Address(path=str(store.socket)), keys, WINDOW, fixed_view(keys))
    await lookups.start()
    asked = Asked(lookups)
    first = asked.submit(*[call() for _ in range(30)])  # 180 replies: a turn is never cut in two
    second = asked.submit(call())
    assert asked.facts[second[0]].score == Unknown("overloaded")
    assert lookups.stats()["pending"] == 180
    assert all(isinstance(facts.score, Score) for facts in await asked.all(first))
    assert lookups.stats()["pending"] == 0
    (facts,) = await asked(call())
    assert isinstance(facts.score, Score)
    await lookups.close()


async def test_one_receiver_s_bug_keeps_nobody_s_facts(lookups: Lookups):
    got: list[int] = []
    done = asyncio.Event()

    def deliver(ticket: int, facts: Facts) -> None:
        got.append(ticket)
        if ticket == 1:
            raise ValueError("a bug")
        if ticket == 2:
            done.set()

    lookups.submit([(ticket, call(), ALL) for ticket in range(3)], deliver)
    async with asyncio.timeout(5):
        await done.wait()
    assert got == [0, 1, 2]
    assert lookups.connected


async def test_an_empty_turn_asks_nothing(lookups: Lookups):
    lookups.submit([], lambda ticket, facts: pytest.fail("nobody asked"))
    assert lookups.stats()["batches"] == 0


async def test_closing_tells_everybody_who_waits(lookups: Lookups, asked: Asked, store: EmbeddedStore):
    with hung(store.pid):
        tickets = asked.submit(call(), call())
        await lookups.close()
    assert [asked.facts[ticket].score for ticket in tickets] == [Unknown("closed")] * 2
    later = asked.submit(call())
    assert asked.facts[later[0]].score == Unknown("unreachable")


async def test_a_facts_receiver_may_ask_again_at_once(lookups: Lookups):
    rounds: list[Facts] = []
    done = asyncio.Event()

    def deliver(ticket: int, facts: Facts) -> None:
        rounds.append(facts)
        if ticket < 5:
            lookups.submit([(ticket + 1, call(at=NOON), ALL)], deliver)
        else:
            done.set()

    lookups.submit([(0, call(), ALL)], deliver)
    async with asyncio.timeout(5):
        await done.wait()
    assert [facts.caller_rate for facts in rounds] == [Rate(count, 3600.0) for count in range(1, 7)]


async def test_figures_add_up(lookups: Lookups, asked: Asked, reader: Redis, view: IndexView):
    mark(reader, view, CALLEE)
    await asked(*[call() for _ in range(7)])
    await asked(call())
    stats = lookups.stats()
    assert (stats["asked"], stats["answered"], stats["batches"]) == (8, 8, 2)
    assert sum(stats["latency"]["counts"]) == 8
    assert 0 < stats["latency"]["sum"] < 8 * 0.5
    assert len(stats["latency"]["counts"]) == len(stats["latency"]["bounds"]) + 1
    assert (stats["connected"], stats["breaker"], stats["pending"], stats["reconnects"]) == (True, "closed", 0, 0)
    stats["unknown"]["mine"] = 1
    assert "mine" not in lookups.stats()["unknown"]
