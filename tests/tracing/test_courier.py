"""Messages on their way to a peer whose HTTP does what peers' HTTP does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from tests.support.net import free_port
from tests.tracing.carriers import OFFICER, Clock, book_of, call

from ringfence.registry.opening import open_registry
from ringfence.registry.settings import RegistrySettings
from ringfence.tracing import courier, post, steps
from ringfence.tracing.book import Said, TraceBook
from ringfence.tracing.courier import Delivery
from ringfence.tracing.errors import TraceError
from ringfence.tracing.tracer import ask_peer

DELIVERED, WAITING, REFUSED = Delivery(1, 0, 0), Delivery(0, 1, 0), Delivery(0, 0, 1)


class Peer:
    """An HTTP server that says what it is told to; `bodies`: what came."""

    def __init__(self) -> None:
        self.port = free_port()
        self.answer = "202 Accepted"
        self.more = ""
        self.bodies: list[str] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/trace/inbox"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        length = int(head.partition("content-length: ")[2].partition("\r\n")[0])
        self.bodies.append((await reader.readexactly(length)).decode())
        if self.answer != "hang":
            writer.write(f"HTTP/1.1 {self.answer}\r\n{self.more}Content-Length: 4\r\n\r\nsaid".encode())
            await writer.drain()
            writer.close()
        else:
            await reader.read()
            writer.close()

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        server = await asyncio.start_server(self.serve, "127.0.0.1", self.port)
        try:
            yield
        finally:
            server.close()


@pytest.fixture
def peer() -> Peer:
    return Peer()


@pytest.fixture
async def a(tmp_path: Path, clock: Clock, peer: Peer) -> AsyncIterator[TraceBook]:
    folder = tmp_path / "a"
    async with await open_registry(RegistrySettings(), folder) as registry:
        yield book_of(registry, folder, {"b": tmp_path / "b"}, clock, urls={"b": peer.url})


async def drafted(a: TraceBook) -> int:
    place, _ = await ask_peer(a, OFFICER, call(), "node-a", "b")
    assert await courier.carry(a, OFFICER) == Delivery(0, 0, 0)  # a draft stays until somebody sends it
    assert await post.send(a, OFFICER, place) == 1
    return place


async def request_said(a: TraceBook, place: int) -> Said:
    return (await a.said(OFFICER, place))[0]


async def test_tried_until_it_is_taken(a: TraceBook, peer: Peer, clock: Clock) -> None:
    place = await drafted(a)
    pauses = []
    for _ in range(10):
        assert await courier.carry(a, OFFICER) == WAITING  # nobody listens
        assert await courier.carry(a, OFFICER) == Delivery(0, 0, 0)
        said = await request_said(a, place)
        assert said.send_at is not None
        pauses.append(said.send_at - clock.now)
        clock.now = said.send_at
    assert pauses == [5, 10, 20, 40, 80, 160, 320, 640, 900, 900]
    assert "Cannot connect" in said.trouble
    async with peer.listening():
        assert await courier.carry(a, OFFICER) == DELIVERED
        assert await courier.carry(a, OFFICER) == Delivery(0, 0, 0)
    said = await request_said(a, place)
    assert (said.delivered_at, said.trouble, (await a.get(OFFICER, place)).state) == (clock.now, "", "sent")
    assert len(peer.bodies) == 1 and peer.bodies[0].count(".") == 2


@pytest.mark.parametrize(
    ("answer", "more", "done"),
    [
        ("200 OK", "", DELIVERED),
        ("202 Accepted", "", DELIVERED),
        ("201 Created", "", WAITING),  # nothing of ours says that
        ("503 Later", "", WAITING),
        ("429 Slowly", "", WAITING),
        ("302 Found", "Location: http://127.0.0.1:1/elsewhere\r\n", WAITING),
        ("400 Bad", "", REFUSED),
        ("403 No", "", REFUSED),
        ("409 Known otherwise", "", REFUSED),
    ],
)
async def test_what_answers_mean(a: TraceBook, peer: Peer, answer: str, more: str, done: Delivery) -> None:
    place = await drafted(a)
    peer.answer, peer.more = answer, more
    async with peer.listening():
        assert await courier.carry(a, OFFICER) == done
    said = await request_said(a, place)
    assert (said.send_at is None) == (done != WAITING)
    assert said.trouble == ("" if done == DELIVERED else f"{answer[:3]} said")
    if done == REFUSED:  # somebody mended it and sends it again
        peer.answer = "202 Accepted"
        assert await post.send(a, OFFICER, place) == 1
        async with peer.listening():
            assert await courier.carry(a, OFFICER) == DELIVERED


async def test_a_peer_that_hangs(a: TraceBook, peer: Peer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(courier, "TIMEOUT", 0.2)
    place = await drafted(a)
    peer.answer = "hang"
    async with peer.listening():
        assert await courier.carry(a, OFFICER) == WAITING
    assert (await request_said(a, place)).trouble == "no answer within 0.2 s"


async def test_a_closed_request_is_sent_no_more(a: TraceBook, peer: Peer) -> None:
    place = await drafted(a)
    await steps.close(a, OFFICER, place)
    async with peer.listening():
        assert await courier.carry(a, OFFICER) == Delivery(0, 0, 0)
    with pytest.raises(TraceError, match="is closed"):
        await post.send(a, OFFICER, place)


async def test_without_a_url_it_goes_by_file(tmp_path: Path, clock: Clock) -> None:
    folder = tmp_path / "a"
    async with await open_registry(RegistrySettings(), folder) as registry:
        a = book_of(registry, folder, {"b": tmp_path / "b"}, clock)
        place, _ = await ask_peer(a, OFFICER, call(), "node-a", "b")
        with pytest.raises(TraceError, match="has no url"):
            await post.send(a, OFFICER, place)
