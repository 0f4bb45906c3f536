"""The roaming check in the store's set, by the operator's commands and by the call path's question."""

from __future__ import annotations

from collections.abc import Iterator

import hiredis
import pytest
from redis import Redis
from tests.support.asking import CALLER, SECRET, WINDOW, Asked
from tests.support.trunks import trunk_of

from ringfence.lookups import Address, Keys, Lookups, RedisSettings, StoreError
from ringfence.lookups.admin import Admin
from ringfence.lookups.embedded import EmbeddedStore
from ringfence.lookups.roaming import NO_CHECK, NOT_ABROAD, NoRoamingCheck, RoamingQuestion
from ringfence.numbering import Numbering, NumberingSettings
from ringfence.screening import Call, Need, Roaming, Unknown

CHINA = Numbering(NumberingSettings())
ROAMING = frozenset({Need.ROAMING})
SUBSCRIBERS = [f"+8613800{index:06d}" for index in range(2500)]


def from_abroad(caller: str) -> Call:
    trunk = trunk_of(name="abroad", holder="Example International", kind="international")
    return Call(trunk, CHINA.read(caller), CHINA.read("+8613900139000"))


@pytest.fixture
def admin(store: EmbeddedStore, keys: Keys) -> Iterator[Admin]:
    with Admin(Address(path=str(store.socket)), keys) as opened:
        yield opened


async def roams(asked: Asked, caller: str) -> object:
    return (await asked(from_abroad(caller), needs=ROAMING))[0].roaming


async def test_the_call_path_sees_who_is_abroad(admin: Admin, asked: Asked) -> None:
    assert await roams(asked, CALLER) == Roaming(False)
    assert admin.roaming_add([CALLER]) == 1
    assert admin.roaming_add([CALLER]) == 0
    assert await roams(asked, "13800138000") == Roaming(True)
    assert await roams(asked, "+8613800138001") == Roaming(False)
    assert (admin.roaming_show(CALLER), admin.roaming_count()) == (True, 1)
    assert admin.roaming_remove([CALLER, "+8613800138001"]) == 1
    assert await roams(asked, CALLER) == Roaming(False)
    assert (admin.roaming_show(CALLER), admin.roaming_count()) == (False, 0)


async def test_many_at_once_and_no_number_among_them(admin: Admin, asked: Asked, reader: Redis, keys: Keys) -> None:
    assert admin.roaming_add(SUBSCRIBERS) == len(SUBSCRIBERS)
    assert await roams(asked, SUBSCRIBERS[-1]) == Roaming(True)
    members = reader.smembers(keys.roaming().decode())
    assert len(members) == len(SUBSCRIBERS)
    assert {len(member) for member in members} == {16}
    assert not any(b"13800" in member for member in members)


@pytest.mark.parametrize("caller", ["+862162345678", "95588", "+442079460001", "anonymous", "alice", "4001234567"])
async def test_who_cannot_roam_is_not_asked_about(asked: Asked, caller: str) -> None:
    (facts,) = await asked(from_abroad(caller), needs=ROAMING)
    assert facts.roaming == NOT_ABROAD
    stats = asked.lookups.stats()
    assert (stats["batches"], stats["unknown"]) == (0, {})


async def test_a_store_that_is_not_the_source_is_not_asked(store: EmbeddedStore, keys: Keys) -> None:
    lookups = Lookups(RedisSettings(), Address(path=str(store.socket)), keys, WINDOW, roaming=False)
    await lookups.start()
    asked = Asked(lookups)
    assert await roams(asked, CALLER) == NO_CHECK
    assert await roams(asked, "+442079460001") == NOT_ABROAD
    assert lookups.stats()["unknown"] == {"no_check": 1}
    await lookups.close()


async def test_without_a_store_nobody_knows(keys: Keys, folder: object) -> None:
    lookups = Lookups(RedisSettings(), Address(path="/nowhere.sock"), keys, WINDOW)
    await lookups.start()
    assert await roams(Asked(lookups), CALLER) == Unknown("unreachable")
    await lookups.close()
    with Admin(Address(path="/nowhere.sock"), keys) as admin, pytest.raises(StoreError):
        admin.roaming_add([CALLER])


@pytest.mark.parametrize(
    ("reply", "fact"),
    [
        (1, Roaming(True)),
        (0, Roaming(False)),
        (b"1", Unknown("wrong_reply")),
        (None, Unknown("wrong_reply")),
        (hiredis.ReplyError("WRONGTYPE Operation"), Unknown("store_wrongtype")),
    ],
)
def test_what_the_store_says(reply: object, fact: object) -> None:
    assert RoamingQuestion(Keys("", SECRET)).fact(from_abroad(CALLER), [reply], 0) == fact


def test_nobody_asks_where_there_is_no_check() -> None:
    question = NoRoamingCheck()
    assert question.commands(from_abroad(CALLER)) == NO_CHECK
    assert question.fact(from_abroad(CALLER), [], 0) == NO_CHECK
