"""What the kernel does for a UDP socket besides carrying: a long queue, datagrams that came back, drops counted."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator
from typing import Any

from ringfence.transport.datagrams import LARGEST
from ringfence.transport.far_ends import Address

_SO_SNDBUFFORCE, _SO_RCVBUFFORCE = 32, 33
_SO_MEMINFO, _MEMINFO_WORDS, _MEMINFO_DROPS = 55, 9, 8
_IP_RECVERR, _IPV6_RECVERR = 11, 25
_EXTENDED_ERR = struct.Struct("=IBBBBII")
_ICMP, _ICMP_UNREACHABLE, _FRAGMENTATION_NEEDED = 2, 3, 4
_ICMP6, _ICMP6_UNREACHABLE = 3, 1


def enlarge_receive_buffer(sock: socket.socket, size: int) -> None:
    """Without CAP_NET_ADMIN as far as net.core.rmem_max goes."""
    try:
        sock.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, size)
    except OSError:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, size)


def enlarge_send_buffer(sock: socket.socket, size: int) -> None:
    """Without CAP_NET_ADMIN as far as net.core.wmem_max goes."""
    try:
        sock.setsockopt(socket.SOL_SOCKET, _SO_SNDBUFFORCE, size)
    except OSError:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, size)


def report_icmp(sock: socket.socket) -> None:
    """Have the kernel keep ICMP errors for us (RFC 3261 §18.4): without this it forgets those of unconnected sockets,
    and the transaction's timers find out.
    """
    if sock.family == socket.AF_INET6:
        sock.setsockopt(socket.IPPROTO_IPV6, _IPV6_RECVERR, 1)
    else:
        sock.setsockopt(socket.IPPROTO_IP, _IP_RECVERR, 1)


def returned(sock: socket.socket, limit: int) -> Iterator[tuple[bytes, Address, bool]]:
    """Up to `limit` entries of the socket's error queue: datagrams of ours that came back by ICMP.

    Each with the far end that it was for, and whether RFC 3261 §18.4 has the transport user told: host, network, port
    or protocol unreachable.
    """
    for _ in range(limit):
        try:
            data, ancillary, _, address = sock.recvmsg(LARGEST, 512, socket.MSG_ERRQUEUE)
        except OSError:
            return
        yield data, address, _is_unreachable(ancillary)


def _is_unreachable(ancillary: list[tuple[int, int, bytes]]) -> bool:
    for _, _, extended in ancillary:
        if len(extended) >= _EXTENDED_ERR.size:
            _, origin, kind, code, *_ = _EXTENDED_ERR.unpack_from(extended)
            if origin == _ICMP:
                return bool(kind == _ICMP_UNREACHABLE and code != _FRAGMENTATION_NEEDED)
            if origin == _ICMP6:
                return bool(kind == _ICMP6_UNREACHABLE)
    return False


def queue_figures(sock: socket.socket) -> dict[str, int]:
    """Datagrams lost since the socket was made because its receive buffer was full, and that buffer's size; 0 for a
    closed one."""
    if sock.fileno() < 0:
        return {"kernel_dropped": 0, "receive_buffer_bytes": 0}
    words: tuple[Any, ...] = struct.unpack(
        f"={_MEMINFO_WORDS}I", sock.getsockopt(socket.SOL_SOCKET, _SO_MEMINFO, 4 * _MEMINFO_WORDS)
    )
    return {
        "kernel_dropped": int(words[_MEMINFO_DROPS]),
        "receive_buffer_bytes": sock.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF),
    }
