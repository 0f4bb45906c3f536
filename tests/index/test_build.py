"""A generation is built beside the one in use, believed only whole, and swapped without a gap."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from redis import Redis
from tests.support.asking import CALLEE, HOLDER, SECRET, Asked, call, until
from tests.support.index import MemoryFeed

from ringfence.index import build as module
from ringfence.index.build import build, tidy
from ringfence.index.errors import Behind, NotLocked, PartLost, Superseded
from ringfence.index.feed import IndexRow
from ringfence.index.store import IndexStore
from ringfence.index.verify import verify
from ringfence.lookups import Address, Keys
from ringfence.lookups.layout import TAGS, bits_for
from ringfence.screening import Consent, Need, Unknown

OWN = f"holder:{HOLDER}"
CONSENT = frozenset({Need.CONSENT})


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """The generation before is not kept for ten seconds."""
    monkeypatch.setattr(module, "RETIREMENT", 0)


async def consent(asked: Asked, generation: str) -> object:
    await until(lambda: str(asked.lookups._view.generation) == generation)
    return (await asked(call(), needs=CONSENT))[0].consent


async def test_what_is_built_is_what_the_call_path_reads(writer: IndexStore, asked: Asked):
    feed = MemoryFeed([(f"+86139{number:08d}", OWN, "consent", 5, None) for number in range(5000)])
    feed.say(CALLEE, OWN, "consent", 5, 1_900_000_000)
    seen: list[tuple[int, int]] = []
    built = await build(writer, feed, lambda done, every: seen.append((done, every)))
    assert built.rows == 5001
    assert seen[-1] == (5001, 5001)
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    assert await consent(asked, built.generation) == Consent(True, None, 1_900_000_000.0)
    assert (await asked(call(callee="+8613900004999"), needs=CONSENT))[0].consent == Consent(True)
    assert (await asked(call(callee="+8613900005000"), needs=CONSENT))[0].consent == Consent(False)
    found = await verify(writer, feed)
    assert found.sound and found.rows == 5001


async def test_an_empty_registry_makes_an_index_that_says_no(writer: IndexStore, asked: Asked):
    built = await build(writer, MemoryFeed())
    assert await consent(asked, built.generation) == Consent(False)


async def test_the_second_generation_takes_the_place_of_the_first_and_nothing_is_left(
    writer: IndexStore, reader: Redis
):
    feed = MemoryFeed([(CALLEE, OWN, "consent", 5, None)])
    first = await build(writer, feed)
    keys = reader.dbsize()
    second = await build(writer, feed)
    assert writer.pointer()[:2] == (second.generation, first.generation)
    assert not list(reader.scan_iter("rf:x{*building"))
    await asyncio.sleep(1.1)
    assert tidy(writer)
    assert writer.pointer().previous == ""
    assert reader.dbsize() == keys
    assert writer.lock() is not None  # given back


async def test_nothing_of_a_half_built_generation_is_believed(writer: IndexStore, asked: Asked):
    feed = MemoryFeed([(CALLEE, OWN, "consent", 5, None)] * 3, batch=1)
    states: list[object] = []

    async def look(_: int) -> None:
        await asyncio.sleep(0.6)
        states.append((await asked(call(), needs=CONSENT))[0].consent)

    feed.on_batch = look
    built = await build(writer, feed)
    assert set(states) == {Unknown("no_index")}
    assert await consent(asked, built.generation) == Consent(True)


async def test_two_do_not_build_at_once(writer: IndexStore):
    assert writer.lock() is not None
    with pytest.raises(NotLocked):
        await build(writer, MemoryFeed())
    assert not tidy(writer)


@pytest.mark.parametrize("loss", ["flush", "part"])
async def test_a_loss_while_it_is_built_is_noticed(writer: IndexStore, reader: Redis, loss: str):
    feed = MemoryFeed([(f"+86139{number:08d}", OWN, "consent", 5, None) for number in range(3000)], batch=1000)

    async def lose(at: int) -> None:
        if at == 2000:
            if loss == "flush":
                reader.flushall()
            else:
                building = writer.keys.generation(writer.pointer().building)
                assert building is not None
                reader.delete(building.part_key(5))

    feed.on_batch = lose
    with pytest.raises((PartLost, NotLocked)):
        await build(writer, feed)
    assert writer.pointer().current == ""


async def test_rows_that_a_part_lost_are_missed_at_the_end(writer: IndexStore, reader: Redis):
    """A fail-over to a replica that lagged: the part is there, its last rows are not."""
    feed = MemoryFeed([(f"+86139{number:08d}", OWN, "consent", 5, None) for number in range(2000)], batch=1000)

    async def lag(at: int) -> None:
        building = writer.keys.generation(writer.pointer().building)
        assert building is not None
        if at == 1000:
            await until(lambda: int(reader.hget(building.part_key(7), "rows") or 0) == 0, 2)
            reader.hincrby(building.part_key(7), "rows", -1)

    feed.on_batch = lag
    with pytest.raises(PartLost, match="rows of this part are gone"):
        await build(writer, feed)
    assert (writer.pointer().current, writer.pointer().building) == ("", "")


async def test_a_change_in_the_middle_is_in_the_new_generation_from_its_first_moment(writer: IndexStore, asked: Asked):
    rows: list[Any] = [(f"+86139{number:08d}", OWN, "consent", 5, None) for number in range(3000)]
    feed = MemoryFeed([(CALLEE, OWN, "consent", 5, None), *rows], batch=500)

    async def refuse(at: int) -> None:
        if at == 1500:
            feed.say(CALLEE, OWN, "consent", 5, 0)
            feed.say(CALLEE, "*", "refusal", 9)

    feed.on_batch = refuse
    built = await build(writer, feed)
    assert await consent(asked, built.generation) == Consent(False, "everybody")


async def test_who_does_not_know_of_the_building_may_not_write_to_the_current_one(writer: IndexStore):
    feed = MemoryFeed([(CALLEE, OWN, "consent", 5, None)])
    await build(writer, feed)
    current = writer.keys.generation(writer.pointer().current)
    assert current is not None
    row = IndexRow(CALLEE, "*", "refusal", 9, None, 2)

    async def write(_: int) -> None:
        with pytest.raises(Superseded):
            writer.write(current, [row])
        building = writer.pointer().building.partition(":")[0]
        writer.write(current, [row], building)

    feed.on_batch = write
    await build(writer, feed)


async def test_what_a_dead_builder_left_is_cleared_away(writer: IndexStore, reader: Redis):
    feed = MemoryFeed([(CALLEE, OWN, "consent", 5, None)])
    await build(writer, feed)
    keys = reader.dbsize()
    token = writer.lock()
    assert token is not None
    half = writer.create(6, 0)
    module._announce(writer, token, writer.pointer(), half)
    writer.write(half, [IndexRow(CALLEE, "*", "refusal", 9, None, 2)])
    assert not tidy(writer)  # it may be alive
    reader.delete(writer.keys.lock)
    assert tidy(writer)
    assert reader.dbsize() == keys
    current = writer.keys.generation(writer.pointer().current)
    assert current is not None
    writer.write(current, [IndexRow(CALLEE, "*", "refusal", 9, None, 2)])


async def test_without_a_pointer_everything_is_swept(writer: IndexStore, reader: Redis):
    reader.set("rf:s:other", 1)
    await build(writer, MemoryFeed([(CALLEE, OWN, "consent", 5, None)]))
    keys = reader.dbsize()
    reader.delete(writer.keys.pointer, writer.keys.fresh)
    await build(writer, MemoryFeed())
    assert reader.dbsize() == keys
    assert reader.exists("rf:s:other")


async def test_another_digest_key_takes_over_while_both_are_known(place: Address, asked: Asked, writer: IndexStore):
    feed = MemoryFeed([(CALLEE, OWN, "consent", 5, None)])
    old = await build(writer, feed)
    assert await consent(asked, old.generation) == Consent(True)
    fresh = bytes(reversed(SECRET))
    strange = IndexStore(place, Keys("rf:", fresh))
    await build(strange, feed)
    strange.close()
    # A reader that was not told of the key believes nothing.
    await until(lambda: not asked.lookups.stats()["index_believed"])
    assert (await asked(call(), needs=CONSENT))[0].consent == Unknown("index_unreadable")
    asked.lookups._view.__init__()  # type: ignore[misc]
    both = Keys("rf:", SECRET, [fresh])
    generation = both.generation(writer.pointer().current)
    assert generation is not None and generation.key_id == Keys("", fresh).new_generation("0" * 8, 6).key_id


async def test_a_part_that_went_back_is_told(writer: IndexStore, reader: Redis):
    await build(writer, MemoryFeed([(CALLEE, OWN, "consent", 5, None)]))
    current = writer.keys.generation(writer.pointer().current)
    assert current is not None
    writer.write(current, [], span=(1, 5))
    reader.hset(current.part_key(3), "position", 4)
    with pytest.raises(Behind):
        writer.write(current, [], span=(5, 6))


async def test_an_older_record_never_takes_a_newer_one_s_place(writer: IndexStore, reader: Redis):
    await build(writer, MemoryFeed())
    current = writer.keys.generation(writer.pointer().current)
    assert current is not None
    new = IndexRow(CALLEE, "*", "refusal", 9, None, 70_000)
    old = IndexRow(CALLEE, "*", "refusal", 3, None, 300)
    wish = IndexRow(CALLEE, "*", "wish", 4, None, 200)
    for row in (new, old, wish, old, new):
        writer.write(current, [row])
    bucket, _ = current.place(CALLEE, "*")
    assert reader.hlen(current.bucket_key(bucket)) == 2  # the mark, and one field for both kinds
    assert writer.live_records(current) == 2
    feed = MemoryFeed()
    feed.standing = {row[:3]: row for row in (new, wish)}
    assert (await verify(writer, feed)).sound
    feed.standing.pop(wish[:3])
    assert (await verify(writer, feed))[1:] == (0, 0, 0, 1)
    feed.standing[wish[:3]] = wish._replace(since=5)
    assert (await verify(writer, feed))[1:] == (0, 1, 0, 0)
    feed.standing["+8613", "*", "wish"] = IndexRow("+8613", "*", "wish", 1, None, 1)
    assert (await verify(writer, feed))[1:] == (1, 1, 0, 0)
    reader.hdel(current.bucket_key(bucket), "m")
    assert (await verify(writer, feed)).unmarked == 2


async def test_the_lock_is_lost_to_whoever_took_it(writer: IndexStore, reader: Redis):
    feed = MemoryFeed([(CALLEE, OWN, "consent", 5, None)])

    async def steal(_: int) -> None:
        reader.set(writer.keys.lock, "another")

    feed.on_batch = steal
    with pytest.raises(NotLocked):
        await build(writer, feed)
    assert writer.pointer().current == ""
    assert reader.get(writer.keys.lock) == b"another"


@pytest.mark.parametrize(
    ("pairs", "bits"),
    [
        (0, 6),
        (1, 6),
        (4096, 6),
        (4097, 7),
        (1_000_000, 14),
        (10_000_000, 18),
        (2**24, 18),
        (2**24 + 1, 19),
        (10**12, 28),
    ],
)
def test_buckets_hold_32_to_64_pairs(pairs: int, bits: int):
    assert bits_for(pairs) == bits
    assert pairs <= 64 << bits or bits == 28


def test_every_bucket_is_in_one_part(keys: Keys):
    generation = keys.new_generation("00000000", 8)
    buckets = [bucket for part in range(len(TAGS)) for bucket in generation.buckets_of(part)]
    assert sorted(buckets) == list(range(256))
    for part in (0, 5, 63):
        tag = b"{%b}" % TAGS[part]
        assert tag in generation.part_key(part)
        assert all(tag in generation.bucket_key(bucket) for bucket in generation.buckets_of(part))
