import asyncio
import errno
import socket

import pytest
from tests.transport.support import Heard, Opener

from ringfence.sip.address import Listener
from ringfence.transport import connection, stream
from ringfence.transport.settings import ListenerSettings
from ringfence.transport.stream import StreamListener
from ringfence.transport.transports import Transports


def settings(bind: str = "127.0.0.1:0", **given: object) -> ListenerSettings:
    return ListenerSettings.model_validate({"name": "edge", "transport": "tcp", "bind": bind} | given)


def message(name: str, body: bytes = b"") -> bytes:
    return b"OPTIONS sip:%s SIP/2.0\r\nContent-Length: %d\r\n\r\n%s" % (name.encode(), len(body), body)


async def dial(transports: Transports, key: int = 0) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    listener = transports.listeners[key]
    return await asyncio.open_connection(listener.host, listener.port)


async def ended(reader: asyncio.StreamReader) -> bytes:
    """What still comes until the other side closes or resets."""
    try:
        return await asyncio.wait_for(reader.read(), 5.0)
    except ConnectionResetError:
        return b""


# Messages in and out.


async def test_messages_are_cut_from_the_stream_however_it_comes(opened: Opener) -> None:
    transports, heard = await opened(settings())
    _, writer = await dial(transports)
    sent = [message("a", b"body"), message("b"), message("c", b"\r\n\r\n")]
    for byte in b"".join(sent):
        writer.write(bytes([byte]))
    await heard.until(lambda: len(heard.messages) == 3)
    writer.write(b"".join(sent))
    await heard.until(lambda: len(heard.messages) == 6)
    assert [data for data, _ in heard.messages] == sent * 2
    endpoint = heard.messages[0][1]
    assert {id(other) for _, other in heard.messages} == {id(endpoint)}
    assert endpoint.reliable and endpoint.connection is not None
    assert (endpoint.host, endpoint.port) == writer.get_extra_info("sockname")
    writer.close()


async def test_the_answer_walks_back_on_the_same_connection(opened: Opener) -> None:
    transports, heard = await opened(settings())
    reader, writer = await dial(transports)
    writer.write(message("a"))
    await heard.until(lambda: bool(heard.messages))
    transports.send([(heard.messages[0][1], b"answer")])
    assert await reader.readexactly(6) == b"answer"
    assert transports.stats()[0]["connections_opened"] == 0
    writer.close()


async def test_a_ping_gets_a_pong(opened: Opener) -> None:
    transports, heard = await opened(settings())
    reader, writer = await dial(transports)
    writer.write(b"\r\n\r\n" + message("a") + b"\r\n\r\n")
    assert await reader.readexactly(4) == b"\r\n\r\n"
    await heard.until(lambda: bool(heard.messages))
    assert transports.stats()[0]["keepalives"] == 2
    writer.close()


async def test_lost_framing_is_told_may_be_answered_once_and_closes(
    opened: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "LINGER", 0.05)
    transports, heard = await opened(settings())
    reader, writer = await dial(transports)
    broken = b"INVITE sip:x SIP/2.0\r\nVia: y\r\n\r\n"
    writer.write(message("good") + broken + b"anything")
    await heard.until(lambda: bool(heard.malformed))
    assert [data for data, _ in heard.messages] == [message("good")]
    data, endpoint, error = heard.malformed[0]
    assert data.startswith(broken) and error.status == 400 and endpoint is heard.messages[0][1]
    assert error.__traceback__ is None  # it would hold the connection in a circle
    transports.send([(endpoint, b"SIP/2.0 400 Bad Request\r\n\r\n")])
    writer.write(message("too late"))
    assert await ended(reader) == b"SIP/2.0 400 Bad Request\r\n\r\n"
    assert len(heard.messages) == 1
    assert transports.stats()[0]["malformed"] == 1
    writer.close()


async def test_undecidable_streams_close_though_nobody_listens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "LINGER", 0.0)
    transports, heard = Transports([settings()]), Heard()
    await transports.open(heard.on_batch, heard.on_unreachable)
    reader, writer = await dial(transports)
    writer.write(message("a", bytes(70_000)))
    assert await ended(reader) == b""
    writer.close()
    await transports.close()


# Opening and reusing.


async def test_one_connection_is_opened_and_used_again(opened: Opener) -> None:
    near, heard = await opened(settings())
    far, far_heard = await opened(settings())
    listener = far.listeners[0]
    endpoint = near.endpoint(0, listener.host, listener.port)
    assert near.endpoint(0, listener.host, listener.port) is endpoint and endpoint.connection is None
    near.send([(endpoint, message("1")), (endpoint, message("2"))])
    near.send([(endpoint, message("3"))])  # while it is being opened
    await far_heard.until(lambda: len(far_heard.messages) == 3)
    near.send([(endpoint, message("4"))])
    await far_heard.until(lambda: len(far_heard.messages) == 4)
    assert [data for data, _ in far_heard.messages] == [message(str(n)) for n in range(1, 5)]
    assert far.stats()[0]["accepted"] == near.stats()[0]["opened"] == 1
    far.send([(far_heard.messages[0][1], message("back"))])
    await heard.until(lambda: bool(heard.messages))
    assert heard.messages[0][1] is endpoint and endpoint.connection is not None


async def test_a_connection_that_went_is_opened_anew(opened: Opener) -> None:
    near, _ = await opened(settings())
    accepted: asyncio.Queue[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = asyncio.Queue()
    server = await asyncio.start_server(lambda *streams: accepted.put_nowait(streams), "127.0.0.1", 0)
    endpoint = near.endpoint(0, *server.sockets[0].getsockname())
    for name in ("1", "2"):
        near.send([(endpoint, message(name))])
        reader, writer = await accepted.get()
        assert await reader.readexactly(len(message(name))) == message(name)
        writer.close()
        async with asyncio.timeout(5):
            while endpoint.connection is not None:
                await asyncio.sleep(0.005)
    assert near.stats()[0]["opened"] == 2
    server.close()


async def test_every_message_that_found_no_connection_is_told(opened: Opener) -> None:
    near, heard = await opened(settings())
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as unused:
        unused.bind(("127.0.0.1", 0))
        endpoint = near.endpoint(0, *unused.getsockname())
        near.send([(endpoint, b"1"), (endpoint, b"2")])
        assert heard.unreachable == []
        await heard.until(lambda: len(heard.unreachable) == 2)
        assert heard.unreachable == [(endpoint, b"1"), (endpoint, b"2")]
        near.send([(endpoint, b"3")])  # the next one tries again
        await heard.until(lambda: len(heard.unreachable) == 3)
    stats = near.stats()[0]
    assert (stats["connect_failures"], stats["undelivered"], stats["dialling"]) == (2, 3, 0)


async def test_a_silent_address_is_given_up_in_time(opened: Opener, monkeypatch: pytest.MonkeyPatch) -> None:
    near, heard = await opened(settings(connect_timeout=0.05))

    async def never(*_: object, **__: object) -> None:
        await asyncio.get_running_loop().create_future()

    monkeypatch.setattr(asyncio.get_running_loop(), "create_connection", never)
    endpoint = near.endpoint(0, "127.0.0.1", 9)
    near.send([(endpoint, b"1")])
    near.send([(endpoint, bytes(1_048_576))])  # over what may wait for one far end
    await heard.until(lambda: len(heard.unreachable) == 2)
    assert [len(data) for _, data in heard.unreachable] == [1_048_576, 1]


async def test_who_came_and_went_is_not_dialled(opened: Opener) -> None:
    transports, heard = await opened(settings())
    _, writer = await dial(transports)
    writer.write(message("a"))
    await heard.until(lambda: bool(heard.messages))
    writer.close()
    await heard.until(lambda: transports.stats()[0]["connections_accepted"] == 0)
    endpoint = heard.messages[0][1]
    transports.send([(endpoint, b"answer")])
    await heard.until(lambda: bool(heard.unreachable))
    assert heard.unreachable == [(endpoint, b"answer")]
    assert transports.stats()[0]["opened"] == 0


async def test_an_alias_needs_a_certificate(opened: Opener) -> None:
    transports, heard = await opened(settings())
    _, writer = await dial(transports)
    writer.write(message("a"))
    await heard.until(lambda: bool(heard.messages))
    assert transports.alias(heard.messages[0][1], 5060) is False
    writer.close()


async def test_ipv6(opened: Opener) -> None:
    near, _ = await opened(settings("[::1]:0"))
    far, far_heard = await opened(settings("[::1]:0"))
    near.send([(near.endpoint(0, "::1", far.listeners[0].port), message("six"))])
    await far_heard.until(lambda: bool(far_heard.messages))
    assert far_heard.messages[0][1].host == "::1"


# Limits.


@pytest.mark.parametrize("limit", ["max_connections", "max_connections_per_source"])
async def test_one_connection_too_many_is_closed_and_a_free_place_is_given_again(opened: Opener, limit: str) -> None:
    transports, heard = await opened(settings(**{limit: 2}))
    first, second, third = [await dial(transports) for _ in range(3)]
    assert await ended(third[0]) == b""
    assert transports.stats()[0]["refused"] == 1
    for _, writer in (first, second):
        writer.write(message("a"))
    await heard.until(lambda: len(heard.messages) == 2)
    first[1].close()
    await heard.until(lambda: transports.stats()[0]["connections_accepted"] == 1)
    fourth = await dial(transports)
    fourth[1].write(message("b"))
    await heard.until(lambda: len(heard.messages) == 3)
    for _, writer in (second, third, fourth):
        writer.close()


@pytest.mark.parametrize("host", ["127.0.0.1", "2001:db8::1"])
async def test_who_counts_as_one_source(host: str) -> None:
    bind = "[::1]:0" if ":" in host else "127.0.0.1:0"
    heard = Heard()
    listener = Listener(0, "tcp", "x", 0)
    opened = StreamListener(listener, settings(bind), heard.on_batch, heard.on_unreachable, heard.on_malformed)
    neighbour, stranger = ("2001:db8::2", "2001:db8:0:1::1") if ":" in host else ("127.0.0.1", "127.0.0.2")
    assert opened._source(host) == opened._source(neighbour)
    assert opened._source(host) != opened._source(stranger)
    await opened.close()


@pytest.mark.parametrize(
    ("opening", "counter", "given"),
    [
        (b"OPTIONS sip:slow SIP/2.0\r\n", "closed_slow", {"message_timeout": 0.08}),
        (b"", "closed_slow", {"message_timeout": 0.08}),
        (message("a") + b"OPT", "closed_slow", {"message_timeout": 0.08}),
        (message("a"), "closed_idle", {"idle_timeout": 0.08}),
    ],
)
async def test_patience_ends(opened: Opener, opening: bytes, counter: str, given: dict[str, float]) -> None:
    transports, _ = await opened(settings(**given))
    reader, writer = await dial(transports)
    writer.write(opening)
    assert await ended(reader) == b""
    assert transports.stats()[0][counter] == 1
    writer.close()


async def test_drops_of_a_message_do_not_buy_time(opened: Opener) -> None:
    transports, _ = await opened(settings(message_timeout=0.15))
    reader, writer = await dial(transports)

    async def drip() -> None:
        for byte in message("x" * 500):
            writer.write(bytes([byte]))
            await asyncio.sleep(0.01)

    dripping = asyncio.ensure_future(drip())
    assert await ended(reader) == b""
    dripping.cancel()
    assert transports.stats()[0]["closed_slow"] == 1
    writer.close()


async def test_what_is_used_stays_open(opened: Opener) -> None:
    transports, heard = await opened(settings(idle_timeout=0.2, message_timeout=0.1))
    _, writer = await dial(transports)
    for number in range(6):
        writer.write(message("a"))
        await heard.until(lambda done=number + 1: len(heard.messages) == done)
        await asyncio.sleep(0.06)
    stats = transports.stats()[0]
    assert (stats["closed_idle"], stats["closed_slow"], stats["connections_accepted"]) == (0, 0, 1)
    writer.close()


async def test_a_peer_that_does_not_read_is_cut_off(opened: Opener) -> None:
    transports, heard = await opened(settings(send_queue_bytes=65_536))
    listener = transports.listeners[0]
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as deaf:
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        deaf.connect((listener.host, listener.port))
        deaf.sendall(message("a"))
        await heard.until(lambda: bool(heard.messages))
        endpoint = heard.messages[0][1]
        for _ in range(2_000):
            transports.send([(endpoint, bytes(16_384))])
            await asyncio.sleep(0)
            if heard.unreachable:
                break
    assert transports.stats()[0]["slow_readers"] == 1
    assert heard.unreachable[0] == (endpoint, bytes(16_384))


class Accepting:
    """Stands in for the listening socket: fails as told, then has nothing."""

    def __init__(self, real: socket.socket, *failures: int) -> None:
        self._real = real
        self._failures = list(failures)

    def accept(self) -> tuple[socket.socket, tuple[str, int]]:
        if self._failures:
            raise OSError(self._failures.pop(0), "failed")
        return self._real.accept()

    def __getattr__(self, name: str) -> object:
        return getattr(self._real, name)


@pytest.mark.parametrize("failure", [errno.EMFILE, errno.ECONNABORTED])
async def test_accepting_goes_on_after_a_failure(opened: Opener, monkeypatch: pytest.MonkeyPatch, failure: int) -> None:
    monkeypatch.setattr(stream, "ACCEPT_PAUSE", 0.05)
    transports, heard = await opened(settings())
    listener = transports._sockets[0]
    assert isinstance(listener, StreamListener)
    monkeypatch.setattr(listener, "_sock", Accepting(listener._sock, failure))
    _, writer = await dial(transports)
    writer.write(message("a"))
    await heard.until(lambda: bool(heard.messages))
    assert transports.stats()[0]["accept_failures"] == 1
    writer.close()


# The end.


async def test_closing_sends_what_is_queued(opened: Opener) -> None:
    transports, heard = Transports([settings()]), Heard()
    await transports.open(heard.on_batch, heard.on_unreachable)
    reader, writer = await dial(transports)
    writer.write(message("a"))
    await heard.until(lambda: bool(heard.messages))
    transports.send([(heard.messages[0][1], bytes(500_000))])
    closing = asyncio.ensure_future(transports.close())
    assert len(await ended(reader)) == 500_000
    await closing
    writer.close()


async def test_closing_cuts_off_who_does_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "FLUSH", 0.05)
    transports, heard = Transports([settings()]), Heard()
    await transports.open(heard.on_batch, heard.on_unreachable)
    listener = transports.listeners[0]
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as deaf:
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        deaf.connect((listener.host, listener.port))
        deaf.sendall(message("a"))
        await heard.until(lambda: bool(heard.messages))
        transports.send([(heard.messages[0][1], bytes(1_000_000))] * 8)
        await transports.close()
    assert transports.stats()[0]["connections_accepted"] == 0


async def test_closing_gives_up_what_is_being_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    transports, heard = Transports([settings()]), Heard()
    await transports.open(heard.on_batch, heard.on_unreachable)
    started = asyncio.Event()

    async def never(*_: object, **__: object) -> None:
        started.set()
        await asyncio.get_running_loop().create_future()

    monkeypatch.setattr(asyncio.get_running_loop(), "create_connection", never)
    transports.send([(transports.endpoint(0, "127.0.0.1", 9), b"1")])
    await started.wait()
    await transports.close()
    assert asyncio.all_tasks() == {asyncio.current_task()}
