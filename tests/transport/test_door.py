"""The front's side of UDP, with workers' sides in the same loop."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack

import pytest
from tests.support.messages import request
from tests.transport.support import Heard

from ringfence.sip.shares import share_of_message
from ringfence.transport.door import UdpDoor
from ringfence.transport.far_ends import Address
from ringfence.transport.settings import ListenerSettings
from ringfence.transport.transports import Transports
from ringfence.transport.udp import Inherited

WORKERS = 2


def message(number: int, size: int = 0) -> bytes:
    return request(Call_ID=b"%d@example" % number, body=bytes(size))


class Front:
    """A door, and on demand workers behind it."""

    def __init__(self, stack: AsyncExitStack, **given: object) -> None:
        self.part = ListenerSettings.model_validate({"name": "edge", "transport": "udp", "bind": "127.0.0.1:0"} | given)
        self.back: list[tuple[int, Address, bytes]] = []
        self.door = UdpDoor(0, self.part, WORKERS, lambda *told: self.back.append(told))
        self.door.open()
        self.stack = stack
        stack.push_async_callback(self.door.close)

    @property
    def address(self) -> tuple[str, int]:
        return "127.0.0.1", self.door.bound_port

    async def worker(self, number: int) -> tuple[Transports, Heard]:
        sock, inlet = self.door.sock.dup(), self.door.outlets[number].inlet.dup()
        transports, heard = Transports([self.part], {0: Inherited(sock, inlet)}), Heard()
        await transports.open(heard.on_batch, heard.on_unreachable)
        self.stack.push_async_callback(transports.close)
        return transports, heard


@pytest.fixture
async def front() -> AsyncIterator[Callable[..., Front]]:
    async with AsyncExitStack() as stack:
        yield lambda **given: Front(stack, **given)


@pytest.fixture
def far() -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind(("127.0.0.1", 0))
    sock.settimeout(5)
    return sock


async def test_messages_come_to_their_worker_who_answers_through_the_same_socket(
    front: Callable[..., Front], far: socket.socket
) -> None:
    opened = front()
    workers = [await opened.worker(number) for number in range(WORKERS)]
    sent = [message(number) for number in range(40)]
    for data in sent:
        far.sendto(data, opened.address)
    for number, (transports, heard) in enumerate(workers):
        mine = [data for data in sent if share_of_message(data, WORKERS) == number]
        await heard.until(lambda heard=heard, mine=mine: len(heard.messages) == len(mine))  # type: ignore[misc]
        assert [data for data, _ in heard.messages] == mine
        assert transports.listeners[0].port == opened.door.bound_port
        transports.send([(heard.messages[0][1], b"answer")])
        assert far.recvfrom(99) == (b"answer", opened.address)
        assert opened.door.outlets[number].messages == len(mine)
        told = transports.stats()[0]
        assert told["messages_in"] == len(mine) and told["messages_out"] == 1
        assert "kernel_dropped" not in told  # the front's


async def test_what_comes_before_a_worker_does_waits_for_it_within_the_bound(
    front: Callable[..., Front], far: socket.socket
) -> None:
    opened = front(receive_buffer_bytes=65_536)
    opened.door.outlets[0].sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 20_000)
    mine = [data for data in (message(number, 900) for number in range(2_000)) if share_of_message(data, WORKERS) == 0]
    other = next(data for data in (message(number) for number in range(99)) if share_of_message(data, WORKERS) == 1)
    _, other_heard = await opened.worker(1)
    outlet = opened.door.outlets[0]
    for number, data in enumerate(mine[:300]):
        far.sendto(data, opened.address)
        if number % 10 == 0:
            await other_heard.until(lambda number=number: outlet.messages + outlet.dropped >= number)  # type: ignore[misc]
    await other_heard.until(lambda: outlet.messages + outlet.dropped == 300)
    assert outlet.dropped > 0
    assert 0 < outlet.queue.waiting <= outlet.queue.limit
    far.sendto(other, opened.address)
    await other_heard.until(lambda: len(other_heard.messages) == 1)  # nobody waits for the other's sake
    _, heard = await opened.worker(0)
    await heard.until(lambda: len(heard.messages) == outlet.messages)
    assert outlet.queue.waiting == 0
    assert [data for data, _ in heard.messages] == mine[: len(heard.messages)]


async def test_a_datagram_that_comes_back_is_told_with_whom_it_was_for(front: Callable[..., Front]) -> None:
    opened = front()
    transports, heard = await opened.worker(0)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as gone:
        gone.bind(("127.0.0.1", 0))
        port = gone.getsockname()[1]
    endpoint = transports.endpoint(0, "127.0.0.1", port)
    transports.send([(endpoint, b"INVITE of mine")])
    await heard.until(lambda: bool(opened.back))
    assert opened.back == [(0, ("127.0.0.1", port), b"INVITE of mine")]
    transports.returned(*opened.back[0])
    assert heard.unreachable == [(endpoint, b"INVITE of mine")]
    assert opened.door.stats()["icmp_errors"] == 1


async def test_what_is_no_message_stays_in_the_front(front: Callable[..., Front], far: socket.socket) -> None:
    opened = front(max_message_bytes=1_300)
    _, heard = await opened.worker(0)
    far.sendto(b"\r\n\r\n", opened.address)
    far.sendto(bytes(2_000), opened.address)
    await heard.until(lambda: opened.door.stats()["oversized"] == opened.door.stats()["keepalives"] == 1)
    assert [outlet.messages for outlet in opened.door.outlets] == [0, 0]
