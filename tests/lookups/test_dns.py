"""RFC 3263 against a real name server on loopback; the zone stands above each case."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from tests.support.name_server import NameServer, name_server

from ringfence.forwarding.gateways import Target
from ringfence.lookups import Resolver, dns
from ringfence.sip.address import Transport

Zone = dict[tuple[str, str], tuple[int, list[str]]]
ADDRESSES: Zone = {
    ("one.test", "A"): (60, ["192.0.2.1"]),
    ("two.test", "A"): (60, ["192.0.2.2"]),
    ("three.test", "A"): (60, ["192.0.2.3"]),
    ("both.test", "A"): (60, ["192.0.2.8"]),
    ("both.test", "AAAA"): (60, ["2001:db8::1"]),
    ("six.test", "AAAA"): (60, ["2001:db8::6"]),
    ("alias.test", "CNAME"): (60, ["one.test."]),
}
SRV: Zone = {
    ("_sip._udp.srv.test", "SRV"): (60, ["1 0 5070 one.test."]),
    ("_sip._tcp.srv.test", "SRV"): (60, ["1 0 5080 two.test."]),
    ("_sips._tcp.srv.test", "SRV"): (60, ["1 0 5081 three.test."]),
    ("_sip._tcp.tcponly.test", "SRV"): (60, ["1 0 5080 two.test."]),
    ("_sip._udp.gone.test", "SRV"): (60, ["0 0 0 ."]),
    ("_sip._tcp.gone.test", "SRV"): (60, ["0 0 0 ."]),
    ("gone.test", "A"): (60, ["192.0.2.66"]),
    ("_sip._udp.lost.test", "SRV"): (60, ["1 0 5060 nowhere.test."]),
    ("lost.test", "A"): (60, ["192.0.2.66"]),
    ("_sip._udp.half.test", "SRV"): (60, ["1 0 5060 nowhere.test.", "2 0 5062 two.test."]),
}
NAPTR: Zone = {
    ("naptr.test", "NAPTR"): (
        60,
        [
            '20 10 "s" "SIP+D2U" "" _sip._udp.srv.test.',
            '10 20 "s" "SIP+D2T" "" _sip._tcp.srv.test.',
            '10 10 "s" "SIPS+D2T" "" _sips._tcp.srv.test.',
            '1 1 "s" "SIP+D2S" "" _sip._sctp.srv.test.',
            '1 1 "u" "E2U+sip" "!^.*$!sip:x@y.test!" .',
        ],
    ),
    ("udponly.test", "NAPTR"): (60, ['10 10 "S" "sip+d2u" "" _sip._udp.srv.test.']),
    ("latin.test", "NAPTR"): (60, ['10 10 "s" "SIP\\255D2U" "" _sip._udp.srv.test.']),
    ("latin.test", "A"): (60, ["192.0.2.9"]),
    ("deadfirst.test", "NAPTR"): (
        60,
        ['10 10 "s" "SIP+D2T" "" _sip._tcp.nowhere.test.', '20 10 "s" "SIP+D2U" "" _sip._udp.srv.test.'],
    ),
}
ZONE = ADDRESSES | SRV | NAPTR


@asynccontextmanager
async def resolving(
    zone: Zone = ZONE, dice: Callable[[], float] = lambda: 0.5
) -> AsyncIterator[tuple[Resolver, NameServer]]:
    async with name_server(zone) as server:
        yield Resolver(dice, ["127.0.0.1"], server.port, hosts=Path("/nonexistent")), server


U, T, S = "udp", "tcp", "tls"


@pytest.mark.parametrize(
    ("host", "port", "transport", "targets", "kinds"),
    [
        # §4.1, §4.2: a numeric host needs nobody.
        ("192.0.2.7", None, None, [(U, "192.0.2.7", 5060)], []),
        ("192.0.2.7", None, T, [(T, "192.0.2.7", 5060)], []),
        ("192.0.2.7", None, S, [(S, "192.0.2.7", 5061)], []),
        ("2001:db8::7", 5099, None, [(U, "2001:db8::7", 5099)], []),
        # A port: addresses only, UDP unless the URI says otherwise, TLS for sips.
        ("one.test", 5099, None, [(U, "192.0.2.1", 5099)], ["A", "AAAA"]),
        ("one.test", 5099, T, [(T, "192.0.2.1", 5099)], ["A", "AAAA"]),
        ("one.test", 5099, S, [(S, "192.0.2.1", 5099)], ["A", "AAAA"]),
        ("ONE.test", 5099, None, [(U, "192.0.2.1", 5099)], ["A", "AAAA"]),
        # A transport: SRV for it, no NAPTR.
        ("srv.test", None, U, [(U, "192.0.2.1", 5070)], ["SRV", "A", "AAAA"]),
        ("srv.test", None, T, [(T, "192.0.2.2", 5080)], ["SRV", "A", "AAAA"]),
        ("one.test", None, T, [(T, "192.0.2.1", 5060)], ["SRV", "A", "AAAA"]),
        # Neither: NAPTR by order and preference, of services that we speak.
        ("naptr.test", None, None, [(S, "192.0.2.3", 5081)], ["NAPTR", "SRV", "A", "AAAA"]),
        ("udponly.test", None, None, [(U, "192.0.2.1", 5070)], ["NAPTR", "SRV", "A", "AAAA"]),
        ("deadfirst.test", None, None, [(U, "192.0.2.1", 5070)], ["NAPTR", "SRV", "SRV", "A", "AAAA"]),
        # Bytes that are no text name no service of ours.
        ("latin.test", None, None, [(U, "192.0.2.9", 5060)], ["NAPTR", "SRV", "SRV", "A", "AAAA"]),
        # No NAPTR: SRV for what may be meant.
        ("srv.test", None, None, [(U, "192.0.2.1", 5070)], ["NAPTR", "SRV", "A", "AAAA"]),
        ("tcponly.test", None, None, [(T, "192.0.2.2", 5080)], ["NAPTR", "SRV", "SRV", "A", "AAAA"]),
        # No SRV either: addresses.
        ("both.test", None, None,
         [(U, "192.0.2.8", 5060), (U, "2001:db8::1", 5060)],
         ["NAPTR", "SRV", "SRV", "A", "AAAA"]),
        ("six.test", None, None, [(U, "2001:db8::6", 5060)], ["NAPTR", "SRV", "SRV", "A", "AAAA"]),
        ("alias.test", 5060, None, [(U, "192.0.2.1", 5060)], ["A", "AAAA"]),
        # sips, or transport=tls: TLS or nothing.
        ("naptr.test", None, S, [(S, "192.0.2.3", 5081)], ["NAPTR", "SRV", "A", "AAAA"]),
        ("srv.test", None, S, [(S, "192.0.2.3", 5081)], ["NAPTR", "SRV", "A", "AAAA"]),
        ("one.test", None, S, [(S, "192.0.2.1", 5061)], ["NAPTR", "SRV", "A", "AAAA"]),
        ("udponly.test", None, S, [], ["NAPTR", "A", "AAAA"]),
        # RFC 2782: "." says no; a server without an address is passed over; neither falls back to addresses.
        ("gone.test", None, None, [], ["NAPTR", "SRV", "A", "AAAA", "SRV"]),
        ("lost.test", None, None, [], ["NAPTR", "SRV", "A", "AAAA", "SRV"]),
        ("half.test", None, None, [(U, "192.0.2.2", 5062)], ["NAPTR", "SRV", "A", "AAAA", "A", "AAAA"]),
        # Nothing there at all.
        ("nowhere.test", None, None, [], ["NAPTR", "SRV", "SRV", "A", "AAAA"]),
        ("nowhere.test", 5060, None, [], ["A", "AAAA"]),
    ],
)  # fmt: skip
async def test_where_a_uri_leads(
    host: str,
    port: int | None,
    transport: Transport | None,
    targets: list[tuple[Transport, str, int]],
    kinds: list[str],
):
    async with resolving() as (resolver, server):
        assert await resolver.resolve(host, port, transport) == [Target(*target) for target in targets]
        assert server.types() == kinds


def servers(*records: tuple[int, int]) -> Zone:
    """SRV records of (priority, weight), each with an address of its own: 192.0.2.1 and up."""
    zone: Zone = {("_sip._udp.w.test", "SRV"): (60, [])}
    for index, (priority, weight) in enumerate(records, 1):
        zone["_sip._udp.w.test", "SRV"][1].append(f"{priority} {weight} 5060 h{index}.test.")
        zone[f"h{index}.test", "A"] = (60, [f"192.0.2.{index}"])
    return zone


async def order(resolver: Resolver) -> list[int]:
    return [int(target.host.rpartition(".")[2]) for target in await resolver.resolve("w.test", None, "udp")]


@pytest.mark.parametrize("roll", [0.0, 0.3, 0.999])
async def test_lower_priorities_come_first_whatever_the_dice_say(roll: float):
    async with resolving(servers((20, 100), (10, 0), (30, 100)), lambda: roll) as (resolver, _):
        assert await order(resolver) == [2, 1, 3]


async def test_within_a_priority_weights_are_shares():
    rolls = [index / 1000 for index in range(1000)]
    firsts: list[int] = []
    dice = iter([])  # type: ignore[var-annotated]
    async with resolving(servers((1, 75), (1, 25), (1, 0)), lambda: next(dice)) as (resolver, server):
        for roll in rolls:
            dice = iter([roll, 0.0, 0.0])
            drawn = await order(resolver)
            assert sorted(drawn) == [1, 2, 3]
            assert drawn[0] != 3
            firsts.append(drawn[0])
        assert (firsts.count(1), firsts.count(2)) in ((750, 250), (250, 750)) or abs(firsts.count(1) - 750) <= 1
        assert server.types() == ["SRV", *["A", "AAAA"] * 3]


async def test_weights_of_nought_are_even():
    firsts: list[int] = []
    dice = iter([])  # type: ignore[var-annotated]
    async with resolving(servers((1, 0), (1, 0)), lambda: next(dice)) as (resolver, _):
        for roll in (0.1, 0.4, 0.6, 0.9):
            dice = iter([roll, 0.0])
            firsts.append((await order(resolver))[0])
    assert sorted(firsts) == [1, 1, 2, 2]


class Clock:
    """The loop's time, moved by hand."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.ahead = 0.0
        loop = asyncio.get_running_loop()
        real = loop.time
        monkeypatch.setattr(loop, "time", lambda: real() + self.ahead)


async def asked_again_after(monkeypatch: pytest.MonkeyPatch, zone: Zone, seconds: float, negative: int = 60) -> bool:
    """Whether the server sees a second A question for h.test that much later."""
    clock = Clock(monkeypatch)
    async with resolving(zone) as (resolver, server):
        server.negative = negative
        first = await resolver.resolve("h.test", 5060, None)
        clock.ahead = seconds
        assert await resolver.resolve("h.test", 5060, None) == first
        return server.types().count("A") == 2


def host(ttl: int) -> Zone:
    return {("h.test", "A"): (ttl, ["192.0.2.1"]), ("h.test", "AAAA"): (ttl, ["2001:db8::1"])}


@pytest.mark.parametrize(
    ("ttl", "seconds", "again"),
    [
        (60, 55, False),
        (60, 61, True),
        (0, 3, False),
        (0, 6, True),
        (1_000_000, 86_000, False),
        (1_000_000, 86_401, True),
    ],
)
async def test_answers_are_believed_for_their_ttl_within_bounds(
    monkeypatch: pytest.MonkeyPatch, ttl: int, seconds: float, again: bool
):
    assert await asked_again_after(monkeypatch, host(ttl), seconds) is again


async def test_an_alias_that_ends_sooner_ends_the_answer(monkeypatch: pytest.MonkeyPatch):
    zone: Zone = {("h.test", "CNAME"): (10, ["x.test."]), ("x.test", "A"): (3600, ["192.0.2.1"])}
    assert await asked_again_after(monkeypatch, zone, 15)


@pytest.mark.parametrize(
    ("negative", "seconds", "again"),
    [(20, 15, False), (20, 21, True), (3600, 29, False), (3600, 31, True), (0, 4, False)],
)
@pytest.mark.parametrize("zone", [{}, {("h.test", "TXT"): (60, ["x"])}], ids=["no such name", "no such record"])
async def test_that_nothing_is_there_is_believed_too_but_not_long(
    monkeypatch: pytest.MonkeyPatch, zone: Zone, negative: int, seconds: float, again: bool
):
    assert await asked_again_after(monkeypatch, zone, seconds, negative) is again


async def test_the_cache_has_a_bound_and_the_oldest_goes(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(dns, "MAX_ENTRIES", 4)
    async with resolving() as (resolver, server):
        for name in ("one.test", "two.test", "three.test"):
            await resolver.resolve(name, 5060, None)
        assert resolver.stats()["cached"] == 4
        server.asked.clear()
        await resolver.resolve("three.test", 5060, None)
        assert server.asked == []
        await resolver.resolve("one.test", 5060, None)
        assert server.types() == ["A", "AAAA"]


async def test_a_zone_of_very_many_servers_is_not_followed_to_its_end():
    records = [f"1 1 5060 server{number}.test." for number in range(200)]
    async with resolving({("_sip._udp.many.test", "SRV"): (60, records)}) as (resolver, server):
        assert await resolver.resolve("many.test", None, "udp") == []
    assert server.types().count("A") == dns.MAX_SERVERS


async def test_who_asks_the_same_at_once_shares_one_question():
    async with resolving() as (resolver, server):
        found = await asyncio.gather(*[resolver.resolve("one.test", 5060, None) for _ in range(50)])
        assert found == [[Target("udp", "192.0.2.1", 5060)]] * 50
        assert server.types() == ["A", "AAAA"]
        assert resolver.stats() == {"queries": 2, "failures": 0, "cached": 2}


async def test_one_asker_that_gives_up_does_not_take_the_answer_from_the_others():
    async with resolving() as (resolver, _):
        first = asyncio.create_task(resolver.resolve("one.test", 5060, None))
        second = asyncio.create_task(resolver.resolve("one.test", 5060, None))
        await asyncio.sleep(0)
        first.cancel()
        assert await second == [Target("udp", "192.0.2.1", 5060)]


async def test_a_cut_answer_is_asked_for_again_by_tcp():
    many = {("many.test", "A"): (60, [f"192.0.2.{index}" for index in range(1, 200)])}
    async with resolving(many) as (resolver, server):
        server.truncate = True
        assert len(await resolver.resolve("many.test", 5060, None)) == 199
        assert {way for _, kind, way in server.asked if kind == "A"} == {"udp", "tcp"}


@pytest.mark.parametrize("fault", ["silent", "refusing"])
async def test_a_name_server_that_fails_costs_its_time_and_is_left_alone(monkeypatch: pytest.MonkeyPatch, fault: str):
    monkeypatch.setattr(dns, "QUERY_TIMEOUT", 0.1)
    monkeypatch.setattr(dns, "TOTAL_TIMEOUT", 0.3)
    async with resolving() as (resolver, server):
        setattr(server, fault, True)
        async with asyncio.timeout(5):
            assert await resolver.resolve("one.test", 5060, None) == []
        assert resolver.failures == 2
        asked = len(server.asked)
        assert await resolver.resolve("one.test", 5060, None) == []
        assert len(server.asked) == asked


async def test_old_addresses_are_better_than_none(monkeypatch: pytest.MonkeyPatch):
    """RFC 8767."""
    monkeypatch.setattr(dns, "TOTAL_TIMEOUT", 0.3)
    clock = Clock(monkeypatch)
    async with resolving() as (resolver, server):
        fresh = await resolver.resolve("both.test", 5060, None)
        clock.ahead = 100
        server.refusing = True
        assert await resolver.resolve("both.test", 5060, None) == fresh
        assert resolver.failures == 2
        server.refusing = False
        server.zone = {("both.test", "A"): (60, ["192.0.2.77"])}
        clock.ahead = 110
        assert await resolver.resolve("both.test", 5060, None) == [Target("udp", "192.0.2.77", 5060)]


@pytest.mark.parametrize("name", ["a" * 64 + ".test", "a..test", "", "x." * 200, "bad name.test"])
async def test_a_name_that_is_none_leads_nowhere(name: str):
    async with resolving() as (resolver, _):
        assert await resolver.resolve(name, 5060, None) == []
        assert await resolver.resolve(name, None, None) == []


async def test_this_machine_s_own_names_need_no_name_server(folder: Path):
    hosts = folder / "hosts"
    hosts.write_text(
        "# x\n\n::1 localhost ip6\n127.0.0.1\tLocalhost  # here\nnonsense localhost\n10.0.0.9 switch switch.lan\n"
    )
    async with name_server({}) as server:
        resolver = Resolver(lambda: 0.5, ["127.0.0.1"], server.port, hosts=hosts)
        assert await resolver.resolve("localhost", 5060, None) == [
            Target("udp", "127.0.0.1", 5060),
            Target("udp", "::1", 5060),
        ]
        assert await resolver.resolve("Switch.LAN.", 5062, "tcp") == [Target("tcp", "10.0.0.9", 5062)]
        assert server.asked == []
        hosts.write_text("10.0.0.10 switch\n")
        assert await resolver.resolve("switch", 5060, None) == [Target("udp", "10.0.0.10", 5060)]
        hosts.unlink()
        assert await resolver.resolve("switch", 5060, None) == []
        assert server.types() == ["A", "AAAA"]


async def test_without_name_servers_of_its_own_it_takes_the_system_s(monkeypatch: pytest.MonkeyPatch):
    asked: list[bool] = []

    class System:
        def __init__(self, configure: bool) -> None:
            asked.append(configure)

        async def resolve(self, *_: object, **__: object) -> None:
            raise OSError("no network")

    monkeypatch.setattr("dns.asyncresolver.Resolver", System)
    assert await Resolver(lambda: 0.5, hosts=Path("/nonexistent")).resolve("one.test", 5060, None) == []
    assert asked == [True]
