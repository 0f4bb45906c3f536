"""Batches of datagrams, each test with the pure-Python calls and with the compiled ones."""

import errno
import gc
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from tests.support.twins import both

from ringfence.sip.address import Listener
from ringfence.transport import datagrams
from ringfence.transport.far_ends import Address, Peer

Receive = Callable[[socket.socket, int], list[tuple[bytes, Address]]]
Send = Callable[..., int]


@pytest.fixture(params=both(datagrams.receive_batch))
def receive_batch(request: pytest.FixtureRequest) -> Receive:
    return request.param  # type: ignore[no-any-return]


@pytest.fixture(params=both(datagrams.send_batch))
def send_batch(request: pytest.FixtureRequest) -> Send:
    return request.param  # type: ignore[no-any-return]


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as two,
    ):
        for sock in (one, two):
            sock.bind(("127.0.0.1", 0))
            sock.setblocking(False)
        yield one, two


def peer_of(sock: socket.socket) -> Peer:
    return Peer(Listener(0, "udp", "127.0.0.1", 5060), sock.getsockname())


Pair = tuple[socket.socket, socket.socket]


def test_a_batch_goes_out_and_comes_in_whole_and_in_order(pair: Pair, receive_batch: Receive, send_batch: Send) -> None:
    one, two = pair
    sent = [(peer_of(two), b"message %d" % number) for number in range(7)]
    assert send_batch(one, sent) == 7
    first = receive_batch(two, 5)
    assert [data for data, _ in first + receive_batch(two, 5)] == [data for _, data in sent]
    assert len(first) == 5
    assert {address for _, address in first} == {one.getsockname()}
    assert receive_batch(two, 5) == []


def test_the_longest_datagram_is_not_cut(pair: Pair, receive_batch: Receive, send_batch: Send) -> None:
    one, two = pair
    longest = bytes(range(256)) * 256
    one.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 262_144)
    assert send_batch(one, [(peer_of(two), longest[:65_507]), (peer_of(two), b"")]) == 2
    assert [data for data, _ in receive_batch(two, 9)] == [longest[:65_507], b""]


def test_a_failure_is_told_after_what_was_sent_before_it(pair: Pair, receive_batch: Receive, send_batch: Send) -> None:
    one, two = pair
    too_long = (peer_of(two), bytes(65_508))
    batch = [(peer_of(two), b"a"), too_long, (peer_of(two), b"b")]
    assert send_batch(one, batch) == 1
    with pytest.raises(OSError) as failure:
        send_batch(one, batch, 1)
    assert failure.value.errno == errno.EMSGSIZE
    assert send_batch(one, batch, 2) == 3
    assert [data for data, _ in receive_batch(two, 9)] == [b"a", b"b"]


def test_more_than_one_system_call_takes_keeps_its_order(pair: Pair, receive_batch: Receive, send_batch: Send) -> None:
    one, two = pair
    two.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_000_000)
    sent = [(peer_of(two), b"%d" % number) for number in range(150)]
    assert send_batch(one, sent, 3) == 150
    assert [data for data, _ in receive_batch(two, 1000)] == [data for _, data in sent[3:]]


def test_nothing_to_do(pair: Pair, receive_batch: Receive, send_batch: Send) -> None:
    one, two = pair
    assert receive_batch(two, 9) == []
    assert send_batch(one, []) == 0
    assert send_batch(one, [(peer_of(two), b"x")], 1) == 1
    assert send_batch(one, [(peer_of(two), b"x")]) == 1
    assert receive_batch(two, 0) == []
    assert len(receive_batch(two, 1)) == 1


@pytest.mark.parametrize(("family", "host"), [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")])
def test_the_address_is_the_socket_modules_own(
    family: socket.AddressFamily, host: str, receive_batch: Receive, send_batch: Send
) -> None:
    with socket.socket(family, socket.SOCK_DGRAM) as one, socket.socket(family, socket.SOCK_DGRAM) as two:
        for sock in (one, two):
            sock.bind((host, 0))
        assert send_batch(one, [(peer_of(two), b"a"), (peer_of(two), b"b"), (peer_of(two), b"c")]) == 3
        two.setblocking(False)
        ours = receive_batch(two, 2)
        _, theirs = two.recvfrom(9)
        assert [address for _, address in ours] == [theirs, theirs] == [one.getsockname()] * 2
        assert [type(part) for part in ours[0][1]] == [type(part) for part in theirs]


def test_many_senders_are_told_apart(receive_batch: Receive, send_batch: Send) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as two:
        two.bind(("127.0.0.1", 0))
        two.setblocking(False)
        for number in range(1, 250):
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
                one.bind((f"127.0.0.{number}", 0))
                assert send_batch(one, [(peer_of(two), b"x")]) == 1
                assert receive_batch(two, 9) == [(b"x", one.getsockname())]
                assert send_batch(two, [(peer_of(one), b"y")]) == 1
                assert one.recv(9) == b"y"


class Unpacked:
    """A far end whose address is whatever the test says."""

    def __init__(self, address: Any) -> None:
        self.address = address


def test_what_only_the_socket_module_can_read_is_sent_by_it(
    pair: Pair, receive_batch: Receive, send_batch: Send
) -> None:
    one, two = pair
    port = two.getsockname()[1]
    batch = [
        (peer_of(two), b"1"),
        (Unpacked(("localhost", port)), b"2"),
        (peer_of(two), bytearray(b"3")),
        (peer_of(two), b"4"),
    ]
    assert send_batch(one, batch) == 4
    assert [data for data, _ in receive_batch(two, 9)] == [b"1", b"2", b"3", b"4"]


@pytest.mark.parametrize(
    ("item", "error"),
    [
        ((Unpacked(("127.0.0.1", 70_000)), b"x"), OverflowError),
        ((Unpacked(("127.0.0.1", -1)), b"x"), OverflowError),
        ((Unpacked(("127.0.0.1", "5060")), b"x"), TypeError),
        ((Unpacked(("127.0.0.1",)), b"x"), TypeError),
        ((Unpacked(["127.0.0.1", 5060]), b"x"), TypeError),
        ((Unpacked(None), b"x"), TypeError),
        ((Unpacked((None, 5060)), b"x"), TypeError),
        ((Unpacked(("no such host\0", 5060)), b"x"), (TypeError, ValueError)),
        ((Unpacked(("127.0.0.1", 5060)), "text"), TypeError),
        ((object(), b"x"), AttributeError),
        ((object(),), (TypeError, ValueError)),
        (None, TypeError),
    ],
)
def test_a_callers_bug_is_told_whatever_was_sent_before_it(
    item: Any, error: type[Exception], pair: Pair, receive_batch: Receive, send_batch: Send
) -> None:
    one, two = pair
    with pytest.raises(error):
        send_batch(one, [(peer_of(two), b"a"), item, (peer_of(two), b"b")])
    assert [data for data, _ in receive_batch(two, 9)] == [b"a"]


def test_an_address_of_another_family_is_refused(pair: Pair, send_batch: Send) -> None:
    one, _ = pair
    with pytest.raises((OSError, TypeError)):
        send_batch(one, [(Unpacked(("::1", 5060, 0, 0)), b"x")])


def test_a_closed_socket_is_a_network_error(receive_batch: Receive, send_batch: Send) -> None:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    peer = Peer(Listener(0, "udp", "127.0.0.1", 5060), ("127.0.0.1", 5060))
    sock.close()
    for call in (lambda: receive_batch(sock, 9), lambda: send_batch(sock, [(peer, b"x")])):
        with pytest.raises(OSError) as failure:
            call()
        assert failure.value.errno == errno.EBADF


def test_an_icmp_error_is_raised_only_when_it_comes_first(receive_batch: Receive, send_batch: Send) -> None:
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as two,
    ):
        one.bind(("127.0.0.1", 0))
        one.setblocking(False)
        one.setsockopt(socket.IPPROTO_IP, 11, 1)  # IP_RECVERR
        two.bind(("127.0.0.1", 0))
        nobody = peer_of(two)
        two.close()
        send_batch(one, [(nobody, b"x")])
        with pytest.raises(ConnectionRefusedError):
            receive_batch(one, 9)
        assert receive_batch(one, 9) == []


class Scripted:
    """A socket whose recvfrom does what the script says."""

    def __init__(self, *script: tuple[bytes, tuple[str, int]] | OSError) -> None:
        self._script = list(script)

    def recvfrom(self, size: int) -> tuple[bytes, tuple[str, int]]:
        step = self._script.pop(0)
        if isinstance(step, OSError):
            raise step
        return step


def test_an_error_after_some_datagrams_waits_for_the_next_call() -> None:
    """Of the pure twin: recvmmsg(2) promises the same, and no real socket can be made to show it at will."""
    datagram = (b"x", ("127.0.0.1", 1))
    sock = Scripted(datagram, ConnectionRefusedError(), ConnectionRefusedError())
    assert datagrams.receive_batch(sock, 9) == [datagram]  # type: ignore[arg-type]
    with pytest.raises(ConnectionRefusedError):
        datagrams.receive_batch(sock, 9)  # type: ignore[arg-type]


def test_a_far_end_that_takes_the_batch_away_while_it_is_read(pair: Pair, send_batch: Send) -> None:
    one, two = pair
    batch: list[Any] = []

    class Thief:
        @property
        def address(self) -> Address:
            batch.clear()
            gc.collect()
            send_batch(one, [(peer_of(two), b"within")])
            return two.getsockname()  # type: ignore[no-any-return]

    batch += [(peer_of(two), b"first"), (Thief(), b"stolen"), (peer_of(two), b"gone")]
    assert send_batch(one, batch) == 2
    assert sorted(two.recv(99) for _ in range(3)) == [b"first", b"stolen", b"within"]
    two.setblocking(False)
    with pytest.raises(BlockingIOError):
        two.recv(99)


def test_threads_do_not_read_into_each_others_buffers(receive_batch: Receive, send_batch: Send) -> None:
    faults: list[str] = []

    def talk(mark: bytes) -> None:
        with (
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one,
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as two,
        ):
            for sock in (one, two):
                sock.bind(("127.0.0.1", 0))
                sock.setblocking(False)
            for round_ in range(300):
                batch = [(peer_of(two), mark * (10 + number)) for number in range(round_ % 5 + 1)]
                send_batch(one, batch)
                if [data for data, _ in receive_batch(two, 99)] != [data for _, data in batch]:
                    faults.append(mark.decode())

    threads = [threading.Thread(target=talk, args=(b"%c" % (65 + number),)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not faults


def test_an_ipv6_peer_shows_no_scope() -> None:
    peer = Peer(Listener(0, "udp", "::1", 5060), ("fe80::1", 5060, 0, 3))
    assert (peer.host, peer.port, peer.address) == ("fe80::1", 5060, ("fe80::1", 5060, 0, 3))
