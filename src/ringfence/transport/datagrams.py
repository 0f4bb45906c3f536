"""Batches of datagrams through one socket: the two calls that compiled code may take over.

Both follow recvmmsg(2) and sendmmsg(2): what was done before the first error is returned, the error is raised
by the next call that meets it first.
"""

from __future__ import annotations

import socket
from collections.abc import Sequence
from itertools import islice

from ringfence.transport.far_ends import Address, Peer

LARGEST = 65_535  # no UDP payload is longer, so nothing read with this size is ever cut


def receive_batch(sock: socket.socket, limit: int) -> list[tuple[bytes, Address]]:
    """Up to `limit` datagrams that wait in a non-blocking socket, in order, each with its sender.

    Raises OSError only when the very first read fails for another reason than an empty queue (an ICMP error
    that the kernel reports, for one); it says nothing about the datagrams still waiting.
    """
    batch: list[tuple[bytes, Address]] = []
    take = batch.append
    receive = sock.recvfrom
    try:
        for _ in range(limit):
            take(receive(LARGEST))
    except BlockingIOError:
        pass
    except OSError:
        if not batch:
            raise
    return batch


def send_batch(sock: socket.socket, batch: Sequence[tuple[Peer, bytes]], start: int = 0) -> int:
    """Send `batch[start:]`; the index of the first datagram that was not sent (its length: all were).

    Raises BlockingIOError or another OSError only when `batch[start]`
    itself fails.
    """
    index = start
    send = sock.sendto
    try:
        for peer, data in islice(batch, start, None) if start else batch:
            send(data, peer.address)
            index += 1
    except OSError:
        if index == start:
            raise
    return index
