"""What the compiled twins take they give back, also on the ways that end in an error."""

from __future__ import annotations

import gc
import socket
import sys
from collections.abc import Callable

import pytest
from tests.fuzz.differential import PLAIN, Mutator
from tests.support.messages import request

from ringfence.sip import headers as h
from ringfence.sip.address import Listener
from ringfence.sip.errors import SipError
from ringfence.sip.message import Request
from ringfence.transport.far_ends import Peer

_native = pytest.importorskip("ringfence._native", reason="ringfence._native is not built: no C compiler")

ROUNDS = 400


def grown(work: Callable[[], object]) -> int:
    """Blocks and references that ROUNDS of work left behind, after it has warmed up."""
    for _ in range(20):
        work()
    gc.collect()
    before = sys.getallocatedblocks()
    for _ in range(ROUNDS):
        work()
    gc.collect()
    return sys.getallocatedblocks() - before


def ask_all(data: bytes) -> None:
    """Everything that C can be asked about a message."""
    try:
        index = _native.HeaderIndex(data)
        for number in (h.OTHER, h.VIA, h.ROUTE, h.FROM, 61):
            index.first(number), index.span(number), index.values(number), index.spans(number), index.count(number)
        index.named(b"x-one"), index.named(b"via"), index.spans_with_prefix(b"p-")
        index.singles((h.FROM, h.CSEQ, h.ROUTE, h.VIA))
    except SipError:
        pass
    try:
        found = _native.parse(data)
    except SipError:
        return
    _native.number_of_uri(found.from_uri), _native.number_of_address(found.index.first(h.FROM))
    edits = [(9, 12, b"x"), (0, 3, b"yy")] * 10
    for wanted in (edits[:1], edits[:2], edits):
        try:
            _native.splice(data, wanted)
        except ValueError:
            pass
    if isinstance(found, Request):
        via = _native.stamped_via(found, "192.0.2.1", 5060)
        _native.response(found, 486, b"Busy Here", via, b"tag")
        _native.loop_mark(found, "a trunk")
        for cuts in ([], edits):
            try:
                _native.copied(found, b"sip:a", [b"<sip:b>"] * 40, b"Via: x\r\n", via, b"", cuts, True)
            except ValueError:
                pass
    else:
        _native.has_second_via(found), _native.without_top_via(found)


def test_reading_leaves_nothing_behind() -> None:
    mutate = Mutator(1)
    inputs = [*PLAIN, *(mutate() for _ in range(50))]
    assert grown(lambda: [ask_all(data) for data in inputs]) < ROUNDS // 4


def test_references_are_given_back() -> None:
    for text in (b"INVITE", b"UDP"):
        message = _native.parse(request())
        shared = message.method if text == b"INVITE" else message.via_transport
        before = sys.getrefcount(shared)
        for _ in range(ROUNDS):
            _native.parse(request())
        assert sys.getrefcount(shared) - before < 10
    data = request()
    before = sys.getrefcount(data)
    kept = [_native.parse(data) for _ in range(ROUNDS)]
    assert sys.getrefcount(data) == before + 2 * ROUNDS  # the message and its index
    del kept
    assert sys.getrefcount(data) == before
    for constant in (None, True, False):
        before = sys.getrefcount(constant)
        for _ in range(ROUNDS):
            ask_all(data)
        assert abs(sys.getrefcount(constant) - before) < ROUNDS // 4


def test_datagrams_leave_nothing_behind() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        sock.setblocking(False)
        peer = Peer(Listener(0, "udp", "127.0.0.1", 5060), sock.getsockname())
        wrong = Peer(Listener(0, "udp", "127.0.0.1", 5060), ("127.0.0.1", 70_000))

        def work() -> None:
            assert _native.send_batch(sock, [(peer, b"x" * 99)] * 5) == 5
            for batch in ([(peer, bytes(70_000))], [(peer, b"x"), (wrong, b"y")], [(object(), b"x")], [None]):
                with pytest.raises((OSError, OverflowError, AttributeError, TypeError)):
                    _native.send_batch(sock, batch)
            assert len(_native.receive_batch(sock, 99)) == 6

        assert grown(work) < ROUNDS // 4


def relayed(door: socket.socket, far: socket.socket, outlet: socket.socket, inlet: socket.socket) -> None:
    """Messages to a worker that takes them, to one that does not, and to one who sends nonsense."""
    for _ in range(2):
        far.sendto(request(), door.getsockname())
        far.sendto(b"\r\n\r\n", door.getsockname())
    _native.relay_batch(door, [outlet.fileno()], 65_535, 2)
    _native.relay_batch(door, [-1], 65_535, 9)
    outlet.send(b"nonsense" * 8)
    _native.receive_relayed(inlet, 9)
    for wrong in ((door, [], 1, 1), (door, ["x"], 1, 1), (door, [1], "x", 1), (door, 7, 1, 1)):
        with pytest.raises((TypeError, ValueError)):
            _native.relay_batch(*wrong)


def test_handing_on_leaves_nothing_behind() -> None:
    outlet, inlet = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with (
        outlet, inlet,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as door,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as far,
    ):  # fmt: skip
        for sock in (door, far):
            sock.bind(("127.0.0.1", 0))
        inlet.setblocking(False)
        assert grown(lambda: relayed(door, far, outlet, inlet)) < ROUNDS // 10
