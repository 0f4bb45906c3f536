"""Datagrams handed on to worker processes: packed by who they are for, one send a worker and batch.

A pack is any number of frames, each a head (size of the data, IP version, port, flow and scope of IPv6, address) and
the data. It travels as one message of a SOCK_SEQPACKET pair, which takes all of it or nothing and keeps its bounds.
Compiled code may take over the two calls.
"""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Iterator, Sequence

from ringfence.sip.shares import share_of_message
from ringfence.transport.datagrams import LARGEST, receive_batch
from ringfence.transport.far_ends import Address

KEEPALIVE = 4  # CR LF CR LF; a zero byte or nothing at all is also sent by some to hold a NAT binding open
LONGEST_PACK = 65_600  # bytes: the longest datagram with its head
CHUNK = 64  # datagrams that are packed together
PACKS = 4  # read together
_HEAD = struct.Struct("=IHHII16s")

Kept = tuple[int, int, bytes]
"""(worker, messages in it, pack)."""

Relayed = tuple[int, int, int, list[int], list[Kept]]
"""(datagrams read, keep-alives of them, oversized ones of them, the rest by worker, what no outlet took, in order)."""


def relay_batch(sock: socket.socket, outlets: Sequence[int], longest: int, limit: int) -> Relayed:
    """Read up to `limit` datagrams that wait in a non-blocking socket and hand each to its worker.

    outlets: a descriptor for each worker; -1: what is for this one is kept, since more is waiting for it already.
    longest: bytes of a datagram that is still a message. An outlet that does not take a pack gets no later one either.
    Raises OSError as `receive_batch` does.
    """
    batch = receive_batch(sock, limit)
    open_to = list(outlets)
    shares = [0] * len(open_to)
    kept: list[Kept] = []
    keepalives = oversized = 0
    for start in range(0, len(batch), CHUNK):
        packs: list[list[bytes]] = [[] for _ in open_to]
        sizes = [0] * len(open_to)
        for data, address in batch[start : start + CHUNK]:
            if len(data) <= KEEPALIVE:
                keepalives += 1
            elif len(data) > longest:
                oversized += 1
            else:
                worker = share_of_message(data, len(open_to))
                if sizes[worker] + _HEAD.size + len(data) > LONGEST_PACK:
                    _ship(worker, packs[worker], open_to, kept)
                    packs[worker], sizes[worker] = [], 0
                packs[worker] += (_head(data, address), data)
                sizes[worker] += _HEAD.size + len(data)
                shares[worker] += 1
        for worker, parts in enumerate(packs):
            if parts:
                _ship(worker, parts, open_to, kept)
    return len(batch), keepalives, oversized, shares, kept


def _ship(worker: int, parts: list[bytes], open_to: list[int], kept: list[Kept]) -> None:
    if open_to[worker] >= 0:
        try:
            os.writev(open_to[worker], parts)
        except OSError:
            open_to[worker] = -1
        else:
            return
    kept.append((worker, len(parts) // 2, b"".join(parts)))


def _head(data: bytes, address: Address) -> bytes:
    if len(address) == 2:
        return _HEAD.pack(len(data), 4, address[1], 0, 0, socket.inet_aton(address[0]))
    host, port, flow, scope = address
    return _HEAD.pack(len(data), 6, port, flow, scope, socket.inet_pton(socket.AF_INET6, host.partition("%")[0]))


def receive_relayed(sock: socket.socket, limit: int) -> list[tuple[bytes, Address]]:
    """What waits in a non-blocking inlet, in order, each with its sender, as `receive_batch` gives it.

    Reads no further pack once `limit` datagrams are read. Raises OSError as `receive_batch` does.
    """
    batch: list[tuple[bytes, Address]] = []
    try:
        while len(batch) < limit:
            pack = sock.recv(LARGEST + _HEAD.size)
            if not pack:
                break  # the other side is gone
            batch += _frames(pack)
    except BlockingIOError:
        pass
    except OSError:
        if not batch:
            raise
    return batch


def _frames(pack: bytes) -> Iterator[tuple[bytes, Address]]:
    at = 0
    while len(pack) - at >= _HEAD.size:
        size, version, port, flow, scope, host = _HEAD.unpack_from(pack, at)
        at += _HEAD.size
        if size > len(pack) - at:
            return
        if version == 4:
            yield pack[at : at + size], (socket.inet_ntoa(host[:4]), port)
        else:
            yield pack[at : at + size], (socket.inet_ntop(socket.AF_INET6, host), port, flow, scope)
        at += size
