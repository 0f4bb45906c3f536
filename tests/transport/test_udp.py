import asyncio
import errno
import socket
import struct
from collections.abc import Iterator

import pytest
from tests.transport.support import Heard, Opener

from ringfence.sip.address import Listener
from ringfence.transport import kernel, udp
from ringfence.transport.errors import TransportError
from ringfence.transport.far_ends import Peer
from ringfence.transport.settings import ListenerSettings
from ringfence.transport.udp import UdpSocket


def settings(bind: str = "127.0.0.1:0", **given: object) -> ListenerSettings:
    return ListenerSettings.model_validate({"name": "edge", "transport": "udp", "bind": bind} | given)


@pytest.fixture
def far() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        sock.settimeout(2.0)
        yield sock


async def test_a_burst_comes_in_one_batch_with_one_endpoint(opened: Opener, far: socket.socket) -> None:
    transports, heard = await opened(settings())
    listener = transports.listeners[0]
    burst = [b"OPTIONS %d" % number for number in range(40)]
    for data in burst:
        far.sendto(data, (listener.host, listener.port))
    await heard.until(lambda: len(heard.messages) == 40)
    assert [data for data, _ in heard.messages] == burst
    assert heard.batches == [40]
    assert len({id(endpoint) for _, endpoint in heard.messages}) == 1
    endpoint = heard.messages[0][1]
    assert (endpoint.host, endpoint.port) == far.getsockname()
    assert endpoint.connection is None and not endpoint.reliable and endpoint.listener is listener


async def test_the_endpoint_asked_for_is_the_one_that_answers(opened: Opener, far: socket.socket) -> None:
    transports, heard = await opened(settings())
    endpoint = transports.endpoint(0, *far.getsockname())
    transports.send([(endpoint, b"first"), (endpoint, b"second")])
    data, source = far.recvfrom(99)
    assert (data, far.recv(99)) == (b"first", b"second")
    far.sendto(b"answer", source)
    await heard.until(lambda: bool(heard.messages))
    assert heard.messages == [(b"answer", endpoint)]
    assert heard.messages[0][1] is endpoint


async def test_ipv6_over_loopback(opened: Opener) -> None:
    transports, heard = await opened(settings("[::1]:0"))
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as far:
        far.bind(("::1", 0))
        endpoint = transports.endpoint(0, "0:0:0::1", far.getsockname()[1])
        assert transports.endpoint(0, "::1", far.getsockname()[1]) is endpoint
        transports.send([(endpoint, b"hello")])
        far.settimeout(2.0)
        data, source = far.recvfrom(99)
        far.sendto(data + b" back", source)
        await heard.until(lambda: bool(heard.messages))
    assert heard.messages[0][1] is endpoint
    assert endpoint.host == "::1"
    assert transports.listeners[0].sent_by == b"[::1]:%d" % transports.listeners[0].port


async def test_keepalives_and_long_datagrams_are_counted_and_not_passed(opened: Opener, far: socket.socket) -> None:
    transports, heard = await opened(settings(max_message_bytes=1300))
    listener = transports.listeners[0]
    for data in (b"", b"\0", b"\r\n\r\n", b"x" * 1301, b"x" * 1300):
        far.sendto(data, (listener.host, listener.port))
    await heard.until(lambda: bool(heard.messages))
    assert [len(data) for data, _ in heard.messages] == [1300]
    stats = transports.stats()[0]
    assert (stats["keepalives"], stats["oversized"], stats["messages_in"], stats["bytes_in"]) == (3, 1, 1, 1300)


async def test_a_closed_port_is_told_with_the_message_and_stops_nothing(opened: Opener, far: socket.socket) -> None:
    transports, heard = await opened(settings())
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as gone:
        gone.bind(("127.0.0.1", 0))
        address = gone.getsockname()
    dead, alive = transports.endpoint(0, *address), transports.endpoint(0, *far.getsockname())
    for number in range(5):
        transports.send([(dead, b"lost %d" % number), (alive, b"kept %d" % number)])
    await heard.until(lambda: len(heard.unreachable) == 5)
    assert [far.recv(99) for _ in range(5)] == [b"kept %d" % number for number in range(5)]
    assert sorted(heard.unreachable, key=lambda item: item[1]) == [(dead, b"lost %d" % n) for n in range(5)]
    listener = transports.listeners[0]
    far.sendto(b"still here", (listener.host, listener.port))
    await heard.until(lambda: bool(heard.messages))
    assert transports.stats()[0]["icmp_errors"] == 5


async def test_a_closed_port_over_ipv6_is_told(opened: Opener) -> None:
    transports, heard = await opened(settings("[::1]:0"))
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as gone:
        gone.bind(("::1", 0))
        port = gone.getsockname()[1]
    dead = transports.endpoint(0, "::1", port)
    transports.send([(dead, b"lost")])
    await heard.until(lambda: bool(heard.unreachable))
    assert heard.unreachable == [(dead, b"lost")]


async def test_what_the_kernel_refuses_is_told_and_the_rest_leaves(opened: Opener, far: socket.socket) -> None:
    transports, heard = await opened(settings())
    alive, nowhere = transports.endpoint(0, *far.getsockname()), transports.endpoint(0, "127.0.0.1", 0)
    transports.send([(alive, b"one"), (nowhere, b"two"), (alive, bytes(65_508)), (alive, b"three")])
    assert heard.unreachable == []  # never from within send
    await heard.until(lambda: len(heard.unreachable) == 2)
    assert [far.recv(99), far.recv(99)] == [b"one", b"three"]
    assert [endpoint for endpoint, _ in heard.unreachable] == [nowhere, alive]
    stats = transports.stats()[0]
    assert (stats["messages_out"], stats["bytes_out"], stats["send_failed"]) == (2, 8, 2)


async def test_a_name_is_no_endpoint(opened: Opener) -> None:
    transports, _ = await opened(settings())
    for host in ("sip.example.com", "::1", "127.0.0.256"):
        with pytest.raises(TransportError):
            transports.endpoint(0, host, 5060)


class Stubborn:
    """Stands in for send_batch: takes `room` datagrams at a time, then says that the socket is full."""

    def __init__(self, room: int) -> None:
        self.room = room
        self.sent: list[bytes] = []
        self.failure: OSError | None = None

    def __call__(self, sock: socket.socket, batch: list[tuple[Peer, bytes]], start: int = 0) -> int:
        if self.failure is not None:
            raise self.failure
        if self.room == 0:
            raise BlockingIOError
        taken = batch[start : start + self.room]
        self.room -= len(taken)
        self.sent += [data for _, data in taken]
        return start + len(taken)


async def test_a_full_socket_queues_in_order_within_a_bound(monkeypatch: pytest.MonkeyPatch, opened: Opener) -> None:
    transports, _ = await opened(settings(send_queue_bytes=65_536))
    kernel = Stubborn(room=2)
    monkeypatch.setattr(udp, "send_batch", kernel)
    peer = transports.endpoint(0, "127.0.0.1", 5060)
    big = bytes(40_000)
    transports.send([(peer, b"1"), (peer, b"2"), (peer, b"3"), (peer, big)])
    transports.send([(peer, big), (peer, b"4")])
    assert kernel.sent == [b"1", b"2"]
    stats = transports.stats()[0]
    assert (stats["queued_bytes"], stats["send_dropped"]) == (40_002, 1)
    kernel.room = 1
    while kernel.room:
        await asyncio.sleep(0)
    assert kernel.sent == [b"1", b"2", b"3"]
    kernel.room = 99
    while transports.stats()[0]["queued_bytes"]:
        await asyncio.sleep(0)
    assert kernel.sent == [b"1", b"2", b"3", big, b"4"]
    transports.send([(peer, b"5")])
    assert kernel.sent[-1] == b"5"


async def test_a_full_device_queue_is_a_drop(monkeypatch: pytest.MonkeyPatch, opened: Opener) -> None:
    transports, heard = await opened(settings())
    kernel = Stubborn(room=0)
    kernel.failure = OSError(errno.ENOBUFS, "no room")
    monkeypatch.setattr(udp, "send_batch", kernel)
    transports.send([(transports.endpoint(0, "127.0.0.1", 5060), b"x")])
    await asyncio.sleep(0)
    assert transports.stats()[0]["send_dropped"] == 1
    assert heard.unreachable == []


async def test_closing_twice_at_a_time_is_closing_once(opened: Opener) -> None:
    transports, _ = await opened(settings())
    (sock,) = transports._sockets
    await asyncio.gather(sock.close(), sock.close())
    assert sock._sock.fileno() < 0  # type: ignore[union-attr]


async def test_closing_waits_for_the_queue_but_not_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    heard = Heard()
    opened = UdpSocket(Listener(0, "udp", "127.0.0.1", 0), settings(), heard.on_batch, heard.on_unreachable)
    kernel = Stubborn(room=0)
    monkeypatch.setattr(udp, "send_batch", kernel)
    monkeypatch.setattr(udp, "DRAIN", 0.05)
    opened.send([(opened.endpoint("127.0.0.1", 5060), b"never taken")])
    await opened.close()
    stats = opened.stats()
    assert (stats["send_dropped"], kernel.sent) == (1, [])


def extended(origin: int, kind: int, code: int) -> list[tuple[int, int, bytes]]:
    return [(0, 11, struct.pack("=IBBBBII", 111, origin, kind, code, 0, 0, 0) + bytes(16))]


@pytest.mark.parametrize(
    ("ancillary", "unreachable"),
    [
        (extended(2, 3, 0), True),  # network
        (extended(2, 3, 1), True),  # host
        (extended(2, 3, 3), True),  # port
        (extended(2, 3, 4), False),  # fragmentation needed: the kernel adapts
        (extended(2, 11, 0), False),  # RFC 3261 §18.4: time exceeded is to be ignored
        (extended(3, 1, 4), True),
        (extended(3, 2, 0), False),
        (extended(1, 0, 0), False),  # local
        ([(0, 11, b"short")], False),
        ([], False),
    ],
)
def test_which_icmp_errors_count(ancillary: list[tuple[int, int, bytes]], unreachable: bool) -> None:
    assert kernel._is_unreachable(ancillary) is unreachable


async def test_the_kernel_tells_what_it_dropped(opened: Opener, far: socket.socket) -> None:
    transports, heard = await opened(settings(receive_buffer_bytes=65_536))
    listener = transports.listeners[0]
    for _ in range(400):  # nobody reads before the loop gets its turn
        far.sendto(bytes(1200), (listener.host, listener.port))
    await heard.until(lambda: bool(heard.messages))
    stats = transports.stats()[0]
    assert stats["kernel_dropped"] > 0
    assert stats["messages_in"] + stats["kernel_dropped"] == 400
    assert stats["receive_buffer_bytes"] >= 65_536
