"""Which generation is believed: what the pointer says, how old it is, and what a store says that is none."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from redis import Redis
from tests.support.asking import SECRET, until
from tests.support.scripted_store import scripted_store

from ringfence.lookups import Address, IndexView, IndexWatch, Keys, RedisSettings
from ringfence.lookups import watch as module
from ringfence.lookups.embedded import EmbeddedStore
from ringfence.lookups.watch import NO_INDEX, STALE, STRANGE, believable
from ringfence.screening import Unknown

KEYS = Keys("rf:", SECRET)
GENERATION = KEYS.new_generation("0123abcd", 6)
POINTER = {b"current": str(GENERATION).encode()}


@pytest.mark.parametrize(
    ("pointer", "fresh", "found"),
    [
        ({}, True, NO_INDEX),
        ({b"building": b"x"}, True, NO_INDEX),
        (POINTER, False, GENERATION),  # put there by hand
        ({**POINTER, b"followed": b"1"}, True, GENERATION),
        ({**POINTER, b"followed": b"1"}, False, STALE),
        ({b"current": b"0123abcd:6:ffffffff"}, True, STRANGE),  # another digest key
        ({b"current": b"0123abcd:600:" + GENERATION.key_id.encode()}, True, STRANGE),
        ({b"current": b"\xff"}, True, STRANGE),
    ],
)
def test_what_may_be_believed(pointer: dict[bytes, bytes], fresh: bool, found: object):
    believed = believable(KEYS, None, pointer, fresh)
    assert str(believed) == str(found)
    if believed is not None and not isinstance(believed, Unknown):
        assert believable(KEYS, believed, pointer, fresh) is believed


def test_a_generation_of_another_key_is_found_where_that_key_is_known():
    other = bytes(32)
    made = Keys("rf:", other).new_generation("0123abcd", 6)
    assert KEYS.generation(str(made)) is None
    found = Keys("rf:", SECRET, [other]).generation(str(made))
    assert found is not None
    assert found.place("+8613900139000", "*") == made.place("+8613900139000", "*")
    assert found.place("+8613900139000", "*") != KEYS.new_generation("0123abcd", 6).place("+8613900139000", "*")


@pytest.fixture
async def watched(store: EmbeddedStore) -> AsyncIterator[IndexView]:
    view = IndexView()
    settings = RedisSettings.model_validate({"connect_timeout": "500ms"})
    watch = IndexWatch(settings, Address(path=str(store.socket)), KEYS, view)
    await watch.start()
    yield view
    await watch.close()
    assert (view.generation, view.unknown) == (None, Unknown("index_unread"))


async def test_a_new_generation_is_seen_within_the_look(watched: IndexView, reader: Redis):
    assert watched.unknown == NO_INDEX
    reader.hset(KEYS.pointer, mapping={"current": str(GENERATION), "pairs": 7, "built": 1_700_000_000})
    await until(lambda: watched.generation is not None, 1.0)
    assert (watched.pairs, watched.built, watched.changes) == (7, 1_700_000_000, 1)
    first = watched.generation
    await asyncio.sleep(0.4)
    assert watched.generation is first
    reader.hset(KEYS.pointer, mapping={"current": str(KEYS.new_generation("ffffffff", 7)), "pairs": "many"})
    await until(lambda: watched.changes == 2, 1.0)
    assert watched.pairs == 0
    reader.delete(KEYS.pointer)
    await until(lambda: watched.unknown == NO_INDEX and watched.generation is None, 1.0)


async def test_unseen_it_is_believed_for_a_while_and_no_longer(
    watched: IndexView, reader: Redis, store: EmbeddedStore, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(module, "BELIEF", 1.0)
    reader.hset(KEYS.pointer, "current", str(GENERATION))
    await until(lambda: watched.generation is not None, 1.0)
    reader.set(KEYS.pointer, "no hash")
    await asyncio.sleep(0.5)
    assert watched.generation is not None
    await until(lambda: watched.generation is None, 2.0)
    assert watched.unknown == Unknown("index_unread")
    reader.delete(KEYS.pointer)
    reader.hset(KEYS.pointer, "current", str(GENERATION))
    await until(lambda: watched.generation is not None, 1.0)


async def test_a_store_that_says_nothing_or_goes_is_asked_again(folder: Path):
    said = [b""]
    async with scripted_store(folder / "s", lambda _: said[0]) as store:
        view = IndexView()
        settings = RedisSettings.model_validate({"connect_timeout": "200ms"})
        watch = IndexWatch(settings, Address(path=str(folder / "s")), KEYS, view)
        await watch.start()
        assert view.unknown == Unknown("index_unread")
        await until(lambda: len(store.commands) >= 4, 3.0)  # two looks of two commands, on a connection each
        said[0] = b"%0\r\n"
        await until(lambda: store.connections >= 3, 3.0)  # an answer of the wrong kind to the second command
        store.writers[-1].close()
        before = store.connections
        await until(lambda: store.connections > before, 3.0)
        await watch.close()


async def test_a_moved_pointer_is_followed(folder: Path, store: EmbeddedStore, reader: Redis):
    """The slot of the index went to another server: a redirect to a host that is not there, then the map again."""
    async with scripted_store(folder / "s", lambda _: b"-MOVED 7 127.0.0.1:1\r\n") as scripted:
        view = IndexView()
        settings = RedisSettings.model_validate({"connect_timeout": "300ms"})
        watch = IndexWatch(settings, Address(path=str(folder / "s")), KEYS, view)
        await watch.start()
        await until(lambda: scripted.connections >= 2, 3.0)
        assert view.generation is None
        await watch.close()
