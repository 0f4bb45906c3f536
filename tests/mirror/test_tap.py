import asyncio

import pytest
from tests.support.talk import invite

from ringfence.engine.policy import Peer
from ringfence.mirror.frames import Cutter, Message, Record, chosen
from ringfence.mirror.tap import Tap
from ringfence.sip.address import Endpoint, Listener

HERE = Listener(2, "udp", "198.51.100.99", 5060)


class Link(asyncio.WriteTransport):
    """A link whose other end takes nothing, and says how much waits."""

    def __init__(self) -> None:
        super().__init__()
        self.waiting = bytearray()
        self.closing = False

    def write(self, data: bytes) -> None:  # type: ignore[override]
        self.waiting += data

    def get_write_buffer_size(self) -> int:
        return len(self.waiting)

    def is_closing(self) -> bool:
        return self.closing

    def taken(self) -> list[object]:
        taken = list(Cutter().feed(bytes(self.waiting)))
        self.waiting.clear()
        return taken


def end(name: str) -> Endpoint:
    endpoint = Endpoint(HERE, "192.0.2.1", 5062)
    endpoint.peer = Peer(None, None)
    endpoint.peer.name = name
    return endpoint


async def test_a_turn_is_handed_on_when_it_is_over_and_in_its_order() -> None:
    link = Link()
    tap = Tap(link, 1.0, 10_000)
    bank, stranger = end("bank"), Endpoint(HERE, "203.0.113.1", 9)
    tap.received([(b"one", bank), (b"two", stranger)])
    tap.recorded(41, [b"D\n1", b"N\n2"])
    tap.sent([(bank, b"three")])
    assert not link.waiting
    await asyncio.sleep(0)
    taken = link.taken()
    said = [(each.sent, each.name, each.data) for each in taken if isinstance(each, Message)]
    assert said == [(False, "bank", b"one"), (False, "", b"two"), (True, "bank", b"three")]
    assert [each[1:] for each in taken if isinstance(each, Record)] == [(41, b"D\n1"), (42, b"N\n2")]
    assert [type(each) for each in taken] == [Message, Message, Record, Record, Message]
    first = taken[0]
    assert isinstance(first, Message) and (first.listener, first.host, first.port) == (2, "192.0.2.1", 5062)
    assert (tap.copied, tap.dropped) == (5, 0)


@pytest.mark.parametrize("closing", [False, True], ids=["full", "closing"])
async def test_what_nobody_takes_is_dropped_and_counted(closing: bool) -> None:
    link = Link()
    tap = Tap(link, 1.0, 100)
    link.closing = closing
    tap.received([(b"x" * 60, end("bank"))])
    await asyncio.sleep(0)
    tap.sent([(end("bank"), b"x" * 60)])
    await asyncio.sleep(0)
    assert (tap.copied, tap.dropped) == ((0, 2) if closing else (1, 1))
    assert len(link.taken()) == tap.copied


async def test_a_share_is_whole_calls() -> None:
    link = Link()
    tap = Tap(link, 0.3, 10**6)
    bank = end("bank")
    for number in range(100):
        call_id = f"{number}@example.net"
        tap.received([(invite(call_id=call_id), bank)])
        tap.recorded(number, [f"O\n1\n2\n{call_id}\n200".encode()])
        tap.sent([(bank, invite(call_id=call_id))])
    await asyncio.sleep(0)
    wanted = sum(chosen(f"{number}@example.net".encode(), 0.3) for number in range(100))
    assert 15 < wanted < 45
    assert tap.copied == len(link.taken()) == 3 * wanted
