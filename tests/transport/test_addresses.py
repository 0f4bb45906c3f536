import socket

import pytest

from ringfence.transport.addresses import bound_socket, socket_address
from ringfence.transport.errors import TransportError


@pytest.mark.parametrize(
    ("host", "family", "address"),
    [
        ("192.0.2.1", socket.AF_INET, ("192.0.2.1", 5060)),
        ("2001:DB8:0:0::1", socket.AF_INET6, ("2001:db8::1", 5060, 0, 0)),
        ("fe80::1%7", socket.AF_INET6, ("fe80::1", 5060, 0, 7)),
        ("fe80::1%lo", socket.AF_INET6, ("fe80::1", 5060, 0, socket.if_nametoindex("lo"))),
    ],
)
def test_as_the_kernel_gives_it(host: str, family: socket.AddressFamily, address: tuple[object, ...]) -> None:
    assert socket_address(host, 5060, family) == address


@pytest.mark.parametrize(
    ("host", "family"),
    [
        ("sip.example.com", socket.AF_INET),
        ("999.1.1.1", socket.AF_INET),
        ("::1", socket.AF_INET),
        ("127.0.0.1", socket.AF_INET6),
        ("fe80::1%nosuch0", socket.AF_INET6),
    ],
)
def test_refused(host: str, family: socket.AddressFamily) -> None:
    with pytest.raises(TransportError):
        socket_address(host, 5060, family)


def test_a_taken_port_is_told_with_the_listener() -> None:
    with (
        bound_socket("first", "127.0.0.1", 0, socket.SOCK_DGRAM) as first,
        pytest.raises(TransportError, match="listener second: cannot bind"),
    ):
        bound_socket("second", "127.0.0.1", first.getsockname()[1], socket.SOCK_DGRAM)


def test_an_address_of_somebody_else_is_told() -> None:
    with pytest.raises(TransportError, match="listener edge"):
        bound_socket("edge", "192.0.2.1", 0, socket.SOCK_STREAM)


def test_ipv6_sockets_are_not_dual_stack() -> None:
    with bound_socket("edge", "::", 0, socket.SOCK_STREAM) as sock:
        assert sock.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY) == 1
