"""Whole calls between the caller and the softswitch, over real sockets."""

from __future__ import annotations

import asyncio

import pytest
from tests.demo.agents import T1, pair, plan

from ringfence.demo.caller import Caller, CallPlan
from ringfence.demo.errors import DemoError
from ringfence.demo.ladder import Step
from ringfence.sip.address import Transport
from ringfence.sip.message import Request, Response, parse


def words(steps: list[Step]) -> list[str]:
    return [f"{step.direction} {step.text.partition(' sip:')[0]}" for step in steps]


@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_a_call_is_answered_held_and_released(transport: Transport) -> None:
    async with pair() as (caller, softswitch):
        report = await caller.place(plan(softswitch, transport, display='招商 "银行"'))
        seen = softswitch.seen[report.call_id]
    assert words(report.steps) == [
        "out INVITE", "in 180 Ringing (INVITE)", "in 200 OK (INVITE)", "out ACK", "out BYE", "in 200 OK (BYE)",
    ]  # fmt: skip
    assert (report.status, report.phrase, report.ended) == (200, "OK", 200)
    assert (seen.acknowledged, seen.ended, seen.status) == (True, True, 200)
    assert (seen.caller, seen.callee, seen.display) == ("+862161000001", "+8613800138000", '招商 "银行"')


async def test_a_refusal_is_acknowledged_and_its_marks_are_told() -> None:
    async with pair(refusals={"110": 603}) as (caller, softswitch):
        report = await caller.place(plan(softswitch, callee="110"))
        for _ in range(100):
            if softswitch.requests.get("ACK"):
                break
            await asyncio.sleep(0.01)
    assert (report.status, report.phrase) == (603, "Decline")
    assert words(report.steps)[-2:] == ["in 603 Decline (INVITE)", "out ACK"]
    assert softswitch.seen[report.call_id].acknowledged


@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_cancel_while_it_rings_ends_with_487(transport: Transport) -> None:
    async with pair(ring=30) as (caller, softswitch):
        report = await caller.place(plan(softswitch, transport, cancel_after=0.0))
    assert report.status == 487
    assert {"out CANCEL", "in 200 OK (CANCEL)", "in 487 Request Terminated (INVITE)", "out ACK"} < set(
        words(report.steps)
    )


async def test_cancel_before_any_answer_waits_for_a_provisional() -> None:
    async with pair(ring=30) as (caller, softswitch):
        call = caller.begin(plan(softswitch))
        call.cancel()
        report = await call.run()
    assert words(report.steps)[:3] == ["out INVITE", "in 180 Ringing (INVITE)", "out CANCEL"]
    assert report.status == 487


async def test_nobody_there_is_repeated_by_timer_a_and_given_up_by_timer_b() -> None:
    async with pair(t1=0.002) as (caller, softswitch):
        await softswitch.close()
        report = await caller.place(plan(softswitch))
    # 64·T1 hold the first and those after 1, 3, 7, 15, 31 and 63 T1 (RFC 3261 §17.1.1.2); a busy machine may miss one.
    assert report.status == 0
    assert set(words(report.steps)) == {"out INVITE"}
    assert 4 <= len(report.steps) <= 7


async def test_tcp_with_nobody_there_says_so() -> None:
    async with pair() as (caller, softswitch):
        await softswitch.close()
        with pytest.raises(DemoError, match="no connection from"):
            await caller.place(plan(softswitch, "tcp"))


async def test_a_taken_port_says_so() -> None:
    async with pair() as (_, softswitch):
        for transport in ("udp", "tcp"):
            other = Caller(port=softswitch.port)
            with pytest.raises(DemoError, match=f"{transport} 127.0.0.1:{softswitch.port} cannot be bound"):
                await other.open(transport, listening=True)


async def test_the_callee_hanging_up_ends_the_call() -> None:
    async with Peer() as peer:
        call = asyncio.create_task(peer.caller.place(peer.plan(hold=30)))
        invite = await peer.request()
        peer.answer(invite, "200 OK", to_tag="callee")
        assert (await peer.request()).method == b"ACK"
        bye = (
            f"BYE sip:x@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:{peer.port};branch=z9hG4bKbye;rport\r\n"
            f"From: {text(invite, b'To')};tag=callee\r\nTo: {text(invite, b'From')}\r\n"
            f"Call-ID: {invite.call_id.decode()}\r\nCSeq: 7 BYE\r\nContent-Length: 0\r\n\r\n"
        )
        peer.send(bye.encode())
        assert (await peer.response()).status == 200
        report = await call
    assert (report.status, report.ended) == (200, 0)
    assert words(report.steps)[-2:] == ["in BYE", "out 200 OK (BYE)"]


async def test_requests_outside_any_call_get_their_refusals() -> None:
    async with Peer() as peer:
        cases = (("OPTIONS", "", 200), ("BYE", ";tag=x", 481), ("CANCEL", "", 481), ("INVITE", "", 405))
        for method, tag, status in cases:
            peer.send(
                f"{method} sip:x@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:{peer.port};branch=z9hG4bK{method}\r\n"
                f"From: <sip:a@b>;tag=1\r\nTo: <sip:c@d>{tag}\r\nCall-ID: {method}\r\nCSeq: 1 {method}\r\n\r\n".encode()
            )
            assert (await peer.response()).status == status
        peer.send(b"no message")
        peer.send(b"\r\n\r\n")
        peer.send(b"OPTIONS sip:x@y SIP/2.0\r\n" + peer.head("OPTIONS"))
        assert (await peer.response()).status == 200
        assert peer.caller.unreadable == 1


async def test_every_repeat_of_a_final_response_is_acknowledged_again() -> None:
    async with Peer() as peer:
        call = asyncio.create_task(peer.caller.place(peer.plan()))
        invite = await peer.request()
        peer.answer(invite, "486 Busy Here", to_tag="callee")
        first = await peer.request()
        await call
        peer.answer(invite, "486 Busy Here", to_tag="callee")
        assert (await peer.request()).data == first.data
    # §17.1.1.3: the refusal's ACK is part of the INVITE's transaction, To apart.
    assert (first.method, first.via_branch, first.to_tag) == (b"ACK", invite.via_branch, b"callee")


@pytest.mark.parametrize(
    ("recorded", "uri", "routes"),
    [
        ([], b"sip:callee@127.0.0.1:9", []),
        (["<sip:127.0.0.1:{port};lr>"], b"sip:callee@127.0.0.1:9", [b"<sip:127.0.0.1:{port};lr>"]),
        (
            ["<sip:far.example;lr>, <sip:127.0.0.1:{port};lr>"],
            b"sip:callee@127.0.0.1:9",
            [b"<sip:127.0.0.1:{port};lr>", b"<sip:far.example;lr>"],
        ),
        (
            ["<sip:far.example;lr>", "<sip:127.0.0.1:{port}>"],
            b"sip:127.0.0.1:{port}",
            [b"<sip:far.example;lr>", b"<sip:callee@127.0.0.1:9>"],
        ),
    ],
)
async def test_ack_and_bye_take_the_route_that_was_recorded(
    recorded: list[str], uri: bytes, routes: list[bytes]
) -> None:
    async with Peer() as peer:
        here = str(peer.port).encode()
        call = asyncio.create_task(peer.caller.place(peer.plan()))
        invite = await peer.request()
        lines = [f"Record-Route: {value}".replace("{port}", str(peer.port)) for value in recorded]
        contact = "callee@127.0.0.1:9" if recorded else f"callee@127.0.0.1:{peer.port}"
        peer.answer(invite, "200 OK", "callee", *lines, f"Contact: <sip:{contact}>")
        wanted = [route.replace(b"{port}", here) for route in routes]
        for method in (b"ACK", b"BYE"):
            request = await peer.request()
            assert request.method == method
            assert request.uri == (uri.replace(b"{port}", here) if recorded else b"sip:" + contact.encode())
            assert request.routes == wanted
            assert request.to_tag == b"callee"
        peer.answer(request, "200 OK", "")
        assert (await call).ended == 200


async def test_a_contact_by_name_is_reached_through_the_first_hop() -> None:
    async with Peer() as peer:
        call = asyncio.create_task(peer.caller.place(peer.plan()))
        invite = await peer.request()
        peer.answer(invite, "200 OK", "callee", "Contact: <sip:callee@far.example>")
        assert (await peer.request()).uri == b"sip:callee@far.example"
        peer.answer(await peer.request(), "200 OK", "")
        assert (await call).ended == 200


async def test_identity_is_written_as_asked() -> None:
    async with Peer() as peer:
        for asked, header, value in (
            ({"asserted": "+862161000001"}, b"P-Asserted-Identity", "<sip:+862161000001@127.0.0.1>"),
            ({"private": True}, b"Privacy", "id"),
            ({"caller": "anonymous", "display": "Anonymous"}, b"From", '"Anonymous" <sip:anonymous@anonymous.invalid>'),
            ({"caller": ""}, b"From", "<sip:127.0.0.1>"),
            ({"caller": "12 34"}, b"From", "<sip:12%2034@127.0.0.1>"),
            ({"caller": "tel:+861"}, b"From", "<tel:+861>"),
            ({"fields": (("Diversion", "<sip:1@x>"),)}, b"Diversion", "<sip:1@x>"),
        ):
            call = asyncio.create_task(peer.caller.place(peer.plan(**asked)))
            invite = await peer.request()
            assert text(invite, header).partition(";tag=")[0] == value
            peer.answer(
                invite,
                "403 Forbidden",
                "callee",
                "Reason: Q.850;cause=21",
                "P-Ringfence-Reason: a.b",
                "Call-Info: <x:y>",
            )
            assert (await peer.request()).method == b"ACK"
            report = await call
    assert (report.status, report.reason) == (403, ["Q.850;cause=21"])
    assert report.marks == [("P-Ringfence-Reason", "a.b"), ("Call-Info", "<x:y>")]


async def test_a_value_that_would_break_out_of_its_line_is_refused() -> None:
    async with Peer() as peer:
        with pytest.raises(DemoError, match="line break"):
            await peer.caller.place(peer.plan(display="x\r\nEvil: 1"))


class Peer:
    """A socket played by the test: what the caller sends, message by message."""

    def __init__(self) -> None:
        self.caller = Caller(t1=T1 * 10)
        self.port = 0
        self._inbox: asyncio.Queue[bytes] = asyncio.Queue()

    async def __aenter__(self) -> Peer:
        await self.caller.open("udp")
        inbox = self._inbox

        class Socket(asyncio.DatagramProtocol):
            def datagram_received(self, data: bytes, addr: object) -> None:
                inbox.put_nowait(data)

        loop = asyncio.get_running_loop()
        self._socket, _ = await loop.create_datagram_endpoint(Socket, local_addr=("127.0.0.1", 0))
        self.port = self._socket.get_extra_info("sockname")[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._socket.close()
        await self.caller.close()

    def plan(self, **fields: object) -> CallPlan:
        return CallPlan(**{"caller": "1001", "callee": "1002", "target": ("127.0.0.1", self.port), **fields})  # type: ignore[arg-type]

    def send(self, data: bytes) -> None:
        self._socket.sendto(data, (self.caller.host, self.caller.port))

    async def request(self) -> Request:
        message = parse(await asyncio.wait_for(self._inbox.get(), 5))
        assert isinstance(message, Request)
        return message

    async def response(self) -> Response:
        message = parse(await asyncio.wait_for(self._inbox.get(), 5))
        assert isinstance(message, Response)
        return message

    def head(self, method: str) -> bytes:
        return (
            f"Via: SIP/2.0/UDP 127.0.0.1:{self.port};branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:c@d>\r\n"
            f"Call-ID: 1\r\nCSeq: 1 {method}\r\n\r\n"
        ).encode()

    def answer(self, request: Request, line: str, to_tag: str, *lines: str) -> None:
        names = (b"Via", b"From", b"Call-ID", b"CSeq")
        head = [f"SIP/2.0 {line}", *(f"{name.decode()}: {text(request, name)}" for name in names)]
        head.append(f"To: {text(request, b'To')}" + (f";tag={to_tag}" if to_tag else ""))
        self.send("\r\n".join([*head, *lines, "Content-Length: 0", "", ""]).encode())


def text(message: Request, name: bytes) -> str:
    """The first field of this name as it stands in the bytes."""
    line = next(line for line in message.data.split(b"\r\n") if line.lower().startswith(name.lower() + b":"))
    return line.partition(b":")[2].strip().decode()
