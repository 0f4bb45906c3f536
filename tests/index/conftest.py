"""A real Valkey, a writer of its index, and the call path's own question about it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from redis import Redis
from tests.support.asking import SECRET, WINDOW, Asked

from ringfence.index.store import IndexStore
from ringfence.lookups import Address, IndexView, IndexWatch, Keys, Lookups, RedisSettings
from ringfence.lookups.embedded import EmbeddedStore


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder whose path is short enough for a socket, however long the test's name is."""
    with TemporaryDirectory(prefix="rf") as name:
        yield Path(name)


@pytest.fixture
def keys() -> Keys:
    return Keys("rf:", SECRET)


@pytest.fixture
async def store(folder: Path) -> AsyncIterator[EmbeddedStore]:
    embedded = EmbeddedStore(folder / "store", 256)
    await embedded.start()
    yield embedded
    await embedded.stop()


@pytest.fixture
def place(store: EmbeddedStore) -> Address:
    return Address(path=str(store.socket))


@pytest.fixture
def reader(store: EmbeddedStore) -> Iterator[Redis]:
    with Redis(unix_socket_path=str(store.socket), socket_timeout=5) as client:
        yield client


@pytest.fixture
def writer(place: Address, keys: Keys) -> Iterator[IndexStore]:
    opened = IndexStore(place, keys)
    yield opened
    opened.close()


@pytest.fixture
async def asked(place: Address, keys: Keys) -> AsyncIterator[Asked]:
    settings = RedisSettings.model_validate({"deadline": "500ms", "reconnect_max": "100ms"})
    view = IndexView()
    watch = IndexWatch(settings, place, keys, view)
    lookups = Lookups(settings, place, keys, WINDOW, view)
    await watch.start()
    await lookups.start()
    yield Asked(lookups)
    await watch.close()
    await lookups.close()
