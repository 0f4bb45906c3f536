"""The Valkey that the store subjects ask, filled with what they look for, and the registry behind the consents."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import redis
from tests.bench.configs import DIGEST_KEY
from tests.bench.index import register
from tests.bench.load import FIRST_CALLEE, FIRST_CALLER, POOL
from tests.support.settings import HOLDER
from tests.support.valkey import start_valkey

from ringfence.lookups import Address, Keys, RedisSettings
from ringfence.lookups.admin import Admin
from ringfence.registry.opening import open_registry
from ringfence.registry.settings import RegistrySettings

_KEY = bytes(range(32))
_LOW = 10  # a score that no rule minds
_DAY = 86_400


@contextmanager
def running(folder: Path, port: int, core: int | None) -> Iterator[Path]:
    """A filled Valkey on `folder`/store.sock and on a loopback port, for as long as the block runs."""
    valkey = start_valkey(folder, port=port, core=core)
    path = folder / "store.sock"
    try:
        (folder / DIGEST_KEY).write_text(_KEY.hex())
        _fill_for_ringfence(path)
        _fill_for_kamailio(path)
        yield path
    finally:
        valkey.stop()


def _fill_for_ringfence(path: Path) -> None:
    """Every caller has a low score."""
    keys = Keys(RedisSettings().key_prefix, _KEY)
    with Admin(Address(path=str(path)), keys) as admin:
        for number in range(POOL):
            admin.score_set(f"+{FIRST_CALLER + number}", _LOW, _DAY)


def register_consents(data_directory: Path) -> None:
    """Every callee consented to the trunk's holder: in the daemon's registry, from which it builds its index."""

    async def registered() -> None:
        async with await open_registry(RegistrySettings(), data_directory) as registry:
            await register(registry, FIRST_CALLEE, POOL, f"holder:{HOLDER}")

    asyncio.run(registered())


def _fill_for_kamailio(path: Path) -> None:
    """The same answers under keys that Kamailio's configuration asks for."""
    with redis.Redis(unix_socket_path=str(path)) as client, client.pipeline(transaction=False) as pipeline:
        for number in range(POOL):
            caller, callee = f"+{FIRST_CALLER + number}", f"+{FIRST_CALLEE + number}"
            pipeline.hset(f"bench:consent:{callee}", caller, "1")
            pipeline.set(f"bench:score:{caller}", _LOW)
        pipeline.execute()
