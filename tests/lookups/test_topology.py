"""Where a store's servers are, as Clusters and Sentinels say it; and URLs that name them."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.support.scripted_store import Command, scripted_store

from ringfence.lookups import Address, ClusterPlace, SentinelPlace, StoreError, place_of
from ringfence.lookups.resp import NO_DATABASE
from ringfence.lookups.topology import ask, master_of, server_for, slots_of

HERE = (
    b"*2\r\n"
    b"*3\r\n:0\r\n:99\r\n*4\r\n$9\r\n127.0.0.1\r\n:7000\r\n$1\r\na\r\n*0\r\n"
    b"*4\r\n:100\r\n:16383\r\n*4\r\n$-1\r\n:7001\r\n$1\r\nb\r\n*0\r\n*4\r\n$9\r\n127.0.0.1\r\n:7002\r\n$1\r\nc\r\n*0\r\n"
)


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("redis://h:1/2", Address("h", 1, database=2, username="u", password="p")),
        (
            "redis+cluster://a:1,b,[::1]:2",
            ClusterPlace(
                tuple(
                    Address(host, port, username="u", password="p")
                    for host, port in (("a", 1), ("b", 6379), ("::1", 2))
                )
            ),
        ),
        (
            "rediss+sentinel://a,b:2/my%20master/3",
            SentinelPlace(
                tuple(
                    Address(host, port, tls=True, username="w", password="s", database=NO_DATABASE)
                    for host, port in (("a", 26379), ("b", 2))
                ),
                "my master",
                Address(tls=True, username="u", password="p", database=3),
            ),
        ),
        ("redis+sentinel://a/m", SentinelPlace(
            (Address("a", 26379, username="w", password="s", database=NO_DATABASE),), "m",
            Address(username="u", password="p"),
        )),
    ],
)  # fmt: skip
def test_urls(url: str, place: object):
    assert place_of(url, "u", "p", None, ("w", "s")) == place


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("redis+cluster://a:x", "port of a:x"),
        ("redis+cluster://a,,b", "names no host"),
        ("redis+sentinel://a", "the master's name"),
        ("redis+sentinel://a/m/x", "the master's name"),
        ("redis://a:x", "no number"),
    ],
)
def test_urls_that_say_nothing(url: str, why: str):
    with pytest.raises(StoreError, match=why):
        place_of(url, None, None, None, (None, None))


def test_an_address_is_printed_without_its_password():
    assert str(Address("::1", 7, password="hunter2")) == "[::1]:7"
    assert str(Address("h", 7, password="hunter2")) == "h:7"
    assert str(Address(path="/s", password="hunter2")) == "/s"


async def test_a_map_names_masters_and_an_empty_host_is_the_one_asked(folder: Path):
    async with scripted_store(folder / "s", lambda _: HERE):
        seed = Address(path=str(folder / "s"), username=None)
        place = ClusterPlace((Address(path="/nowhere"), seed))
        first, second = Address("127.0.0.1", 7000, seed.path), Address("", 7001, seed.path)
        assert await slots_of(place, [], 1) == [(0, 99, first), (100, 16383, second)]
        assert await server_for(place, 99, 1) == first
        assert await server_for(seed, 99, 1) == seed


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (b"-ERR This instance has cluster support disabled\r\n", "not a cluster"),
        (b"*0\r\n", "no slot of the cluster has a server"),
        (b"*1\r\n*3\r\n:0\r\n:9\r\n*2\r\n$1\r\n?\r\n:0\r\n", "no slot"),
        (b"", "does not answer"),
    ],
)
async def test_a_map_that_is_none(folder: Path, said: bytes, why: str):
    async with scripted_store(folder / "s", lambda _: said):
        with pytest.raises(StoreError, match=why):
            await slots_of(ClusterPlace((Address(path=str(folder / "s")),)), [], 0.3)


async def test_a_slot_without_a_server_is_said(folder: Path):
    async with scripted_store(folder / "s", lambda _: b"*1\r\n*3\r\n:0\r\n:9\r\n*2\r\n$1\r\nh\r\n:1\r\n"):
        with pytest.raises(StoreError, match="slot 10"):
            await server_for(ClusterPlace((Address(path=str(folder / "s")),)), 10, 1)


async def test_sentinels_are_asked_in_turn_and_without_a_database(folder: Path):
    def said(command: Command) -> bytes:
        assert command == [b"SENTINEL", b"GET-MASTER-ADDR-BY-NAME", b"m"]
        return b"*2\r\n$9\r\n127.0.0.1\r\n$4\r\n6380\r\n"

    async with scripted_store(folder / "s", said):
        sentinels = (
            Address(path="/nowhere", database=NO_DATABASE),
            Address(path=str(folder / "s"), database=NO_DATABASE),
        )
        server = Address(password="p", database=2)
        expected = Address("127.0.0.1", 6380, password="p", database=2)
        assert await master_of(SentinelPlace(sentinels, "m", server), 1) == expected
        assert await server_for(SentinelPlace(sentinels, "m", server), 5, 1) == expected


async def test_a_connection_that_closes_is_an_error(folder: Path):
    def close(_: Command) -> bytes:
        store.writers[0].close()
        return b""

    async with scripted_store(folder / "s", close) as store:
        with pytest.raises(StoreError, match="closed"):
            await ask(Address(path=str(folder / "s")), 1, b"*1\r\n$4\r\nPING\r\n")
