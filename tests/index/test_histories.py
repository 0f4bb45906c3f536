"""Whatever was said, in whatever order it is carried over: the index answers as the written rule does by hand."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis import Redis
from tests.support.asking import SECRET, WINDOW, Asked, call, until
from tests.support.index import MemoryFeed

from ringfence.index.build import build
from ringfence.index.feed import IndexRow
from ringfence.index.store import IndexStore
from ringfence.lookups import Address, IndexView, IndexWatch, Keys, Lookups, RedisSettings
from ringfence.lookups.embedded import EmbeddedStore
from ringfence.registry.rule import standing
from ringfence.registry.statements import Statement, consent, refusal, wish
from ringfence.screening import Consent, Need

HOLDERS, SECTORS = ("Alpha", "Beta"), ("finance", "travel")
CALLEES = tuple(f"+861390000000{digit}" for digit in range(3))
BASE = 1_000_000_000
moments = st.integers(BASE, BASE + 12)
said = st.one_of(
    st.builds(
        lambda callee, holder, since, until, proven: consent(
            callee, holder, since, until=None if until is None else since + until, reference="tape" if proven else ""
        ),
        st.sampled_from(CALLEES), st.sampled_from(HOLDERS), moments, st.none() | st.integers(1, 12), st.booleans(),
    ),
    st.builds(
        refusal,
        st.sampled_from(CALLEES),
        st.sampled_from(["*", *[f"sector:{one}" for one in SECTORS], *[f"holder:{one}" for one in HOLDERS]]),
        moments,
    ),
    st.builds(
        lambda callee, sectors, since: wish(
            callee, "all" if len(sectors) == 2 else "industries" if sectors else "none", since,
            tuple(sectors) if len(sectors) == 1 else (),
        ),
        st.sampled_from(CALLEES), st.sets(st.sampled_from(SECTORS)), moments,
    ),
)  # fmt: skip
histories = st.lists(st.tuples(said, st.integers(0, 3)), max_size=14)
"""What is said, and whether something said before is withdrawn then (0: the oldest that stands)."""


def allowed(history: list[Statement], callee: str, holder: str, sector: str | None, at: int) -> bool:
    """The written rule, by brute force, for one call."""
    mine = [one for one in history if one.callee == callee]
    wishes = [one for one in mine if one.kind == "wish"]
    newest = max(
        wishes, key=lambda one: (one.since, ("none", "industries", "all").index(one.level), one.sectors), default=None
    )
    against = [
        one.since
        for one in mine
        if one.kind == "refusal" and one.scope in ("*", f"sector:{sector}", f"holder:{holder}")
    ]
    if newest is not None and (newest.level == "all" or sector in newest.sectors):
        against.append(newest.since)
    given_to = [one for one in mine if one.kind == "consent" and one.holder == holder]
    # A consent that names no sector is beaten by the refusal of any sector (rule 4), also for calls of another one.
    every = [
        one.since
        for one in mine
        if one.kind == "refusal" and (one.scope.startswith("sector:") or one.scope in ("*", f"holder:{holder}"))
    ]
    if newest is not None and newest.level != "none":
        every.append(newest.since)
    for one in given_to:
        if one.until is not None and one.until <= at:
            continue
        if all(one.proven and one.since > other for other in {*against, *every}):
            return True
    return False


def agrees(fact: Consent, at: int) -> bool:
    """Whether the consent rule would let the call pass."""
    return fact.granted and fact.refused is None and fact.wish is None and (fact.until is None or fact.until > at)


class Truth:
    """A registry's outbox over a history, kept by its own rule."""

    def __init__(self) -> None:
        self.history: list[Statement] = []
        self.feed = MemoryFeed(batch=3)

    def say(self, statement: Statement | None, withdrawn: int) -> None:
        if withdrawn and len(self.history) >= withdrawn:
            self.history.pop(withdrawn - 1)
        elif statement is not None:
            self.history.append(statement)
        for callee in CALLEES:
            now = {(one.scope, one.kind): one for one in standing(one for one in self.history if one.callee == callee)}
            before = {key[1:]: row for key, row in self.feed.standing.items() if key[0] == callee}
            for scope, kind in before.keys() - now.keys():
                self.feed.say(callee, scope, kind, 0, 0)
            for (scope, kind), one in now.items():
                row = before.get((scope, kind))
                if row is None or (row.since, row.until) != (one.since, one.until):
                    self.feed.say(callee, scope, kind, one.since, one.until)


@pytest.fixture(scope="module")
def house():  # type: ignore[no-untyped-def]
    """One loop, one store, for all examples."""
    with TemporaryDirectory(prefix="rf") as name, asyncio.Runner() as runner:
        store = EmbeddedStore(Path(name) / "store", 64)
        runner.run(store.start())
        yield runner, Address(path=str(store.socket))
        runner.run(store.stop())


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(before=histories, during=histories, after=histories, seed=st.integers(0, 2**16))
def test_the_index_answers_as_the_rule_does(house, before, during, after, seed: int):  # type: ignore[no-untyped-def]
    runner, place = house
    runner.run(_example(place, before, during, after, random.Random(seed)))


async def _example(place: Address, before: list, during: list, after: list, dice: random.Random) -> None:  # type: ignore[type-arg]
    keys = Keys("rf:", SECRET)
    with Redis(unix_socket_path=place.path) as client:
        client.flushall()
    store = IndexStore(place, keys)
    truth = Truth()
    for statement, withdrawn in before:
        truth.say(statement, withdrawn)
    left = list(during)

    async def meanwhile(_: int) -> None:
        if left:
            truth.say(*left.pop(0))

    truth.feed.on_batch = meanwhile
    await build(store, truth.feed)
    position = len(truth.feed.log)
    for statement, withdrawn in [*left, *after]:
        truth.say(statement, withdrawn)
    generation = keys.generation(store.pointer().current)
    assert generation is not None
    # Two followers carry the same over, in pieces, one of them out of order and twice.
    changes: list[IndexRow] = truth.feed.log[dice.randint(0, position) :]
    shuffled = [*changes, *changes]
    dice.shuffle(shuffled)
    for at in range(0, len(shuffled), 4):
        store.write(generation, shuffled[at : at + 4])
    view = IndexView()
    settings_ = RedisSettings.model_validate({"deadline": "1s"})
    watch = IndexWatch(settings_, place, keys, view)
    lookups = Lookups(settings_, place, keys, WINDOW, view)
    await watch.start()
    await lookups.start()
    await until(lambda: view.generation is not None)
    asked = Asked(lookups)
    calls = [
        (callee, holder, sector, at)
        for callee in CALLEES for holder in HOLDERS for sector in (*SECTORS, None)
        for at in (BASE, BASE + 6, BASE + 13, BASE + 30)
    ]  # fmt: skip
    facts = await asked(
        *[call(callee=callee, holder=holder, sector=sector, at=at) for callee, holder, sector, at in calls],
        needs=frozenset({Need.CONSENT}),
    )
    for one, (callee, holder, sector, at) in zip(facts, calls, strict=True):
        assert isinstance(one.consent, Consent)
        assert agrees(one.consent, at) == allowed(truth.history, callee, holder, sector, at)
    await watch.close()
    await lookups.close()
    store.close()
