"""A primary that Sentinels watch fails: its replica takes over, and so do the questions."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from tests.index.test_follow import OWN, following, seen
from tests.support.asking import ALL, CALLEE, CALLER, SECRET, WINDOW, Asked, call, until
from tests.support.cluster import Sentinels
from tests.support.index import MemoryFeed

from ringfence.index.store import IndexStore
from ringfence.index.verify import verify
from ringfence.lookups import IndexView, IndexWatch, Keys, Lookups, RedisSettings, SentinelPlace, StoreError
from ringfence.lookups.admin import Admin
from ringfence.lookups.topology import master_of
from ringfence.screening import Consent, Rate, Score, Unknown

KEYS = Keys("rf:", SECRET)
SETTINGS = RedisSettings.model_validate({"deadline": "500ms", "reconnect_max": "200ms", "connect_timeout": "1s"})


@pytest.fixture
def sentinels() -> Iterator[Sentinels]:
    with TemporaryDirectory(prefix="rf") as name:
        formed = Sentinels(Path(name))
        yield formed
        formed.kill()


async def test_a_fail_over_is_followed(sentinels: Sentinels):
    place = sentinels.place
    view = IndexView()
    watch = IndexWatch(SETTINGS, place, KEYS, view)
    lookups = Lookups(SETTINGS, place, KEYS, WINDOW, view)
    writer = IndexStore(place, KEYS)
    asked = Asked(lookups)
    await watch.start()
    await lookups.start()
    feed = MemoryFeed([(CALLEE, OWN, "consent", 5, None)])
    async with following(writer, feed):
        await seen(asked, Consent(True))
        with Admin(place, KEYS) as admin:
            admin.score_set(CALLER, 21, 1000)
        (facts,) = await asked(call(), needs=ALL)
        assert (facts.score, facts.caller_rate) == (Score(21.0), Rate(1, WINDOW))
        primary, replica = sentinels.servers
        assert await master_of(place, 1) == primary.address
        await asyncio.to_thread(primary.do, "WAIT", 1, 2000)
        primary.process.kill()
        (facts,) = await asked(call(), needs=ALL)
        assert isinstance(facts.consent, Unknown)
        feed.say(CALLEE, "*", "refusal", 9)
        await seen(asked, Consent(True, "everybody"), 30)
        (facts,) = await asked(call(), needs=ALL)
        assert (facts.score, facts.caller_rate) == (Score(21.0), Rate(2, WINDOW))
        assert await master_of(place, 1) == replica.address
        assert (await verify(writer, feed)).sound

        # The other way round, and by order: the old master still answers, and is left.
        primary.start()
        await until(lambda: b"slave" in str(primary.do("ROLE")).encode(), 30)
        await until(lambda: "'state': 'online'" in str(replica.do("INFO", "replication")), 30)
        await asyncio.sleep(1.5)
        sentinels.watching[0].do("SENTINEL", "FAILOVER", "mymaster")
        await until(lambda: b"slave" in str(replica.do("ROLE")).encode(), 40)
        feed.say(CALLEE, "*", "refusal", 9, 0)
        await seen(asked, Consent(True), 30)
        (facts,) = await asked(call(), needs=ALL)
        assert facts.caller_rate == Rate(3, WINDOW)
    await watch.close()
    await lookups.close()
    writer.close()


async def test_sentinels_that_know_nothing_are_an_error_with_their_name(sentinels: Sentinels):
    place = SentinelPlace(sentinels.place.sentinels, "another", sentinels.place.server)
    with pytest.raises(StoreError, match="knows no master another"):
        await master_of(place, 1)
    sentinels.watching[0].process.kill()
    assert await master_of(sentinels.place, 1) == sentinels.servers[0].address
    with pytest.raises(StoreError, match=r"127\.0\.0\.1"):
        await master_of(SentinelPlace(sentinels.place.sentinels[:1], "mymaster", sentinels.place.server), 1)
