import hiredis
import pytest
from redis import Redis
from tests.support.asking import CALLEE, CALLER, NOON, SECRET, Asked, call, until

from ringfence.lookups import Keys, Lookups
from ringfence.lookups.caller_rate import CallerRateQuestion
from ringfence.screening import CalleeMemory, Need, Rate, Unknown

RATE = frozenset({Need.CALLER_RATE})


def question(window: float = 60.0) -> CallerRateQuestion:
    return CallerRateQuestion(Keys("", SECRET), window)


@pytest.mark.parametrize(
    ("seconds", "before", "attempts"),
    [(0, b"40", 45), (15, b"40", 35), (30, b"40", 25), (59, b"40", 5), (30, None, 5), (30, b"1", 5)],
)
def test_the_window_before_counts_as_far_as_it_still_reaches(seconds: int, before: bytes | None, attempts: int):
    assert question().fact(call(at=NOON + seconds), [b"OK", 5, before], 0) == Rate(attempts, 60.0)


@pytest.mark.parametrize(
    ("replies", "reason"),
    [
        ([None, b"5", None], "wrong_reply"),
        ([None, 5, b"many"], "wrong_reply"),
        ([None, 5, 7], "wrong_reply"),
        ([None, 5, b"9" * 50], "wrong_reply"),
        ([hiredis.ReplyError("OOM command not allowed")] * 2 + [None], "store_oom"),
        ([None, hiredis.ReplyError("WRONGTYPE x"), None], "store_wrongtype"),
        ([None, 5, hiredis.ReplyError("WRONGTYPE x")], "store_wrongtype"),
    ],
)
def test_what_is_no_count(replies: list[object], reason: str):
    assert question().fact(call(), replies, 0) == Unknown(reason)


@pytest.mark.parametrize(("window", "whole"), [(0.4, 1.0), (1.6, 2.0), (3600.0, 3600.0)])
def test_a_window_is_whole_seconds(window: float, whole: float):
    assert question(window).fact(call(), [b"OK", 1, None], 0) == Rate(1, whole)


async def test_each_attempt_is_counted_once_and_windows_slide(asked: Asked):
    counts = []
    for at in (NOON, NOON + 1, NOON + 3599, NOON + 3600, NOON + 3600 + 1800, NOON + 7200 + 1800):
        (facts,) = await asked(call(at=at), needs=RATE)
        counts.append(facts.caller_rate)
    # 3 in the first window; at the start of the second they count whole, at its half by half; then forgotten.
    assert counts == [Rate(count, 3600.0) for count in (1, 2, 3, 4, 3, 2)]


async def test_calls_of_one_turn_are_counted_one_after_the_other(asked: Asked):
    facts = await asked(*[call() for _ in range(20)], needs=RATE)
    assert [one.caller_rate for one in facts] == [Rate(count, 3600.0) for count in range(1, 21)]


async def test_callers_are_counted_apart_and_callees_do_not_matter(asked: Asked):
    facts = await asked(call(), call(caller="+8613800138001"), call(callee=CALLER), needs=RATE)
    assert [one.caller_rate for one in facts] == [Rate(1, 3600.0), Rate(1, 3600.0), Rate(2, 3600.0)]


async def test_every_counter_is_born_with_its_end(asked: Asked, reader: Redis, keys: Keys):
    await asked(*[call(caller=f"+861380013{index:04d}") for index in range(50)], needs=RATE)
    await asked(call(), call(), needs=RATE)
    names = list(reader.scan_iter("*"))
    assert len(names) == 51
    assert keys.attempts(keys.digest(CALLER), int(NOON) // 3600) in names
    assert all(7200 < reader.ttl(name) <= 10_800 for name in names)


async def test_a_counter_ends_and_leaves_nothing(lookups: Lookups, asked: Asked, reader: Redis):
    lookups.use_windows(1.0, CalleeMemory(1, 1.0))
    await asked(call(at=NOON), needs=RATE)
    (name,) = reader.scan_iter("*")
    assert 0 < reader.pttl(name) <= 3000
    await until(lambda: not reader.exists(name))
    assert reader.dbsize() == 0


async def test_another_window_counts_anew_and_owed_answers_keep_theirs(lookups: Lookups, asked: Asked):
    tickets = asked.submit(call(), needs=RATE)
    lookups.use_windows(60.0, CalleeMemory(1, 1.0))
    tickets += asked.submit(call(), needs=RATE)
    facts = await asked.all(tickets)
    assert [one.caller_rate for one in facts] == [Rate(1, 3600.0), Rate(1, 60.0)]


async def test_neither_number_reaches_the_store(asked: Asked, reader: Redis):
    await asked(call())
    names = b" ".join(reader.scan_iter("*"))
    assert names
    assert CALLER[3:].encode() not in names
    assert CALLEE[3:].encode() not in names
