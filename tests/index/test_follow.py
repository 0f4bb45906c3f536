"""Changes reach every generation; the index heals by itself after a flush, a loss, a fail-over that lagged."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from redis import Redis
from tests.support.asking import CALLEE, HOLDER, Asked, call, until
from tests.support.index import MemoryFeed

from ringfence.errors import RingfenceError
from ringfence.index import build as building
from ringfence.index import follow as module
from ringfence.index.follow import Follower, carry_over
from ringfence.index.settings import IndexSettings
from ringfence.index.store import IndexStore
from ringfence.index.verify import verify
from ringfence.lookups import Address, Keys
from ringfence.lookups.embedded import EmbeddedStore
from ringfence.lookups.layout import bits_for
from ringfence.screening import Consent, Need, Unknown

OWN = f"holder:{HOLDER}"
CONSENT = frozenset({Need.CONSENT})
SETTINGS = IndexSettings.model_validate({"poll": "50ms", "max_age": "5s"})


@asynccontextmanager
async def following(store: IndexStore, feed: MemoryFeed) -> AsyncIterator[Follower]:
    follower = Follower(store, feed, SETTINGS)
    task = asyncio.create_task(follower.run())
    try:
        yield follower
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def consent(asked: Asked) -> object:
    return (await asked(call(), needs=CONSENT))[0].consent


async def seen(asked: Asked, fact: object, seconds: float = 5.0) -> float:
    """How long it took until the call path knew."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    async with asyncio.timeout(seconds):
        while await consent(asked) != fact:
            await asyncio.sleep(0.01)
    return loop.time() - began


async def test_it_builds_what_is_not_there_and_carries_every_change(writer: IndexStore, asked: Asked):
    feed = MemoryFeed([(CALLEE, OWN, "consent", 5, None)])
    async with following(writer, feed) as follower:
        await seen(asked, Consent(True))
        assert follower.rebuilt == 1
        feed.say(CALLEE, OWN, "consent", 5, 0)
        assert await seen(asked, Consent(False)) < 1.0
        feed.say(CALLEE, OWN, "consent", 7, 1_900_000_000)
        assert await seen(asked, Consent(True, None, 1_900_000_000.0)) < 1.0
        feed.say(CALLEE, "*", "refusal", 9)
        assert await seen(asked, Consent(True, "everybody", 1_900_000_000.0)) < 1.0
        for number in range(3000):  # more than the outbox gives at once
            feed.say(f"+86137{number:08d}", "*", "wish", 3)
        feed.say(CALLEE, "*", "refusal", 9, 0)
        assert await seen(asked, Consent(True, None, 1_900_000_000.0)) < 1.0
        assert (await verify(writer, feed)).sound
        assert follower.rebuilt == 1


async def test_a_flush_is_closed_at_once_and_healed(writer: IndexStore, asked: Asked, reader: Redis):
    feed = MemoryFeed([(CALLEE, OWN, "consent", 5, None)])
    async with following(writer, feed) as follower:
        await seen(asked, Consent(True))
        reader.flushall()
        assert await consent(asked) in (Unknown("index_lost"), Unknown("no_index"))
        assert await seen(asked, Consent(True)) < 3.0
        assert follower.rebuilt == 2


async def test_a_lost_part_is_built_anew_while_the_rest_is_believed(writer: IndexStore, asked: Asked, reader: Redis):
    other = "+8613900139001"
    feed = MemoryFeed([(CALLEE, OWN, "consent", 5, None), (other, OWN, "consent", 5, None)])
    async with following(writer, feed) as follower:
        await seen(asked, Consent(True))
        current = writer.keys.generation(writer.pointer().current)
        assert current is not None
        part = current.place(other, "*")[0] & 63
        assert part != current.place(CALLEE, "*")[0] & 63
        reader.delete(current.part_key(part), *[current.bucket_key(one) for one in current.buckets_of(part)])
        facts = await asked(call(), call(callee=other), needs=CONSENT)
        assert [one.consent for one in facts] == [Consent(True), Unknown("index_lost")]
        await until(lambda: follower.rebuilt == 2)
        await until(lambda: str(asked.lookups._view.generation) != str(current))
        assert (await asked(call(callee=other), needs=CONSENT))[0].consent == Consent(True)


async def test_what_a_lagging_server_lost_is_written_again(writer: IndexStore, asked: Asked, reader: Redis):
    feed = MemoryFeed([(CALLEE, OWN, "consent", 5, None)])
    async with following(writer, feed) as follower:
        await seen(asked, Consent(True))
        current = writer.keys.generation(writer.pointer().current)
        assert current is not None
        bucket, field = current.place(CALLEE, "*")
        before = reader.hget(current.part_key(bucket & 63), "position")
        feed.say(CALLEE, "*", "refusal", 9)
        await seen(asked, Consent(True, "everybody"))
        # A fail-over to a replica that had not heard of it.
        with reader.pipeline() as back:
            back.hset(current.part_key(bucket & 63), "position", before)
            back.hdel(current.bucket_key(bucket), field)
            back.execute()
        assert await seen(asked, Consent(True, "everybody")) < 1.0
        assert follower.rebuilt == 1


async def test_a_refusal_at_any_moment_of_a_rebuilding_never_goes_away(
    writer: IndexStore, place: Address, keys: Keys, asked: Asked, monkeypatch: pytest.MonkeyPatch
):
    """Another follower writes, a builder builds, and the call path asks all the time."""
    monkeypatch.setattr(building, "RETIREMENT", 1)
    rows = [(f"+86139{number:08d}", OWN, "consent", 5, None) for number in range(2000)]
    feed = MemoryFeed([*rows, (CALLEE, OWN, "consent", 5, None)], batch=200)
    builder = IndexStore(place, keys)
    answers: list[object] = []
    refused_at = 0

    async def ask() -> None:
        while True:
            answers.append(await consent(asked))
            await asyncio.sleep(0.002)

    async def pause(_: int) -> None:
        await asyncio.sleep(0.02)

    async with following(writer, feed):
        await seen(asked, Consent(True))
        feed.on_batch = pause
        asking = asyncio.create_task(ask())
        for moment in (0.0, 0.1, 0.2):
            rebuilding = asyncio.create_task(building.build(builder, feed))
            await asyncio.sleep(moment)
            row = feed.say(CALLEE, "*", "refusal", 9)
            await until(lambda: answers[-1:] == [Consent(True, "everybody")])
            refused_at = len(answers)
            await rebuilding
            await asyncio.sleep(0.4)
            assert set(answers[refused_at:]) == {Consent(True, "everybody")}
            feed.say(CALLEE, row.scope, row.kind, row.since, 0)
            await until(lambda: answers[-1:] == [Consent(True)])
        assert not [one for one in answers if isinstance(one, Unknown)]
        asking.cancel()
    builder.close()


async def test_a_killed_store_comes_back_with_its_index(
    writer: IndexStore, asked: Asked, store: EmbeddedStore, reader: Redis
):
    feed = MemoryFeed([(CALLEE, OWN, "consent", 5, None)])
    async with following(writer, feed):
        await seen(asked, Consent(True))
        assert store.pid is not None
        os.kill(store.pid, signal.SIGKILL)
        feed.say(CALLEE, "*", "refusal", 9)  # while it is down
        await until(lambda: store.restarts == 1)
        await seen(asked, Consent(True, "everybody"), 10)
        assert (await verify(writer, feed)).sound


async def test_a_registry_that_is_down_ages_the_index(writer: IndexStore, asked: Asked, reader: Redis):
    feed = MemoryFeed([(CALLEE, OWN, "consent", 5, None)])
    async with following(writer, feed):
        await seen(asked, Consent(True))
        feed.broken = RingfenceError("the registry is down")
        await asyncio.sleep(0.2)
        assert await consent(asked) == Consent(True)
        reader.pexpire(writer.keys.fresh, 1)  # its time is up
        await until(lambda: not asked.lookups.stats()["index_believed"])
        assert await consent(asked) == Unknown("index_stale")
        feed.broken = None
        assert await seen(asked, Consent(True)) < 2.0


async def test_two_followers_and_a_dead_builder_do_not_hold_each_other_up(
    writer: IndexStore, place: Address, keys: Keys, asked: Asked, reader: Redis
):
    feed = MemoryFeed([(CALLEE, OWN, "consent", 5, None)])
    other = IndexStore(place, keys)
    async with following(writer, feed), following(other, feed):
        await seen(asked, Consent(True))
        token = writer.lock()
        assert token is not None
        building._announce(writer, token, writer.pointer(), writer.create(6, 0))
        reader.delete(writer.keys.lock)  # its builder died long ago
        feed.say(CALLEE, "*", "refusal", 9)
        assert await seen(asked, Consent(True, "everybody")) < 1.0
        await until(lambda: not writer.pointer().building)
    other.close()


async def test_an_index_that_grew_gets_more_buckets(writer: IndexStore, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "_GROWN", 20)
    feed = MemoryFeed([(f"+86139{number:08d}", OWN, "consent", 5, None) for number in range(10)])
    async with following(writer, feed) as follower:
        await until(lambda: follower.cycles > 0)
        assert (first := writer.keys.generation(writer.pointer().current)) is not None and first.bits == 6
        for number in range(6000):
            feed.say(f"+86138{number:08d}", OWN, "consent", 5, None)
        await until(lambda: follower.rebuilt == 2, 30)
        second = writer.keys.generation(writer.pointer().current)
        assert second is not None and second.bits == bits_for(6010) == 7


async def test_an_unknown_digest_key_is_left_alone(writer: IndexStore, place: Address, reader: Redis):
    await building.build(writer, MemoryFeed())
    strange = IndexStore(place, Keys("rf:", bytes(32)))
    with pytest.raises(RingfenceError, match="digest key"):
        await Follower(strange, MemoryFeed(), SETTINGS).cycle()
    strange.close()


async def test_by_hand_it_is_carried_over_at_once(writer: IndexStore, asked: Asked):
    feed = MemoryFeed([(CALLEE, OWN, "consent", 5, None)])
    await carry_over(writer, feed)
    await until(lambda: bool(asked.lookups.stats()["index_believed"]))
    assert await consent(asked) == Consent(True)
    feed.say(CALLEE, "*", "refusal", 9)
    await carry_over(writer, feed)
    assert await consent(asked) == Consent(True, "everybody")


async def test_somebody_in_the_way_is_not_waited_for_for_ever(writer: IndexStore, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "PATIENCE", 0.1)
    assert writer.lock() is not None
    with pytest.raises(RingfenceError, match="another process builds"):
        await carry_over(writer, MemoryFeed())
