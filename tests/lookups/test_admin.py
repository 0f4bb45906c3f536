from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis
from tests.support.asking import CALLER, Asked, call

from ringfence.lookups import Address, Keys, StoreError
from ringfence.lookups.admin import Admin
from ringfence.lookups.embedded import EmbeddedStore
from ringfence.screening import Score


@pytest.fixture
def admin(store: EmbeddedStore, keys: Keys) -> Iterator[Admin]:
    with Admin(Address(path=str(store.socket)), keys) as opened:
        yield opened


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


async def test_a_score_that_somebody_else_spoilt(admin: Admin, reader: Redis, keys: Keys):
    reader.set(keys.score(keys.digest(CALLER)), "high")
    with pytest.raises(StoreError, match="no number"):
        admin.score_show(CALLER)


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
        admin.score_show(CALLER)


def test_tls_takes_the_authority_that_is_configured(folder: Path, keys: Keys):
    with pytest.raises(StoreError), Admin(Address("127.0.0.1", 1, tls=True, ca=str(folder / "ca.pem")), keys) as admin:
        admin.score_show(CALLER)
