"""Forwarded calls of a holder to a callee: counted once, over its trunks, forgotten in time, and without a trace."""

from __future__ import annotations

import hiredis
import pytest
from redis import Redis
from tests.support.asking import CALLEE, HOLDER, NOON, SECRET, Asked, call, until
from tests.support.process import hung

from ringfence.lookups import Keys, Lookups
from ringfence.lookups.callee_calls import CalleeCallReport, CalleeCallsQuestion
from ringfence.lookups.embedded import EmbeddedStore
from ringfence.lookups.slots import slot_of, slot_of_command
from ringfence.screening import CalleeCalls, CalleeMemory, Need, Unknown

CALLS = frozenset({Need.CALLEE_CALLS})
MEMORY = CalleeMemory(4, 3600.0)


@pytest.fixture
async def lookups(lookups: Lookups) -> Lookups:
    lookups.use_windows(60.0, MEMORY)
    return lookups


async def times(asked: Asked, **which: str) -> tuple[int, ...]:
    (facts,) = await asked(call(**which), needs=CALLS)
    assert isinstance(facts.callee_calls, CalleeCalls)
    return facts.callee_calls.times


async def test_what_is_told_is_found_and_asking_counts_nothing(lookups: Lookups, asked: Asked):
    assert await times(asked) == ()
    lookups.remember([call(at=NOON + 0.9), call(caller="+8613800138001", at=NOON + 5)])
    noon = int(NOON)
    assert await times(asked) == (noon, noon + 5)
    assert await times(asked) == (noon, noon + 5)
    stats = lookups.stats()
    assert (stats["remembered"], stats["forgotten"]) == (2, 0)
    assert (stats["asked"], stats["answered"], stats["pending"]) == (3, 3, 0)


async def test_each_holder_and_callee_has_its_own(lookups: Lookups, asked: Asked):
    lookups.remember([call(), call(holder="Another"), call(callee="+8613900139001")])
    assert await times(asked) == await times(asked, holder="Another") == (int(NOON),)
    assert await times(asked, holder="A third") == ()


async def test_only_the_last_are_kept_and_they_end(lookups: Lookups, asked: Asked, reader: Redis):
    lookups.remember([call(at=NOON + each) for each in range(10)])
    assert await times(asked) == tuple(int(NOON) + each for each in (6, 7, 8, 9))
    (name,) = reader.scan_iter("*")
    assert 3500 < reader.ttl(name) <= 3601
    lookups.use_windows(60.0, CalleeMemory(2, 1.0))
    lookups.remember([call(at=NOON + 20)])
    assert await times(asked) == (int(NOON) + 9, int(NOON) + 20)
    await until(lambda: not reader.exists(name))
    assert reader.dbsize() == 0


async def test_neither_number_nor_holder_reaches_the_store(lookups: Lookups, asked: Asked, reader: Redis):
    lookups.remember([call()])
    await times(asked)
    (name,) = reader.scan_iter("*")
    assert CALLEE[3:].encode() not in name and HOLDER.encode() not in name


async def test_without_a_callee_s_number(lookups: Lookups, asked: Asked, reader: Redis):
    (facts,) = await asked(call(callee=""), needs=CALLS)
    assert facts.callee_calls == Unknown("no_number")
    lookups.remember([call(callee="")])
    await until(lambda: lookups.stats()["forgotten"] == 1)
    assert reader.dbsize() == 0


async def test_what_is_remembered_goes_with_the_next_question_or_soon(lookups: Lookups, asked: Asked, reader: Redis):
    lookups.remember([call()])
    assert lookups.stats()["pending"] == 0
    assert await times(asked) == (int(NOON),)  # of the question that it went with
    lookups.remember([call(callee="+8613900139001")])
    await until(lambda: reader.dbsize() == 2)


async def test_what_waits_at_the_end_is_counted(lookups: Lookups, store: EmbeddedStore):
    with hung(store.pid):
        lookups.remember([call()])
        await lookups.close()
    assert lookups.stats()["forgotten"] == 1


async def test_a_store_that_refuses_or_is_gone_is_counted_and_stops_nothing(
    lookups: Lookups, asked: Asked, reader: Redis, store: EmbeddedStore
):
    reader.config_set("maxmemory", 1)
    lookups.remember([call()])
    assert await times(asked) == ()
    assert lookups.stats()["forgotten"] == 1 and lookups.stats()["unknown"] == {}
    await store.stop()
    await until(lambda: not lookups.connected)
    lookups.remember([call()] * 2)
    (facts,) = await asked(call(), needs=CALLS)
    assert isinstance(facts.callee_calls, Unknown)
    assert (lookups.stats()["remembered"], lookups.stats()["forgotten"]) == (3, 3)


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (b"1764000000", "wrong_reply"),
        ([b"1764000000", b"x"], "wrong_reply"),
        ([b"1764000000", 7], "wrong_reply"),
        ([b"9" * 17], "wrong_reply"),
        (None, "wrong_reply"),
        (hiredis.ReplyError("WRONGTYPE x"), "store_wrongtype"),
    ],
)
def test_what_is_no_list_of_times(reply: object, reason: str):
    assert CalleeCallsQuestion(Keys("", SECRET), MEMORY).fact(call(), [reply], 0) == Unknown(reason)


def test_a_cluster_finds_both_by_the_key():
    keys = Keys("rf:", SECRET)
    slot = slot_of(keys.callee_calls(keys.digest(f"{CALLEE}\n{HOLDER}")))
    for question in (CalleeCallsQuestion(keys, MEMORY), CalleeCallReport(keys, MEMORY)):
        command = question.commands(call())
        assert isinstance(command, bytes) and slot_of_command(command) == slot
