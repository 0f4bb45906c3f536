"""Datagrams handed on to workers, each test with the pure-Python calls and with the compiled ones."""

from __future__ import annotations

import errno
import os
import socket
import struct
from collections.abc import Callable, Iterator
from random import Random
from typing import Any

import pytest
from tests.fuzz.differential import Mutator
from tests.support.messages import request
from tests.support.twins import both

from ringfence.sip.shares import share_of, share_of_message
from ringfence.transport import relay
from ringfence.transport.far_ends import Address
from ringfence.transport.relay import LONGEST_PACK, Relayed

Relay = Callable[[socket.socket, list[int], int, int], Relayed]
Receive = Callable[[socket.socket, int], list[tuple[bytes, Address]]]
LONGEST = 65_535


@pytest.fixture(params=both(relay.relay_batch))
def relay_batch(request: pytest.FixtureRequest) -> Relay:
    return request.param  # type: ignore[no-any-return]


@pytest.fixture(params=both(relay.receive_relayed))
def receive_relayed(request: pytest.FixtureRequest) -> Receive:
    return request.param  # type: ignore[no-any-return]


class Links:
    """A UDP socket with what leads from it to some workers."""

    def __init__(self, family: socket.AddressFamily, host: str, workers: int) -> None:
        self.door = socket.socket(family, socket.SOCK_DGRAM)
        self.door.bind((host, 0))
        self.door.setblocking(False)
        self.door.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_000_000)
        self.caller = socket.socket(family, socket.SOCK_DGRAM)
        self.caller.bind((host, 0))
        self.outlets: list[socket.socket] = []
        self.inlets: list[socket.socket] = []
        for _ in range(workers):
            outlet, inlet = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            outlet.setblocking(False)
            inlet.setblocking(False)
            self.outlets.append(outlet)
            self.inlets.append(inlet)
        self.numbers = [outlet.fileno() for outlet in self.outlets]

    def say(self, *messages: bytes) -> None:
        for message in messages:
            self.caller.sendto(message, self.door.getsockname())

    def close(self) -> None:
        for sock in (self.door, self.caller, *self.outlets, *self.inlets):
            sock.close()


@pytest.fixture
def links() -> Iterator[Links]:
    made = Links(socket.AF_INET, "127.0.0.1", 3)
    yield made
    made.close()


def message(number: int, size: int = 0) -> bytes:
    return request(Call_ID=b"%d@example" % number, body=bytes(size))


def test_each_message_comes_to_the_worker_of_its_call_in_order(
    links: Links, relay_batch: Relay, receive_relayed: Receive
) -> None:
    sent = [message(number // 2) for number in range(150)]
    links.say(*sent)
    received, keepalives, oversized, shares, kept = relay_batch(links.door, links.numbers, LONGEST, 1000)
    assert (received, keepalives, oversized, kept) == (150, 0, 0, [])
    for worker, inlet in enumerate(links.inlets):
        mine = [data for data in sent if share_of_message(data, 3) == worker]
        got = receive_relayed(inlet, 1000)
        assert got == [(data, links.caller.getsockname()) for data in mine]
        assert shares[worker] == len(mine) > 0
        assert receive_relayed(inlet, 1000) == []


def test_the_limit_holds_and_the_rest_waits(links: Links, relay_batch: Relay, receive_relayed: Receive) -> None:
    links.say(*[message(1)] * 100)
    assert relay_batch(links.door, links.numbers, LONGEST, 70)[0] == 70
    assert relay_batch(links.door, links.numbers, LONGEST, 70)[0] == 30
    assert relay_batch(links.door, links.numbers, LONGEST, 70)[0] == 0
    inlet = links.inlets[share_of(b"1@example", 3)]
    first = receive_relayed(inlet, 1)
    assert 0 < len(first) <= 4 * 64
    assert len(first) + len(receive_relayed(inlet, 1000)) == 100


def test_what_is_no_message_is_counted_and_goes_nowhere(links: Links, relay_batch: Relay) -> None:
    links.say(b"", b"\r\n\r\n", b"\0", message(1), message(1, 3_000))
    received, keepalives, oversized, shares, kept = relay_batch(links.door, links.numbers, 2_000, 9)
    assert (received, keepalives, oversized, sum(shares)) == (5, 3, 1, 1)
    assert kept == []


@pytest.mark.parametrize(
    ("family", "host", "size"), [(socket.AF_INET, "127.0.0.1", 65_507), (socket.AF_INET6, "::1", 65_527)]
)
def test_the_longest_datagram_fits_into_a_pack_alone(
    family: socket.AddressFamily, host: str, size: int, relay_batch: Relay, receive_relayed: Receive
) -> None:
    links = Links(family, host, 1)
    try:
        links.caller.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 400_000)
        longest = message(1, size - len(message(1, 10_000)) + 10_000)
        sent = [message(2), longest, message(3), longest]
        links.say(*sent)
        assert len(longest) == size and size + 32 <= LONGEST_PACK
        assert relay_batch(links.door, links.numbers, LONGEST, 9)[3] == [4]
        assert receive_relayed(links.inlets[0], 9) == [(data, links.caller.getsockname()) for data in sent]
    finally:
        links.close()


def test_what_an_outlet_does_not_take_is_kept_whole_and_in_order(
    links: Links, relay_batch: Relay, receive_relayed: Receive
) -> None:
    worker = share_of(b"1@example", 3)
    for outlet in links.outlets:
        outlet.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4_608)
    sent = [message(1, number) for number in range(200)]
    kept: list[tuple[int, int, bytes]] = []
    for start in range(0, 200, 50):
        links.say(*sent[start : start + 50])
        outlets = list(links.numbers)
        outlets[worker] = -1 if kept else outlets[worker]
        kept += relay_batch(links.door, outlets, LONGEST, 50)[4]
    got = receive_relayed(links.inlets[worker], 1000)
    assert {each for each, _, _ in kept} == {worker}
    for _, count, pack in kept:
        links.outlets[worker].setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 400_000)
        os.write(links.numbers[worker], pack)
        more = receive_relayed(links.inlets[worker], 1000)
        assert len(more) == count
        got += more
    assert [data for data, _ in got] == sent


def test_an_outlet_without_a_reader_keeps_everything(links: Links, relay_batch: Relay) -> None:
    for inlet in links.inlets:
        inlet.close()
    links.say(message(1), message(2))
    result = relay_batch(links.door, links.numbers, LONGEST, 9)
    assert sum(count for _, count, _ in result[4]) == 2


def test_both_twins_hand_on_alike(links: Links) -> None:
    native = pytest.importorskip("ringfence._native", reason="ringfence._native is not built: no C compiler")
    mutate, dice = Mutator(11), Random(11)
    for _ in range(40):
        batch = [mutate()[:60_000] for _ in range(20)]
        workers = dice.choice((1, 2, 3))
        told = []
        for hand_on in (relay.relay_batch, native.relay_batch):
            links.say(*batch)
            result = hand_on(links.door, [-1] * workers, LONGEST, 100)
            told.append(result)
        assert told[0] == told[1]


def test_packs_that_are_none_end_where_they_stop_making_sense(links: Links, receive_relayed: Receive) -> None:
    head = struct.Struct("=IHHII16s")
    good = head.pack(2, 4, 5060, 0, 0, bytes([192, 0, 2, 1])) + b"ab"
    for pack in (b"x", good[:31], good + b"x", good + head.pack(3, 4, 1, 0, 0, b"") + b"ab"):
        links.outlets[0].send(pack)
        whole = pack.startswith(good)
        assert receive_relayed(links.inlets[0], 9) == ([(b"ab", ("192.0.2.1", 5060))] if whole else [])
    links.outlets[0].send(head.pack(1, 6, 5061, 0, 3, b"\xfe\x80" + bytes(13) + b"\1") + b"c")
    assert receive_relayed(links.inlets[0], 9) == [(b"c", ("fe80::1", 5061, 0, 3))]


def test_an_inlet_whose_other_side_is_gone_gives_nothing(links: Links, receive_relayed: Receive) -> None:
    links.outlets[0].close()
    assert receive_relayed(links.inlets[0], 9) == []


@pytest.mark.parametrize("arguments", [(), (None, [], 1, 1), (1, 2, 3), ("sock", [0], 1, 1)])
def test_what_is_no_socket_is_refused(arguments: tuple[Any, ...], relay_batch: Any) -> None:
    with pytest.raises((TypeError, ValueError, AttributeError)):
        relay_batch(*arguments)


def test_a_closed_socket_says_so(links: Links, relay_batch: Relay, receive_relayed: Receive) -> None:
    links.door.close()
    links.inlets[0].close()
    for ask in (lambda: relay_batch(links.door, links.numbers, 9, 9), lambda: receive_relayed(links.inlets[0], 9)):
        with pytest.raises(OSError) as failure:
            ask()
        assert failure.value.errno == errno.EBADF
