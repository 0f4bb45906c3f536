"""Three real nodes: the index over all of them, a slot that moves under calls, a primary that fails."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from tests.index.test_follow import CONSENT, OWN, following, seen
from tests.support.asking import ALL, CALLEE, CALLER, HOLDER, NOON, SECRET, WINDOW, Asked, call, until
from tests.support.cluster import Cluster, wait
from tests.support.index import MemoryFeed

from ringfence.index.build import build
from ringfence.index.store import IndexStore
from ringfence.index.verify import verify
from ringfence.lookups import Address, ClusterPlace, IndexView, IndexWatch, Keys, Lookups, RedisSettings
from ringfence.lookups.admin import Admin
from ringfence.lookups.slots import slot_of
from ringfence.screening import CalleeCalls, CalleeMemory, Consent, Facts, Need, Rate, Score, Unknown

KEYS = Keys("rf:", SECRET)
SCORE, RATE, CALLS = (frozenset({need}) for need in (Need.SCORE, Need.CALLER_RATE, Need.CALLEE_CALLS))
SETTINGS = RedisSettings.model_validate(
    {"deadline": "500ms", "reconnect_max": "200ms", "connect_timeout": "1s", "breaker": {"open": "500ms"}}
)


@pytest.fixture(scope="module")
def formed() -> Iterator[Cluster]:
    with TemporaryDirectory(prefix="rf") as name:
        cluster = Cluster(Path(name))
        yield cluster
        cluster.kill()


@pytest.fixture
def cluster(formed: Cluster) -> Cluster:
    """Empty."""
    for server in formed.primaries:
        server.do("FLUSHALL")
    return formed


@pytest.fixture
async def asked(cluster: Cluster) -> AsyncIterator[Asked]:
    async with asking(cluster.place) as one:
        yield one


class asking:
    """Look-ups over a place, as the daemon has them."""

    def __init__(self, place: ClusterPlace, settings: RedisSettings = SETTINGS) -> None:
        view = IndexView()
        self._watch = IndexWatch(settings, place, KEYS, view)
        self._lookups = Lookups(settings, place, KEYS, WINDOW, view)

    async def __aenter__(self) -> Asked:
        await self._watch.start()
        await self._lookups.start()
        return Asked(self._lookups)

    async def __aexit__(self, *_: object) -> None:
        await self._watch.close()
        await self._lookups.close()


@pytest.fixture
def writer(cluster: Cluster) -> Iterator[IndexStore]:
    store = IndexStore(cluster.place, KEYS)
    yield store
    store.close()


def crowd(count: int) -> list[tuple[str, str]]:
    return [(f"+86138{number:08d}", f"+86139{number:08d}") for number in range(count)]


async def test_all_needs_over_all_nodes(cluster: Cluster, writer: IndexStore, asked: Asked):
    feed = MemoryFeed([(callee, OWN, "consent", 5, None) for _, callee in crowd(300)])
    await build(writer, feed)
    with Admin(cluster.place, KEYS) as admin:
        for number, (caller, _) in enumerate(crowd(100)):
            admin.score_set(caller, number, 1000)
        assert admin.score_show(crowd(8)[7][0]) == (7.0, pytest.approx(1000, abs=2))
    await until(lambda: bool(asked.lookups.stats()["index_believed"]))
    facts = await asked(*[call(caller, callee) for caller, callee in crowd(100)], needs=ALL)
    assert [one.consent for one in facts] == [Consent(True)] * 100
    assert [one.score for one in facts] == [Score(float(number)) for number in range(100)]
    assert [one.caller_rate for one in facts] == [Rate(1, WINDOW)] * 100
    stats = asked.lookups.stats()
    assert (stats["servers"], stats["answered"], stats["redirects"]) == (3, 100, 0)
    assert stats["batches"] <= 3  # one write a server
    assert (await verify(writer, feed)).sound
    shares = [int(str(server.do("DBSIZE"))) for server in cluster.primaries]
    assert min(shares) > 0.8 * max(shares)


async def test_a_slot_moves_under_the_questions(cluster: Cluster, writer: IndexStore, asked: Asked):
    await build(writer, MemoryFeed([(CALLEE, OWN, "consent", 5, None)]))
    await until(lambda: bool(asked.lookups.stats()["index_believed"]))
    current = writer.keys.generation(writer.pointer().current)
    assert current is not None
    digest = KEYS.digest(CALLER)
    keys = {
        CONSENT: current.bucket_key(current.place(CALLEE, "*")[0]),
        SCORE: KEYS.score(digest),
        RATE: KEYS.attempts(digest, int(NOON) // 3600),
        CALLS: KEYS.callee_calls(KEYS.digest(f"{CALLEE}\n{HOLDER}")),
    }
    expected: dict[frozenset[Need], object] = {CONSENT: Consent(True), SCORE: Score(33.0)}
    with Admin(cluster.place, KEYS) as admin:
        admin.score_set(CALLER, 33, 1000)
    counted = 0
    told: list[int] = []
    asked.lookups.use_windows(WINDOW, CalleeMemory(50, 3600.0))
    for need, key in keys.items():
        slot = slot_of(key)
        source = cluster.owner(slot)
        target = next(one for one in cluster.primaries if one is not source)

        async def holds(need: frozenset[Need] = need) -> None:
            nonlocal counted
            counted += need is RATE
            if need is CALLS:
                asked.lookups.remember([call()])
                told.append(int(NOON))
                expected[CALLS] = CalleeCalls(tuple(told))
            (facts,) = await asked(call(), needs=need)
            (name,) = need
            assert getattr(facts, name) == expected.get(need, Rate(counted, WINDOW))

        await holds()
        cluster.begin_move(slot, source, target)
        await holds()  # the keys are still there
        cluster.move_keys(slot, source, target)
        before = asked.lookups.stats()["redirects"]
        await holds()  # ASK
        await holds()
        assert asked.lookups.stats()["redirects"] >= before + 2
        cluster.end_move(slot, source, target)
        await holds()  # MOVED
        await until(lambda slot=slot, target=target: _has(asked.lookups, slot, target.address))
        before = asked.lookups.stats()["redirects"]
        await holds()
        assert asked.lookups.stats()["redirects"] == before
        cluster.begin_move(slot, target, source)
        cluster.move_keys(slot, target, source)
        cluster.end_move(slot, target, source)
        await until(lambda slot=slot, source=source: _has(asked.lookups, slot, source.address), 15)
    assert asked.lookups.stats()["unknown"] == {}


def _has(lookups: Lookups, slot: int, address: Address) -> bool:
    node = lookups._slots[slot]
    lookups._learn.set()
    return node is not None and node.address == address


async def test_changes_are_carried_while_a_slot_moves(cluster: Cluster, writer: IndexStore, asked: Asked):
    feed = MemoryFeed([(CALLEE, OWN, "consent", 5, None)])
    async with following(writer, feed):
        await seen(asked, Consent(True))
        current = writer.keys.generation(writer.pointer().current)
        assert current is not None
        slot = slot_of(current.bucket_key(current.place(CALLEE, "*")[0]))
        source = cluster.owner(slot)
        target = next(one for one in cluster.primaries if one is not source)
        cluster.begin_move(slot, source, target)
        feed.say(CALLEE, "*", "refusal", 9)
        cluster.move_keys(slot, source, target)
        cluster.end_move(slot, source, target)
        await seen(asked, Consent(True, "everybody"))
        feed.say(CALLEE, "*", "refusal", 9, 0)
        assert await seen(asked, Consent(True)) < 1.5
        cluster.begin_move(slot, target, source)
        cluster.move_keys(slot, target, source)
        cluster.end_move(slot, target, source)
        await seen(asked, Consent(True))
        assert (await verify(writer, feed)).sound


async def test_one_node_s_flush_closes_its_part_and_is_healed(cluster: Cluster, writer: IndexStore, asked: Asked):
    callees = [callee for _, callee in crowd(60)]
    feed = MemoryFeed([(callee, OWN, "consent", 5, None) for callee in callees])
    async with following(writer, feed) as follower:
        await until(lambda: bool(asked.lookups.stats()["index_believed"]))

        async def answers() -> list[object]:
            facts: list[Facts] = await asked(*[call(callee=callee) for callee in callees], needs=CONSENT)
            return [one.consent for one in facts]

        assert await answers() == [Consent(True)] * 60
        pointer = cluster.owner(slot_of(KEYS.pointer))
        flushed = next(one for one in cluster.primaries if one is not pointer)
        flushed.do("FLUSHALL")
        some = await answers()
        assert set(some) == {Consent(True), Unknown("index_lost")}
        async with asyncio.timeout(10):
            while await answers() != [Consent(True)] * 60:
                await asyncio.sleep(0.05)
        assert follower.rebuilt == 2
        pointer.do("FLUSHALL")
        async with asyncio.timeout(10):
            while await answers() != [Consent(True)] * 60:
                await asyncio.sleep(0.05)
        assert (await verify(writer, feed)).sound


async def test_a_hung_node_costs_only_the_calls_that_need_it(cluster: Cluster, writer: IndexStore):
    import os
    import signal

    await build(writer, MemoryFeed([(callee, OWN, "consent", 5, None) for _, callee in crowd(30)]))
    async with asking(cluster.place, SETTINGS.model_copy(update={"deadline": 0.05})) as asked:
        await until(lambda: bool(asked.lookups.stats()["index_believed"]))
        hung = next(one for one in cluster.primaries if one is not cluster.owner(slot_of(KEYS.pointer)))
        os.kill(hung.process.pid, signal.SIGSTOP)
        try:
            facts = await asked(*[call(callee=callee) for _, callee in crowd(30)], needs=CONSENT)
        finally:
            os.kill(hung.process.pid, signal.SIGCONT)
        found = [one.consent for one in facts]
        assert set(found) == {Consent(True), Unknown("deadline")}
        assert found.count(Consent(True)) > 10
        assert asked.lookups.breaker_state == "closed"


async def test_a_primary_fails_and_its_replica_takes_over(cluster: Cluster, writer: IndexStore, asked: Asked):
    """Last in this file: it leaves the cluster with other primaries."""
    callees = [callee for _, callee in crowd(60)]
    feed = MemoryFeed([(callee, OWN, "consent", 5, None) for callee in callees])
    async with following(writer, feed):
        await until(lambda: bool(asked.lookups.stats()["index_believed"]))
        first = cluster.primaries[0]
        assert cluster.replica is not None
        await asyncio.to_thread(first.do, "WAIT", 1, 2000)
        first.process.kill()
        facts = await asked(*[call(callee=callee) for callee in callees], needs=ALL)
        assert {one.consent for one in facts} <= {Consent(True), Unknown("unreachable"), Unknown("store_clusterdown")}
        mine = next(
            callee for callee in callees
            if slot_of((g := writer_generation(asked)).bucket_key(g.place(callee, "*")[0])) < 5461
        )  # fmt: skip
        feed.say(mine, "*", "refusal", 9)
        replica = cluster.replica
        await asyncio.to_thread(wait, lambda: b"master" in str(replica.do("ROLE")).encode(), 20)

        async def all_answer() -> bool:
            found = await asked(*[call(callee=callee) for callee in callees], needs=CONSENT)
            expected = [Consent(True, "everybody") if callee == mine else Consent(True) for callee in callees]
            return [one.consent for one in found] == expected

        async with asyncio.timeout(30):
            while not await all_answer():
                await asyncio.sleep(0.1)
        assert asked.lookups.stats()["servers"] == 3
        assert (await verify(writer, feed)).sound


def writer_generation(asked: Asked):  # type: ignore[no-untyped-def]
    generation = asked.lookups._view.generation
    assert generation is not None
    return generation
