"""The called side, asked directly: repeats, CANCEL too late, strangers in a dialog."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from ringfence.demo import agent as agent_module
from ringfence.demo.errors import DemoError
from ringfence.demo.softswitch import Softswitch
from ringfence.sip.message import Response, parse

T1 = 0.02
CALLEE = "sip:+8613800138000@127.0.0.1"


class Wire(asyncio.DatagramProtocol):
    def __init__(self) -> None:
        self.inbox: asyncio.Queue[bytes] = asyncio.Queue()

    def datagram_received(self, data: bytes, addr: object) -> None:
        self.inbox.put_nowait(data)


class Client:
    """Sends what it is told and reads the answers."""

    def __init__(self, softswitch: Softswitch, socket: asyncio.DatagramTransport, wire: Wire) -> None:
        self.softswitch = softswitch
        self._socket = socket
        self._wire = wire

    def send(
        self, method: str, branch: str = "1", to_tag: str = "", via: str = "", extra: str = "", uri: str = CALLEE
    ) -> None:
        port = self._socket.get_extra_info("sockname")[1]
        top = via or f"SIP/2.0/UDP 127.0.0.1:{port};branch=z9hG4bK{branch}"
        to = f"<{CALLEE}>" + (f";tag={to_tag}" if to_tag else "")
        number = {"ACK": 1, "CANCEL": 1, "INVITE": 1}.get(method, 2)
        head = (
            f"{method} {uri} SIP/2.0\r\nVia: {top}\r\n{extra}From: <sip:1@x>;tag=a\r\n"
            f"To: {to}\r\nCall-ID: one\r\nCSeq: {number} {method}\r\nContent-Length: 0\r\n\r\n"
        )
        self._socket.sendto(head.encode(), (self.softswitch.host, self.softswitch.port))

    async def answer(self) -> Response:
        message = parse(await asyncio.wait_for(self._wire.inbox.get(), 5))
        assert isinstance(message, Response)
        return message

    async def final(self) -> Response:
        while (answer := await self.answer()).status < 200:
            pass
        return answer


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    softswitch = Softswitch(t1=T1)
    await softswitch.open("udp")
    wire = Wire()
    loop = asyncio.get_running_loop()
    socket, _ = await loop.create_datagram_endpoint(lambda: wire, local_addr=("127.0.0.1", 0))
    yield Client(softswitch, socket, wire)
    socket.close()
    await softswitch.close()


async def test_options_are_answered(client: Client) -> None:
    client.send("OPTIONS")
    assert (await client.answer()).status == 200
    assert client.softswitch.requests == {"OPTIONS": 1}


async def test_the_answer_is_repeated_until_the_ack_comes(client: Client) -> None:
    client.send("INVITE", extra="Record-Route: <sip:p1;lr>\r\nRecord-Route: <sip:p2;lr>\r\n")
    assert (await client.answer()).status == 180
    first = await client.answer()
    again = await client.answer()
    assert first.status == again.status == 200
    assert first.data == again.data
    assert first.to_tag
    assert first.data.count(b"Record-Route: ") == 2
    assert b"\r\nm=audio" in first.body
    client.send("ACK", branch="2", to_tag=first.to_tag.decode())
    client.send("BYE", branch="3", to_tag=first.to_tag.decode())
    while (answer := await client.answer()).cseq_method != b"BYE":
        pass
    assert answer.status == 200
    assert client.softswitch.seen["one"].acknowledged
    assert client.softswitch.seen["one"].ended


async def test_a_repeated_invite_gets_the_last_response_and_makes_no_second_call(client: Client) -> None:
    client.softswitch.ring = 30
    client.send("INVITE")
    first = await client.answer()
    client.send("INVITE")
    assert (await client.answer()).data == first.data
    assert len(client.softswitch.seen) == 1


async def test_a_refusal_over_udp_is_repeated_and_stopped_by_its_ack(client: Client) -> None:
    client.softswitch.refusals["+8613800138000"] = 486
    client.send("INVITE")
    first = await client.final()
    assert (first.status, (await client.answer()).status) == (486, 486)
    client.send("ACK", to_tag=first.to_tag.decode())
    client.send("OPTIONS", branch="9")
    while (await client.answer()).cseq_method != b"OPTIONS":
        pass


async def test_an_answer_nobody_acknowledges_is_given_up(client: Client) -> None:
    client.softswitch.t1 = 0.001
    client.send("INVITE")
    await client.final()
    repeats = 0
    with pytest.raises(TimeoutError):
        while True:
            async with asyncio.timeout(0.2):
                await client.answer()
                repeats += 1
    assert 3 <= repeats <= 12  # after 1, 2, 4, 8 and then every 8 T1, up to 64


async def test_cancel_after_the_answer_changes_nothing(client: Client) -> None:
    client.send("INVITE")
    answer = await client.final()
    client.send("CANCEL")
    while (response := await client.answer()).cseq_method != b"CANCEL":
        pass
    assert (response.status, response.to_tag) == (200, answer.to_tag)
    assert client.softswitch.seen["one"].status == 200


async def test_an_ack_before_the_answer_does_not_stop_the_ringing(client: Client) -> None:
    client.softswitch.ring = 0.05
    client.send("INVITE")
    assert (await client.answer()).status == 180
    client.send("ACK")
    assert (await client.answer()).status == 200


async def test_a_reinvite_is_answered_in_the_dialog_and_another_method_refused(client: Client) -> None:
    client.send("INVITE")
    tag = (await client.final()).to_tag.decode()
    client.send("ACK", branch="2", to_tag=tag)
    client.send("INVITE", branch="3", to_tag=tag)
    again = await client.final()
    assert (again.status, again.via_branch) == (200, b"z9hG4bK3")
    client.send("ACK", branch="4", to_tag=tag)
    client.send("INFO", branch="5", to_tag=tag)
    assert (await client.answer()).status == 405


@pytest.mark.parametrize("method", ["BYE", "CANCEL", "INFO"])
async def test_what_belongs_to_no_call_gets_481(client: Client, method: str) -> None:
    client.send(method, to_tag="stranger" if method != "CANCEL" else "")
    assert (await client.answer()).status == 481


async def test_every_via_comes_back_the_first_with_the_true_source(client: Client) -> None:
    port = client._socket.get_extra_info("sockname")[1]
    first = f"SIP/2.0/UDP 10.9.9.9:{port};rport;branch=z9hG4bKv, SIP/2.0/UDP 10.8.8.8;branch=z9hG4bKw"
    client.send("OPTIONS", via=f"{first}\r\nVia: SIP/2.0/UDP 10.7.7.7;branch=z9hG4bKx")
    data = (await client.answer()).data
    assert (
        f"Via: SIP/2.0/UDP 10.9.9.9:{port};rport={port};branch=z9hG4bKv;received=127.0.0.1, SIP/2.0/UDP 10.8.8.8"
        in data.decode()
    )
    assert b"\r\nVia: SIP/2.0/UDP 10.7.7.7;branch=z9hG4bKx\r\n" in data


async def test_marks_privacy_and_numbers_are_noted(client: Client) -> None:
    client.send(
        "INVITE",
        uri="tel:+861",
        extra="P-Ringfence-Verdict: tag\r\nCall-Info: <http://x>\r\nPrivacy: id\r\nP-Asserted-Identity: <sip:7@x>\r\n",
    )
    await client.final()
    seen = client.softswitch.seen["one"]
    assert seen.marks == [("P-Ringfence-Verdict", "tag"), ("Call-Info", "<http://x>")]
    assert (seen.callee, seen.caller, seen.privacy, seen.asserted) == ("+861", "1", ["id"], ["<sip:7@x>"])


async def test_a_port_of_the_system_s_choice_is_free_for_every_transport(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first choice is made for UDP alone; somebody holds its TCP side."""
    tried: list[int] = []
    opened = agent_module.open_tcp

    async def taken_once(handler: Any, host: str, port: int, listening: bool) -> Any:
        tried.append(port)
        if len(tried) == 1:
            raise DemoError("taken")
        return await opened(handler, host, port, listening)

    monkeypatch.setattr(agent_module, "open_tcp", taken_once)
    switch = Softswitch("127.0.0.1", 0)
    await switch.open("udp", "tcp", listening=True)
    assert (len(tried), switch.port) == (2, tried[1])
    await switch.close()
