from __future__ import annotations

import pytest

from ringfence.sip.address import Endpoint, Listener, host_port


@pytest.mark.parametrize(
    ("host", "written"),
    [("192.0.2.1", b"192.0.2.1:5060"), ("2001:db8::1", b"[2001:db8::1]:5060"), ("a.b", b"a.b:5060")],
)
def test_host_port(host: str, written: bytes) -> None:
    assert host_port(host, 5060) == written
    assert Listener(0, "udp", host, 5060).sent_by == written


def test_a_listener_takes_the_port_that_the_kernel_chose() -> None:
    listener = Listener(3, "tls", "2001:db8::1", 0)
    listener.settle(5061)
    assert (listener.port, listener.sent_by) == (5061, b"[2001:db8::1]:5061")
    assert listener.via_prefix == b"Via: SIP/2.0/TLS [2001:db8::1]:5061;branch="
    assert repr(listener) == "Listener(3, tls, [2001:db8::1]:5061)"


def test_an_endpoint_belongs_to_its_listener() -> None:
    datagrams = Endpoint(Listener(0, "udp", "192.0.2.1", 5060), "192.0.2.9", 7060)
    stream = Endpoint(Listener(1, "tls", "192.0.2.1", 5061), "192.0.2.9", 7060, 4, frozenset({"a.example"}))
    assert (datagrams.transport, datagrams.reliable, datagrams.connection) == ("udp", False, None)
    assert (stream.transport, stream.reliable, stream.connection) == ("tls", True, 4)
    assert (stream.certificate, stream.peer, stream.generation) == (frozenset({"a.example"}), None, -1)
    assert "192.0.2.9" not in repr(stream)
