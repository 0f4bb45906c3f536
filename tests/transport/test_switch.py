"""TCP between the front and workers, both sides in one loop."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest
from tests.support.messages import request
from tests.transport.support import Heard

from ringfence.sip.shares import share_of_message
from ringfence.transport.relayed import RelayedStreams
from ringfence.transport.settings import ListenerSettings
from ringfence.transport.switch import Switch
from ringfence.transport.transports import Transports, listeners_of

WORKERS = 2
PART = ListenerSettings.model_validate(
    {"name": "edge", "transport": "tcp", "bind": "127.0.0.1:0", "connect_timeout": "1s"}
)


def message(number: int, size: int = 0) -> bytes:
    return request(Call_ID=b"%d@example" % number, body=bytes(size))


def of(worker: int, size: int = 0) -> bytes:
    """A message that is this worker's."""
    return next(data for data in (message(number, size) for number in range(99)) if share_of_message(data, 2) == worker)


class House:
    """A front, and workers on demand."""

    def __init__(self, stack: AsyncExitStack) -> None:
        self.switch = Switch(WORKERS)
        self.door = self.switch.door(listeners_of([PART])[0], PART)
        self._stack = stack
        self._links: dict[int, socket.socket] = {}
        stack.callback(self.switch.close)
        stack.push_async_callback(self.door.close)

    async def worker(self, number: int) -> tuple[Transports, Heard]:
        if number in self._links:
            asyncio.get_running_loop().remove_reader(self._links[number])  # a dead one reads no more
        link = self._links[number] = self.switch.outlets[number].inlet.dup()
        self._stack.callback(link.close)
        self._stack.callback(asyncio.get_running_loop().remove_reader, link)
        transports, heard = Transports([PART], None, RelayedStreams(link, {0: self.door.bound_port})), Heard()
        await transports.open(heard.on_batch, heard.on_unreachable, heard.on_malformed)
        self.switch.introduce(number)
        return transports, heard

    async def caller(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.door.bound_port)
        self._stack.callback(writer.close)
        return reader, writer


@pytest.fixture
async def house() -> AsyncIterator[House]:
    async with AsyncExitStack() as stack:
        yield House(stack)


async def test_messages_of_one_connection_come_to_their_workers_and_answers_back_on_it(house: House) -> None:
    workers = [await house.worker(number) for number in range(WORKERS)]
    reader, writer = await house.caller()
    sent = [message(number, number * 100) for number in range(60)]
    writer.write(b"".join(sent))
    for number, (transports, heard) in enumerate(workers):
        mine = [data for data in sent if share_of_message(data, WORKERS) == number]
        await heard.until(lambda heard=heard, mine=mine: len(heard.messages) == len(mine))  # type: ignore[misc]
        assert [data for data, _ in heard.messages] == mine
        (endpoint,) = {endpoint for _, endpoint in heard.messages}
        assert endpoint.port == writer.get_extra_info("sockname")[1] and endpoint.connection
        transports.send([(endpoint, b"answer %d" % number), (endpoint, b"!" * 70_000)])
        assert await reader.readexactly(8) == b"answer %d" % number
        assert await reader.readexactly(70_000) == b"!" * 70_000
    assert house.door.stats()["messages_in"] == 60 and house.door.stats()["messages_out"] == 4


async def test_a_connection_that_is_gone_is_forgotten_and_what_is_sent_to_it_comes_back(house: House) -> None:
    transports, heard = await house.worker(0)
    _, writer = await house.caller()
    data = of(0)
    writer.write(data)
    await heard.until(lambda: bool(heard.messages))
    endpoint = heard.messages[0][1]
    writer.transport.abort()
    await heard.until(lambda: house.door.stats()["connections_accepted"] == 0)
    transports.send([(endpoint, data)])
    await heard.until(lambda: bool(heard.unreachable))
    assert [data for _, data in heard.unreachable] == [data]
    assert house.door.stats()["undelivered"] == 1
    stream = transports._sockets[0]
    assert stream._open == {}  # type: ignore[union-attr]


async def test_a_far_end_is_dialled_once_for_all_workers_and_known_to_be_open(house: House) -> None:
    (first, _), (second, other) = [await house.worker(number) for number in range(WORKERS)]
    got: list[bytes] = []

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65_535):
            got.append(data)
            writer.write(of(1))
        writer.close()

    server = await asyncio.start_server(take, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    far, theirs = first.endpoint(0, "127.0.0.1", port), second.endpoint(0, "127.0.0.1", port)
    first.send([(far, b"one")])
    await other.until(lambda: bool(other.messages))
    assert other.messages[0][1] is theirs  # the hop that was asked, though another worker dialled it
    assert far.connection == theirs.connection is not None
    second.send([(theirs, b"two")])
    await other.until(lambda: len(other.messages) == 2)
    assert b"".join(got) == b"onetwo" and house.door.stats()["opened"] == 1
    third, _ = await house.worker(0)  # one that takes a dead one's place
    again = third.endpoint(0, "127.0.0.1", port)
    await other.until(lambda: again.connection == theirs.connection)
    server.close()


async def test_a_port_that_nobody_has_and_a_host_that_is_no_address(house: House) -> None:
    transports, heard = await house.worker(0)
    with socket.socket() as gone:
        gone.bind(("127.0.0.1", 0))
        port = gone.getsockname()[1]
    data = of(0)
    transports.send([(transports.endpoint(0, "127.0.0.1", port), data)])
    await heard.until(lambda: bool(heard.unreachable))
    assert heard.unreachable == [(transports.endpoint(0, "127.0.0.1", port), data)]


async def test_a_stream_that_lost_its_framing_gets_its_last_answer_from_a_worker(house: House) -> None:
    transports, heard = await house.worker(0)
    reader, writer = await house.caller()
    writer.write(of(0) + b"INVITE sip:a SIP/2.0\r\nContent-Length: what\r\n\r\n")
    await heard.until(lambda: bool(heard.malformed))
    data, endpoint, error = heard.malformed[0]
    assert data.startswith(b"INVITE sip:a ") and error.status == 400
    assert [each for _, each in heard.messages] == [endpoint]
    transports.send([(endpoint, b"SIP/2.0 400 Bad\r\n\r\n")])
    assert await reader.read(99) == b"SIP/2.0 400 Bad\r\n\r\n"
    assert await reader.read(99) == b""


async def test_a_worker_that_does_not_read_costs_its_own_messages_only(house: House) -> None:
    _, heard = await house.worker(1)
    outlet = house.switch.outlets[0]
    outlet.queue.limit = 200_000
    outlet.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 100_000)
    _, writer = await house.caller()
    for _ in range(40):
        writer.write(of(0, 60_000))
        await writer.drain()
    writer.write(of(1))
    await heard.until(lambda: bool(heard.messages))
    assert outlet.dropped > 0 and outlet.messages + outlet.dropped == 40
    assert outlet.queue.waiting <= 200_000
