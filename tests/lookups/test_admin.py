import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis
from tests.support.asking import CALLEE, CALLER, HOLDER, Asked, call

from ringfence.lookups import Address, Keys, StoreError
from ringfence.lookups.admin import Admin, Entry
from ringfence.lookups.embedded import EmbeddedStore
from ringfence.screening import Consent, Score


@pytest.fixture
def admin(store: EmbeddedStore, keys: Keys) -> Iterator[Admin]:
    with Admin(Address(path=str(store.socket)), keys) as opened:
        yield opened


async def consent(asked: Asked) -> object:
    return (await asked(call()))[0].consent


async def test_the_call_path_sees_what_the_operator_did(admin: Admin, asked: Asked):
    assert await consent(asked) == Consent(False, False)
    admin.consent_add(CALLEE, HOLDER, 1_900_000_000)
    assert await consent(asked) == Consent(True, False, 1_900_000_000.0)
    admin.consent_add(CALLEE, HOLDER)
    assert await consent(asked) == Consent(True, False, None)
    admin.refuse(CALLEE)
    assert await consent(asked) == Consent(True, True, None)
    assert admin.consent_remove(CALLEE, "*") == 1
    assert await consent(asked) == Consent(True, False, None)
    admin.refuse(CALLEE, HOLDER)
    assert await consent(asked) == Consent(False, True)
    admin.refuse(CALLEE, "Somebody Else")
    assert admin.consent_remove(CALLEE) == 2
    assert await consent(asked) == Consent(False, False)
    assert admin.consent_remove(CALLEE, HOLDER) == 0


async def test_another_holder_s_consent_is_not_ours(admin: Admin, asked: Asked):
    admin.consent_add(CALLEE, "Somebody Else")
    assert await consent(asked) == Consent(False, False)


async def test_a_consent_to_this_holder_does_not_lift_the_refusal_of_all(admin: Admin, asked: Asked):
    admin.refuse(CALLEE)
    admin.consent_add(CALLEE, HOLDER)
    assert await consent(asked) == Consent(True, True, None)


async def test_what_is_recorded_is_shown(admin: Admin, reader: Redis, keys: Keys):
    before = int(time.time())
    admin.consent_add(CALLEE, "B", 1_900_000_000)
    admin.consent_add(CALLEE, "A")
    admin.refuse(CALLEE, "C", 1_700_000_000)
    admin.refuse(CALLEE)
    reader.hset(keys.consent(keys.digest(CALLEE)).decode(), "D", "nonsense")
    every, *named = admin.consent_show(CALLEE)
    assert (every.holder, every.granted) == ("*", False)
    assert every.at is not None
    assert before <= every.at <= int(time.time())
    assert named == [Entry("A", True, None), Entry("B", True, 1_900_000_000), Entry("C", False, 1_700_000_000)]
    assert admin.consent_show(CALLER) == []


async def test_a_score_is_set_seen_and_ends(admin: Admin, asked: Asked, reader: Redis, keys: Keys):
    assert admin.score_show(CALLER) is None
    admin.score_set(CALLER, 72.5, 100)
    points, left = admin.score_show(CALLER) or (0.0, 0)
    assert (points, 99 <= left <= 100) == (72.5, True)
    assert (await asked(call()))[0].score == Score(72.5)
    assert 0 < reader.ttl(keys.score(keys.digest(CALLER))) <= 100


@pytest.mark.parametrize(("points", "seconds"), [(-1, 10), (100.1, 10), (float("nan"), 10), (50, 0)])
async def test_a_score_that_is_none_is_not_written(admin: Admin, reader: Redis, points: float, seconds: int):
    with pytest.raises(StoreError, match="0 to 100"):
        admin.score_set(CALLER, points, seconds)
    assert reader.dbsize() == 0


@pytest.mark.parametrize(("holder", "until"), [("*", None), (HOLDER, 0), (HOLDER, -5)])
async def test_a_consent_that_is_none_is_not_written(admin: Admin, reader: Redis, holder: str, until: int | None):
    with pytest.raises(StoreError, match="names one holder"):
        admin.consent_add(CALLEE, holder, until)
    assert reader.dbsize() == 0


async def test_a_score_that_somebody_else_spoilt(admin: Admin, reader: Redis, keys: Keys):
    reader.set(keys.score(keys.digest(CALLER)), "high")
    with pytest.raises(StoreError, match="no number"):
        admin.score_show(CALLER)


async def test_no_number_is_written_in_plain_text(admin: Admin, reader: Redis):
    admin.consent_add(CALLEE, HOLDER)
    admin.score_set(CALLER, 50, 100)
    everything = b" ".join(reader.scan_iter("*")) + repr([reader.dump(key) for key in reader.scan_iter("*")]).encode()
    assert CALLEE[3:].encode() not in everything
    assert CALLER[3:].encode() not in everything


async def test_the_password_and_the_database_are_used(store: EmbeddedStore, reader: Redis, keys: Keys):
    reader.config_set("requirepass", "hunter2")
    with Admin(Address(path=str(store.socket), password="hunter2", database=4), keys) as admin:
        admin.score_set(CALLER, 1, 10)
    with Redis(unix_socket_path=str(store.socket), password="hunter2", db=4) as client:
        assert client.dbsize() == 1
    with pytest.raises(StoreError) as caught, Admin(Address(path=str(store.socket), password="nope"), keys) as admin:
        admin.score_show(CALLER)
    assert "nope" not in str(caught.value)


@pytest.mark.parametrize("address", [Address(path="/nowhere/store.sock"), Address("127.0.0.1", 1)])
def test_a_store_that_is_away_is_an_error_fit_for_the_operator(address: Address, keys: Keys):
    with pytest.raises(StoreError, match="the store did not do it"), Admin(address, keys) as admin:
        admin.consent_show(CALLEE)


def test_tls_takes_the_authority_that_is_configured(folder: Path, keys: Keys):
    with pytest.raises(StoreError), Admin(Address("127.0.0.1", 1, tls=True, ca=str(folder / "ca.pem")), keys) as admin:
        admin.consent_show(CALLEE)
