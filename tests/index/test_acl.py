"""The account that docs/consent-index.md gives to ringfence: enough for all that it does, and no word more."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis
from redis.exceptions import NoPermissionError
from tests.support.asking import CALLEE, CALLER, HOLDER, NOON, WINDOW, Asked, call, until
from tests.support.cluster import Cluster
from tests.support.index import MemoryFeed
from tests.support.valkey import start_valkey

from ringfence.index.build import build, tidy
from ringfence.index.follow import Follower
from ringfence.index.settings import IndexSettings
from ringfence.index.store import IndexStore
from ringfence.index.verify import verify
from ringfence.lookups import Address, ClusterPlace, IndexView, IndexWatch, Keys, Lookups, RedisSettings
from ringfence.lookups.admin import Admin
from ringfence.lookups.clients import client_of
from ringfence.screening import Consent, Rate, Roaming, Score

MANUAL = (Path(__file__).resolve().parents[2] / "docs/consent-index.md").read_text()
CLUSTER_RULES = re.findall(r"A Cluster wants\s+`([^`]*)`", MANUAL, re.DOTALL)[0].split()
RULES = " ".join(re.findall(r"user ringfence on >PASSWORD (.*?)\n\n", MANUAL, re.DOTALL)[0].split())
SAID = ("*", "holder:" + HOLDER)


@pytest.fixture
def owner(folder: Path) -> Iterator[Redis]:
    """A Valkey with the documented account, as its administrator sees it."""
    valkey = start_valkey(folder)
    with Redis(unix_socket_path=str(folder / "store.sock")) as client:
        client.execute_command("ACL", "SETUSER", "ringfence", "on", ">secret", *RULES.split())
        client.execute_command("ACL", "SETUSER", "default", "on", "nopass")
        client.config_resetstat()
        yield client
    valkey.stop()


@pytest.fixture
def place(folder: Path, owner: Redis) -> Address:
    return Address(path=str(folder / "store.sock"), username="ringfence", password="secret")


async def test_all_that_ringfence_does_is_allowed_and_nothing_else(owner: Redis, place: Address, keys: Keys) -> None:
    feed = MemoryFeed([(CALLEE, f"holder:{HOLDER}", "consent", 1, None)])
    store = IndexStore(place, keys)
    # Beside the calls: built, followed, built anew, cleared up, verified, looked at.
    await build(store, feed)
    follower = Follower(store, feed, IndexSettings())
    feed.say(CALLER, "*", "refusal")
    await follower.cycle()
    feed.say(CALLER, "*", "refusal", until=0)
    await follower.cycle()
    first = keys.generation(store.pointer().current)
    assert first is not None
    await build(store, feed)
    store.drop(first)  # as `tidy` does ten seconds later
    assert tidy(store)
    assert (await verify(store, feed)).sound
    current = keys.generation(store.pointer().current)
    assert current is not None and store.memory(current) > 0
    assert (store.dear(), store.details()["pairs"]) == ("", "1")
    assert store.sweep([store.pointer().current, store.pointer().previous]) == 0
    with Admin(place, keys) as admin:
        admin.score_set(CALLER, 72.5, 60)
        assert admin.score_show(CALLER) == (72.5, 60)
        assert (admin.roaming_add([CALLER]), admin.roaming_count(), admin.roaming_show(CALLER)) == (1, 1, True)
    # The calls.
    settings = RedisSettings.model_validate({"deadline": "500ms"})
    view = IndexView()
    watch = IndexWatch(settings, place, keys, view)
    lookups = Lookups(settings, place, keys, WINDOW, view)
    await watch.start()
    await lookups.start()
    await until(lambda: view.generation is not None)
    (facts,) = await Asked(lookups)(call(at=NOON))
    assert (facts.consent, facts.score, facts.caller_rate) == (Consent(True), Score(72.5), Rate(1, WINDOW))
    assert facts.roaming == Roaming(False)  # the plan of this test's calls knows no class that roams
    lookups.remember([call()])
    lookups.note_callers([call()])
    client = client_of(place)
    await until(lambda: client.get(keys.last_caller(keys.digest(CALLEE))) == HOLDER.encode())
    assert lookups.stats()["errors"] == lookups.stats()["forgotten"] == lookups.stats()["callers_lost"] == 0
    await watch.close()
    await lookups.close()
    with Admin(place, keys) as admin:
        assert admin.roaming_remove([CALLER]) == 1
    store.close()

    denied = {entry[b"object"] for entry in owner.execute_command("ACL", "LOG")}
    assert denied <= {b"client|setinfo"}  # redis-py tells its name where it may
    used = {name.removeprefix("cmdstat_") for name in owner.info("commandstats")}
    allowed = {rule[1:] for rule in RULES.split() if rule.startswith("+")}
    assert allowed - used == set()


@pytest.mark.parametrize(
    "words", [("FLUSHALL",), ("KEYS", "*"), ("GET", "other"), ("CONFIG", "SET", "maxmemory", "1"), ("ACL", "LIST")]
)
def test_what_it_does_not_need_is_denied(place: Address, words: tuple[str, ...]) -> None:
    with pytest.raises(NoPermissionError):
        client_of(place).execute_command(*words)


async def test_a_cluster_wants_a_few_more_words(folder: Path, keys: Keys) -> None:
    cluster = Cluster(folder)
    try:
        servers = [*cluster.primaries, cluster.replica]
        for server in servers:
            assert server is not None
            server.do("ACL", "SETUSER", "ringfence", "on", ">secret", *RULES.split(), *CLUSTER_RULES)
            server.do("CONFIG", "RESETSTAT")
        seeds = tuple(one._replace(username="ringfence", password="secret") for one in cluster.place.seeds)
        place = ClusterPlace(seeds)
        store = IndexStore(place, keys)
        feed = MemoryFeed([(f"+86139{n:08}", f"holder:{HOLDER}", "consent", 1, None) for n in range(200)])
        await build(store, feed)
        feed.say(CALLEE, f"holder:{HOLDER}", "consent")
        await Follower(store, feed, IndexSettings()).cycle()
        assert (await verify(store, feed)).sound
        view = IndexView()
        settings = RedisSettings.model_validate({"deadline": "500ms"})
        watch = IndexWatch(settings, place, keys, view)
        lookups = Lookups(settings, place, keys, WINDOW, view)
        await watch.start()
        await lookups.start()
        await until(lambda: view.generation is not None and lookups.connected)
        (facts,) = await Asked(lookups)(call(at=NOON))
        assert (facts.consent, facts.score, facts.caller_rate) == (Consent(True), Score(0.0), Rate(1, WINDOW))
        await watch.close()
        await lookups.close()
        store.close()
        denied, used = set(), set()
        for server in servers:
            assert server is not None
            log = server.do("ACL", "LOG")
            assert isinstance(log, list)
            denied |= {entry[b"object"] for entry in log}
            with server.client() as client:
                used |= {name.removeprefix("cmdstat_") for name in client.info("commandstats")}
        assert denied <= {b"client|setinfo"}
        assert {rule[1:] for rule in CLUSTER_RULES} - used <= {"asking", "readonly"}  # of a slot that moves
    finally:
        cluster.kill()
