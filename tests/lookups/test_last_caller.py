"""Who called a number last: told to the store without anybody waiting for it, and what is lost is counted."""

from __future__ import annotations

from redis import Redis
from tests.support.asking import CALLEE, CALLER, HOLDER, WINDOW, Asked, call, until

from ringfence.lookups import Keys
from ringfence.screening import Need, Rate


async def test_the_store_knows_it_until_it_expires(asked: Asked, reader: Redis, keys: Keys) -> None:
    asked.lookups.note_callers([call(), call(callee=CALLER, holder="Another 公司")])
    (facts,) = await asked(call(), needs=frozenset({Need.CALLER_RATE}))
    assert facts.caller_rate == Rate(1, WINDOW)  # replies stay with their questions
    key = keys.last_caller(keys.digest(CALLEE))
    await until(lambda: reader.get(key) is not None)
    assert reader.get(key) == HOLDER.encode()
    assert reader.get(keys.last_caller(keys.digest(CALLER))) == "Another 公司".encode()
    assert 3590 < reader.ttl(key) <= 3600
    assert b"13900139000" not in key
    asked.lookups.note_callers([call(holder="Later")])
    await until(lambda: reader.get(key) == b"Later")
    stats = asked.lookups.stats()
    assert (stats["callers_lost"], stats["late"], stats["answered"], stats["asked"]) == (0, 0, 1, 1)


async def test_what_the_store_does_not_take_is_counted(asked: Asked, reader: Redis) -> None:
    reader.config_set("maxmemory", 1)
    asked.lookups.note_callers([call(), call()])
    await until(lambda: asked.lookups.stats()["callers_lost"] == 2)
    asked.lookups.note_callers([call(callee="")])
    await until(lambda: asked.lookups.stats()["callers_lost"] == 3)
    reader.shutdown(nosave=True)
    await until(lambda: not asked.lookups.connected)
    asked.lookups.note_callers([call()])
    await until(lambda: asked.lookups.stats()["callers_lost"] == 4)
