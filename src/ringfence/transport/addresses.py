"""Numeric addresses as the socket module wants them, and the options that every socket of ours carries."""

from __future__ import annotations

import socket
from ipaddress import IPv6Address, ip_address

from ringfence.transport.errors import TransportError
from ringfence.transport.far_ends import Address


def family_of(host: str) -> socket.AddressFamily:
    """AF_INET or AF_INET6 of a numeric host. Raises ValueError for a name."""
    return socket.AF_INET6 if ip_address(host).version == 6 else socket.AF_INET


def socket_address(host: str, port: int, family: socket.AddressFamily) -> Address:
    """The key that the kernel would give for this far end: canonical text, IPv6 with flow 0 and its scope.

    Raises TransportError for a name, an unknown zone, or an address of another family.
    """
    try:
        address = ip_address(host)
        if (address.version == 6) != (family == socket.AF_INET6):
            raise TransportError("the address is of another IP version than its listener")
        if not isinstance(address, IPv6Address):
            return str(address), port
        scope = address.scope_id
        number = 0 if scope is None else int(scope) if scope.isdigit() else socket.if_nametoindex(scope)
    except (ValueError, OSError) as error:
        raise TransportError("a far end is given by its numeric address") from error
    return str(address).partition("%")[0], port, 0, number


def bound_socket(name: str, host: str, port: int, kind: socket.SocketKind) -> socket.socket:
    """A non-blocking socket bound to host:port that speaks this one IP version only.

    A dual-stack socket would show IPv4 peers as `::ffff:…` and miss their trunks; two listeners serve both.
    Raises TransportError that names the listener.
    """
    try:
        family = family_of(host)
        sock = socket.socket(family, kind)
    except OSError as error:
        raise TransportError(f"listener {name}: {error.strerror}") from error
    try:
        sock.setblocking(False)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        if kind == socket.SOCK_STREAM:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(socket_address(host, port, family))
    except (OSError, TransportError) as error:
        sock.close()
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise TransportError(f"listener {name}: cannot bind {host} port {port}: {reason}") from error
    return sock
