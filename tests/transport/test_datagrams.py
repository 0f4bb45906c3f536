import errno
import socket
from collections.abc import Iterator

import pytest

from ringfence.sip.address import Listener
from ringfence.transport.datagrams import Peer, receive_batch, send_batch


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


def test_a_batch_goes_out_and_comes_in_whole_and_in_order(pair: tuple[socket.socket, socket.socket]) -> None:
    one, two = pair
    sent = [(peer_of(two), b"message %d" % number) for number in range(7)]
    assert send_batch(one, sent) == 7
    first = receive_batch(two, 5)
    assert [data for data, _ in first + receive_batch(two, 5)] == [data for _, data in sent]
    assert len(first) == 5
    assert {address for _, address in first} == {one.getsockname()}
    assert receive_batch(two, 5) == []


def test_the_longest_datagram_is_not_cut(pair: tuple[socket.socket, socket.socket]) -> None:
    one, two = pair
    longest = bytes(range(256)) * 256
    one.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 262_144)
    assert send_batch(one, [(peer_of(two), longest[:65_507]), (peer_of(two), b"")]) == 2
    assert [data for data, _ in receive_batch(two, 9)] == [longest[:65_507], b""]


def test_a_failure_is_told_after_what_was_sent_before_it(pair: tuple[socket.socket, socket.socket]) -> None:
    one, two = pair
    too_long = (peer_of(two), bytes(65_508))
    batch = [(peer_of(two), b"a"), too_long, (peer_of(two), b"b")]
    assert send_batch(one, batch) == 1
    with pytest.raises(OSError) as failure:
        send_batch(one, batch, 1)
    assert failure.value.errno == errno.EMSGSIZE
    assert send_batch(one, batch, 2) == 3
    assert [data for data, _ in receive_batch(two, 9)] == [b"a", b"b"]


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
    datagram = (b"x", ("127.0.0.1", 1))
    sock = Scripted(datagram, ConnectionRefusedError(), ConnectionRefusedError())
    assert receive_batch(sock, 9) == [datagram]  # type: ignore[arg-type]
    with pytest.raises(ConnectionRefusedError):
        receive_batch(sock, 9)  # type: ignore[arg-type]


def test_an_ipv6_peer_shows_no_scope() -> None:
    peer = Peer(Listener(0, "udp", "::1", 5060), ("fe80::1", 5060, 0, 3))
    assert (peer.host, peer.port, peer.address) == ("fe80::1", 5060, ("fe80::1", 5060, 0, 3))
