"""A real Valkey started by our own supervisor, and redis-py as a reader that shares no code with us."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import uvloop
from redis import Redis
from tests.support.asking import SECRET, WINDOW, Asked
from tests.support.index import fixed_view

from ringfence.lookups import Address, IndexView, Keys, Lookups, RedisSettings
from ringfence.lookups.embedded import EmbeddedStore


def pytest_asyncio_loop_factories() -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    """The daemon runs on uvloop; what beside it asks or listens, on asyncio's own loop."""
    return {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}


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
    embedded = EmbeddedStore(folder / "store", 64)
    await embedded.start()
    yield embedded
    await embedded.stop()


@pytest.fixture
def reader(store: EmbeddedStore) -> Iterator[Redis]:
    with Redis(unix_socket_path=str(store.socket), socket_timeout=5) as client:
        yield client


@pytest.fixture
def settings() -> RedisSettings:
    """A deadline that a loaded machine keeps; the tests of silence do not mind waiting for it."""
    return RedisSettings.model_validate({"deadline": "500ms", "reconnect_max": "100ms"})


@pytest.fixture
def view(keys: Keys) -> IndexView:
    """A generation is believed; the store is empty until a test puts something there."""
    return fixed_view(keys)


@pytest.fixture
async def lookups(store: EmbeddedStore, keys: Keys, settings: RedisSettings, view: IndexView) -> AsyncIterator[Lookups]:
    asking = Lookups(settings, Address(path=str(store.socket)), keys, WINDOW, view)
    await asking.start()
    yield asking
    await asking.close()


@pytest.fixture
def asked(lookups: Lookups) -> Asked:
    return Asked(lookups)
