from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.forwarding.support import UDP

from ringfence.forwarding.gateways import Gateway, Group, Named, build_groups, named_of
from ringfence.forwarding.settings import GatewayGroupSettings
from ringfence.sip.address import Endpoint


def gateway(number: int, priority: int = 1, weight: int = 100) -> Gateway:
    made = Gateway("g", f"sip:10.0.0.{number}", Named(f"10.0.0.{number}", None, None), priority, weight)
    made.endpoints = [Endpoint(UDP, f"10.0.0.{number}", 5060)]
    return made


def group(*gateways: Gateway) -> Group:
    settings = GatewayGroupSettings.model_validate({"targets": [{"uri": "sip:10.0.0.1"}]})
    return Group("g", settings, list(gateways))


def dice(rolls: Iterable[float]) -> Callable[[], float]:
    left = iter(rolls)
    return lambda: next(left)


def order(of: Group, *rolls: float, now: float = 0.0) -> str:
    """The last digits of the addresses, in order; as many dice as are rolled must be given."""
    left = iter(rolls)
    names = "".join(found.name[-1] for found in of.order(now, lambda: next(left)))
    assert next(left, None) is None
    return names


def test_a_lone_gateway_needs_no_dice() -> None:
    lone = group(gateway(1))
    assert order(lone) == "1"
    lone.gateways[0].call_failed(0.0, 30.0)
    lone.gateways[0].probe_failed(1)
    assert order(lone) == "1"  # a late call is better than a refused one
    lone.gateways[0].endpoints = []
    assert order(lone) == ""


def test_calls_that_go_to_one_place_share_its_hop() -> None:
    two = group(gateway(1), gateway(2))
    (first, second), (again, _) = two.hops(0.0, lambda: 0.0), two.hops(0.0, lambda: 0.0)
    assert first is again and (first.gateway, first.endpoint) == (two.gateways[0], two.gateways[0].endpoints[0])
    two.gateways[0].endpoints = [second.endpoint]
    (moved, _) = two.hops(0.0, lambda: 0.0)
    assert moved is not first and moved.endpoint is second.endpoint


def test_lower_priority_numbers_come_first() -> None:
    assert order(group(gateway(1, 30), gateway(2, 10), gateway(3, 20)), 0.0, 0.0, 0.0) == "231"


@pytest.mark.parametrize(
    ("rolls", "expected"),
    [
        ((0.0, 0.0, 0.0), "123"),
        ((0.09, 0.0, 0.0), "123"),
        ((0.11, 0.0, 0.0), "213"),  # 10 of 100, then 20, then 70
        ((0.29, 0.99, 0.0), "231"),
        ((0.31, 0.0, 0.0), "312"),
        ((0.31, 0.34, 0.0), "321"),  # 10 of the 30 that are left
        ((0.99999, 0.99999, 0.99999), "321"),
    ],
)
def test_weights_share_by_a_dice_sequence(rolls: tuple[float, ...], expected: str) -> None:
    assert order(group(gateway(1, weight=10), gateway(2, weight=20), gateway(3, weight=70)), *rolls) == expected


def test_weight_0_comes_behind_the_others() -> None:
    for roll in (0.0, 0.5, 0.999):
        assert order(group(gateway(1, weight=0), gateway(2, weight=1)), roll, 0.0) == "21"


def test_all_weights_0_share_equally() -> None:
    of = group(gateway(1, weight=0), gateway(2, weight=0), gateway(3, weight=0))
    assert [order(of, roll, 0.0, 0.0) for roll in (0.0, 0.4, 0.7)] == ["123", "213", "312"]


def test_shares_are_the_weights() -> None:
    of = group(gateway(1, weight=1), gateway(2, weight=3))
    first = Counter(order(of, number / 1000, 0.0)[0] for number in range(1000))
    assert first == {"1": 250, "2": 750}


def test_hold_down_and_dead_probes_put_a_gateway_last() -> None:
    one, two, three = gateway(1, 1), gateway(2, 2), gateway(3, 3)
    of = group(one, two, three)
    one.call_failed(100.0, 30.0)
    assert order(of, 0.0, 0.0, 0.0, now=129.9) == "231"
    assert order(of, 0.0, 0.0, 0.0, now=130.0) == "123"
    two.probe_failed(2)
    assert order(of, 0.0, 0.0, 0.0, now=200.0) == "123"
    two.probe_failed(2)
    assert order(of, 0.0, 0.0, 0.0, now=200.0) == "132"
    one.call_failed(200.0, 30.0)
    assert order(of, 0.0, 0.0, 0.0, now=200.0) == "312"  # the doubtful ones by priority, too
    two.probe_answered()
    assert order(of, 0.0, 0.0, 0.0, now=200.0) == "231"
    three.endpoints = []
    assert order(of, 0.0, 0.0, now=200.0) == "21"  # whose name leads nowhere is no last resort either


def test_a_later_failure_never_shortens_the_hold_down() -> None:
    one = gateway(1)
    one.call_failed(100.0, 30.0)
    one.call_failed(101.0, 5.0)
    assert not one.usable(129.0)
    one.call_failed(120.0, 30.0)
    assert (one.usable(149.0), one.usable(150.0)) == (False, True)


def test_failures_count_only_in_a_row() -> None:
    one = gateway(1)
    for _ in range(5):
        one.probe_failed(3)
        one.probe_failed(3)
        assert one.usable(0.0)
        one.probe_answered()
    for _ in range(3):
        one.probe_failed(3)
    assert not one.usable(0.0)
    one.probe_failed(3)
    one.probe_answered()
    assert one.usable(0.0)


def test_a_reload_keeps_what_was_learned() -> None:
    former, fresh = gateway(1), Gateway("g", "sip:10.0.0.1", Named("10.0.0.1", None, None), 9, 9)
    former.probe_failed(2)
    former.probe_failed(2)
    former.call_failed(10.0, 30.0)
    fresh.take_over(former)
    assert fresh.endpoints is former.endpoints
    assert (fresh.held_until, fresh.failed_probes, fresh.probed_dead) == (40.0, 2, True)
    assert (fresh.priority, fresh.weight) == (9, 9)


GATEWAYS = st.lists(
    st.tuples(st.integers(0, 2), st.integers(0, 3), st.booleans(), st.booleans(), st.booleans()), min_size=2, max_size=6
)


@settings(max_examples=100)
@given(GATEWAYS, st.lists(st.floats(0, 1, exclude_max=True), min_size=6, max_size=6))
def test_every_gateway_comes_once_usable_ones_first_by_priority(
    described: list[tuple[int, int, bool, bool, bool]], rolls: list[float]
) -> None:
    made = []
    for number, (priority, weight, held, dead, lost) in enumerate(described):
        one = gateway(number, priority, weight)
        if held:
            one.call_failed(0.0, 10.0)
        one.probed_dead = dead
        if lost:
            one.endpoints = []
        made.append(one)
    ordered = group(*made).order(5.0, dice(rolls))
    assert sorted(one.name for one in ordered) == sorted(one.name for one in made if one.endpoints)
    ranks = [(not one.usable(5.0), one.priority) for one in ordered]
    assert ranks == sorted(ranks)


@pytest.mark.parametrize(
    ("uri", "named"),
    [
        ("sip:10.0.0.1", Named("10.0.0.1", None, None)),
        ("sip:10.0.0.1:5070;transport=udp", Named("10.0.0.1", 5070, "udp")),
        ("sip:SBC.example.net;transport=TCP", Named("sbc.example.net", None, "tcp")),
        ("sip:[2001:DB8::1]:5060;transport=tls;lr", Named("2001:db8::1", 5060, "tls")),
        ("sips:sbc.example.net", Named("sbc.example.net", None, "tls")),
        ("sips:sbc.example.net;transport=tcp", Named("sbc.example.net", None, "tls")),  # §26.2.2: TLS over TCP
        ("SIPS:sbc.example.net:5099;transport=tls", Named("sbc.example.net", 5099, "tls")),
    ],
)
def test_uris_of_gateways(uri: str, named: Named) -> None:
    assert named_of(uri) == named


@pytest.mark.parametrize(
    "uri",
    [
        "",
        "10.0.0.1",
        "tel:+8613800138000",
        "http://sbc.example.net",
        "sip:",
        "sip:10.0.0.1:0",
        "sip:10.0.0.1:65536",
        "sip:10.0.0.1;transport=sctp",
        "sips:10.0.0.1;transport=udp",
        "sip:b\udcffd",
    ],
)
def test_what_no_gateway_can_be(uri: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        named_of(uri)


def test_groups_are_built_from_settings() -> None:
    settings = GatewayGroupSettings.model_validate(
        {
            "targets": [
                {"uri": "sip:10.0.0.1", "priority": 2},
                {"uri": "sip:sbc.example.net;transport=tcp", "weight": 7},
            ]
        }
    )
    groups = build_groups({"softswitch": settings})
    assert list(groups) == ["softswitch"]
    built = groups["softswitch"]
    assert (built.name, built.settings) == ("softswitch", settings)
    assert [(one.name, one.group, one.priority, one.weight, one.endpoints) for one in built.gateways] == [
        ("softswitch/sip:sbc.example.net;transport=tcp", "softswitch", 1, 7, []),
        ("softswitch/sip:10.0.0.1", "softswitch", 2, 100, []),
    ]
    assert built.gateways[0].named == Named("sbc.example.net", None, "tcp")
