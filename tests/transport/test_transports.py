import asyncio
import socket

import pytest
from tests.transport.support import Heard, Opener

from ringfence.transport.errors import TransportError
from ringfence.transport.settings import ListenerSettings
from ringfence.transport.stream import LEFT_BY_TCP
from ringfence.transport.transports import Transports

OPTIONS = b"OPTIONS sip:a SIP/2.0\r\nContent-Length: 0\r\n\r\n"


def part(name: str, transport: str, bind: str = "127.0.0.1:0", **given: object) -> ListenerSettings:
    return ListenerSettings.model_validate({"name": name, "transport": transport, "bind": bind} | given)


async def test_several_listeners_each_send_their_own(opened: Opener) -> None:
    near, heard = await opened(part("a", "udp"), part("b", "tcp"), part("c", "udp"))
    far, far_heard = await opened(part("x", "udp"), part("y", "tcp"))
    udp, tcp = far.listeners
    near.send(
        [
            (near.endpoint(0, udp.host, udp.port), OPTIONS + b"0"),
            (near.endpoint(1, tcp.host, tcp.port), OPTIONS),
            (near.endpoint(2, udp.host, udp.port), OPTIONS + b"2"),
        ]
    )
    await far_heard.until(lambda: len(far_heard.messages) == 3)
    seen = {(data, endpoint.transport) for data, endpoint in far_heard.messages}
    assert seen == {(OPTIONS + b"0", "udp"), (OPTIONS, "tcp"), (OPTIONS + b"2", "udp")}
    ports = {data[-1:]: endpoint.port for data, endpoint in far_heard.messages if endpoint.transport == "udp"}
    assert ports == {b"0": near.listeners[0].port, b"2": near.listeners[2].port}
    far.send([(endpoint, data) for data, endpoint in far_heard.messages])
    await heard.until(lambda: len(heard.messages) == 3)
    assert {endpoint.listener.key for _, endpoint in heard.messages} == {0, 1, 2}


async def test_stats_name_their_listener(opened: Opener) -> None:
    transports, _ = await opened(part("edge", "udp"), part("core", "tcp"))
    stats = transports.stats()
    assert [(row["listener"], row["transport"]) for row in stats] == [("edge", "udp"), ("core", "tcp")]
    assert all(
        type(value) is int for row in stats for name, value in row.items() if name not in ("listener", "transport")
    )


async def test_listeners_tell_what_is_advertised_and_the_port_that_was_given() -> None:
    transports = Transports([part("a", "udp"), part("b", "udp", "0.0.0.0:0", advertise="sip.example.com:5080")])
    heard = Heard()
    await transports.open(heard.on_batch, heard.on_unreachable)
    given, told = transports.listeners
    assert given.port > 0 and given.sent_by == b"127.0.0.1:%d" % given.port
    assert told.sent_by == b"sip.example.com:5080"
    await transports.close()


async def test_all_or_nothing_opens() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        transports = Transports([part("a", "udp"), part("b", "tcp", f"127.0.0.1:{taken.getsockname()[1]}")])
        heard = Heard()
        with pytest.raises(TransportError, match="listener b"):
            await transports.open(heard.on_batch, heard.on_unreachable)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", transports.listeners[0].port))


async def test_alias_is_nothing_for_datagrams(opened: Opener) -> None:
    transports, _ = await opened(part("a", "udp"))
    assert transports.alias(transports.endpoint(0, "127.0.0.1", 5060), 5060) is False
    transports.renew_certificates()  # nothing to renew is no error


async def test_closed_transports_leave_no_tasks_and_no_sockets() -> None:
    transports, heard = Transports([part("a", "udp"), part("b", "tcp")]), Heard()
    await transports.open(heard.on_batch, heard.on_unreachable)
    listener = transports.listeners[1]
    _, writer = await asyncio.open_connection(listener.host, listener.port)
    await transports.close()
    writer.close()
    assert asyncio.all_tasks() == {asyncio.current_task()}
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as again:
        again.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        again.bind((listener.host, listener.port))


async def test_what_connections_leave_to_the_collector_is_told(opened: Opener) -> None:
    near, _ = await opened(part("a", "udp"), part("b", "tcp"))
    far, far_heard = await opened(part("x", "tcp"))
    assert (near.left_behind(), far.left_behind()) == (0, 0)
    listener = far.listeners[0]
    near.send([(near.endpoint(1, listener.host, listener.port), OPTIONS)])
    await far_heard.until(lambda: len(far_heard.messages) == 1)
    assert near.left_behind() == far.left_behind() == LEFT_BY_TCP
