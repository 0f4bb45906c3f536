"""The consent index: bytes a pair of callee and holder, how fast it is built, and the CPU of a call's question."""

from __future__ import annotations

import asyncio
import time
import timeit
from collections.abc import AsyncIterator
from pathlib import Path

import sqlalchemy as sa
from redis import Redis
from tests.bench.figures import Figure
from tests.support.asking import SECRET, call
from tests.support.valkey import start_valkey

from ringfence.index.build import Built, build
from ringfence.index.feed import IndexRow, RegistryFeed
from ringfence.index.store import IndexStore
from ringfence.lookups import Address, IndexView, Keys
from ringfence.lookups.consent import ConsentQuestion
from ringfence.lookups.layout import pack
from ringfence.registry import tables
from ringfence.registry.opening import open_registry
from ringfence.registry.register import Registry
from ringfence.registry.settings import RegistrySettings

PAIRS, PAIRS_IN_QUICK = 10_000_000, 200_000
REGISTERED, REGISTERED_IN_QUICK = 1_000_000, 50_000  # pairs of a real registry
COMPARED = 200_000  # pairs of a layout that is only compared
BOUND = 40.0  # bytes a pair, the promise
_FIRST = 8_613_000_000_000
_BATCH = 16_384
_SCOPE = "holder:Example Marketing"
_SINCE, _UNTIL = 1_700_000_000, 1_900_000_000


class Synthetic:
    """A registry of consents that are made when asked for: half of them with an end, one a callee."""

    def __init__(self, pairs: int) -> None:
        self._pairs = pairs

    async def count(self) -> int:
        return self._pairs

    async def head(self) -> int:
        return self._pairs

    async def rows(self) -> AsyncIterator[list[IndexRow]]:
        for at in range(0, self._pairs, _BATCH):
            yield [
                IndexRow(f"+{_FIRST + n}", _SCOPE, "consent", _SINCE, _UNTIL if n & 1 else None, n + 1)
                for n in range(at, min(at + _BATCH, self._pairs))
            ]

    async def changes(self, after: int) -> list[IndexRow]:
        return []


def measure(folder: Path, core: int | None, quick: bool) -> list[Figure]:
    """Build it at full size and take its measure; then the same pairs in layouts that it was chosen over."""
    folder.mkdir()
    valkey = start_valkey(folder, core=core)
    place = Address(path=str(folder / "store.sock"))
    keys = Keys("rf:", SECRET)
    try:
        with Redis(unix_socket_path=place.path, socket_timeout=60) as client:
            pairs = PAIRS_IN_QUICK if quick else PAIRS
            found = _index(client, place, keys, pairs)
            client.execute_command("FLUSHALL", "SYNC")
            found.append(asyncio.run(_rebuilt(folder, place, keys, REGISTERED_IN_QUICK if quick else REGISTERED)))
            for name, layout in (("a hash a callee", _hash_a_callee), ("a string a pair", _string_a_pair)):
                client.execute_command("FLUSHALL", "SYNC")
                before = _used(client)
                layout(client, keys)
                label = f"index_as_{name.replace(' ', '_')}"
                found.append(Figure(f"{label}.memory", "bytes/pair", ((_used(client) - before) / COMPARED,)))
    finally:
        valkey.stop(60)
    return found


def _index(client: Redis, place: Address, keys: Keys, pairs: int) -> list[Figure]:
    store = IndexStore(place, keys)
    before = _used(client)
    began = time.monotonic()
    built: Built = asyncio.run(build(store, Synthetic(pairs), followed=False))
    took = time.monotonic() - began
    assert built.rows == pairs
    used = (_used(client) - before) / pairs
    generation = keys.generation(built.generation)
    assert generation is not None
    view = IndexView()
    view.believe(generation, {})
    question = ConsentQuestion(view)
    sampled = store.memory(generation, 512) / pairs
    figures = [
        Figure("index.pairs", "pairs", (float(pairs),)),
        Figure("index.memory", "bytes/pair", (used,)),
        Figure("index.memory_usage", "bytes/pair", (sampled,)),
        Figure("index.build", "pairs/s", (pairs / took,)),
        Figure("index.question", "µs", tuple(_question(client, question, pairs))),
        Figure("index.hmget", "µs", (_server_time(client, question, pairs),)),
    ]
    store.close()
    assert used <= BOUND, f"{used:.1f} bytes a pair"
    return figures


async def _rebuilt(folder: Path, place: Address, keys: Keys, pairs: int) -> Figure:
    """Seconds that `ringfence index rebuild` takes from a registry in SQLite, its numbers decrypted on the way."""
    async with await open_registry(RegistrySettings(), folder) as registry:
        await register(registry, _FIRST + 1, pairs, _SCOPE)
        store = IndexStore(place, keys)
        began = time.monotonic()
        built = await build(store, RegistryFeed(registry), followed=False)
        took = time.monotonic() - began
        store.close()
    assert built.rows == pairs
    return Figure("index.rebuild", f"s for {pairs:,} pairs", (took,))


async def register(registry: Registry, first: int, pairs: int, scope: str) -> None:
    """A consent of each callee from the number `first` on, as it stands in the tables that the index is built from."""
    ring = registry.ring
    for at in range(1, pairs + 1, _BATCH):
        ids = range(at, min(at + _BATCH, pairs + 1))
        subjects = [
            {"id": n, "digest": ring.digest(f"+{first + n - 1}"), "number": ring.seal(f"+{first + n - 1}", n)}
            for n in ids
        ]
        standing = [
            {"subject": n, "scope": scope, "kind": "consent", "since": _SINCE, "until": None, "change": n} for n in ids
        ]
        async with registry.database.writing() as connection:
            await connection.execute(sa.insert(tables.subject), subjects)
            await connection.execute(sa.insert(tables.standing), standing)
            await connection.execute(sa.update(tables.head).values(change=ids[-1], subject=ids[-1]))


def _question(client: Redis, question: ConsentQuestion, pairs: int) -> list[float]:
    """Our CPU for a call: its command made, its reply read into a fact."""
    one = call(callee=f"+{_FIRST + pairs // 2}", holder="Example Marketing", sector="retail")
    reply: list[object] = [b"1", None, None, pack("consent", 1, _SINCE, _UNTIL)]

    def ask() -> None:
        question.commands(one)
        assert question.fact(one, [reply], 0).granted  # type: ignore[union-attr]

    loops = 20_000
    return [1e6 * run / loops for run in timeit.repeat(ask, number=loops, repeat=5)]


def _server_time(client: Redis, question: ConsentQuestion, pairs: int) -> float:
    """The store's own time for one HMGET, over many callees."""
    client.config_resetstat()
    generation = question._view.generation
    assert generation is not None
    scopes = [b"*", b"sector:retail", _SCOPE.encode()]
    pipeline = client.pipeline(transaction=False)
    for number in range(0, pairs, max(1, pairs // 20_000)):
        key, fields = generation.places(b"+%d" % (_FIRST + number), scopes)
        pipeline.hmget(key, b"m", *fields)
    replies = pipeline.execute()
    assert all(mark is not None and own is not None for mark, _, _, own in replies)
    return float(client.info("commandstats")["cmdstat_hmget"]["usec_per_call"])


def _hash_a_callee(client: Redis, keys: Keys) -> None:
    """The simplest form: key by the callee's digest, a field a holder."""
    _filled(
        client, lambda pipeline, digest, record: pipeline.hset(b"rf:c:" + digest, "Example Marketing", record), keys
    )


def _string_a_pair(client: Redis, keys: Keys) -> None:
    _filled(client, lambda pipeline, digest, record: pipeline.set(b"rf:c:" + digest, record), keys)


def _filled(client: Redis, put, keys: Keys) -> None:  # type: ignore[no-untyped-def]
    for at in range(0, COMPARED, 10_000):
        pipeline = client.pipeline(transaction=False)
        for number in range(at, at + 10_000):
            digest = keys.digest(f"+{_FIRST + number}")
            put(pipeline, digest, pack("consent", number, _SINCE, _UNTIL if number & 1 else None))
        pipeline.execute()


def _used(client: Redis) -> int:
    return int(client.info("memory")["used_memory"])
