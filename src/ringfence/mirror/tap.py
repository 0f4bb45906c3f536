"""What the call path calls while copies are made: it takes references, and hands them on when the turn is over.

Nothing here waits: bytes go to the copying process by a Unix socket that does not block, behind a bound, after the
turn's own sends. While no copies are made there is no Tap, and the call path asks only whether there is one.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

from ringfence.engine.policy import Peer
from ringfence.mirror.frames import RECEIVED, SENT, call_id_of, call_id_of_record, chosen, message, record
from ringfence.sip.address import Endpoint


class Tap:
    """Copies on their way to the process that makes something of them.

    share: of calls that are handed on, see `frames.chosen`; 1.0: everything. bound: bytes that may wait.
    copied: messages and records handed on. dropped: those for which there was no room.
    """

    def __init__(self, link: asyncio.WriteTransport, share: float, bound: int) -> None:
        self.share = share
        self.copied = 0
        self.dropped = 0
        self._link = link
        self._bound = bound
        self._taken: list[tuple[Callable[[int, Any, list[bytes]], None], int, Any]] = []
        self._loop = asyncio.get_running_loop()

    def received(self, batch: list[tuple[bytes, Endpoint]]) -> None:
        """What a socket had, before anything is made of it."""
        self._take(self._put_received, batch)

    def sent(self, batch: list[tuple[Endpoint, bytes]]) -> None:
        """What a turn sends."""
        self._take(self._put_sent, batch)

    def recorded(self, first: int, bodies: list[bytes]) -> None:
        """What a turn has put on record. first: sequence number of the first."""
        self._take(self._put_records, (first, bodies))

    def _take(self, put: Callable[[int, Any, list[bytes]], None], what: object) -> None:
        if not self._taken:
            self._loop.call_soon(self._hand_on)
        self._taken.append((put, time.time_ns() // 1000, what))

    def _hand_on(self) -> None:
        taken, self._taken = self._taken, []
        frames: list[bytes] = []
        for put, wall, what in taken:
            put(wall, what, frames)
        if not frames:
            return
        data = b"".join(frames)
        if self._link.is_closing() or self._link.get_write_buffer_size() + len(data) > self._bound:
            self.dropped += len(frames)
            return
        self._link.write(data)
        self.copied += len(frames)

    def _put_received(self, wall: int, batch: list[tuple[bytes, Endpoint]], frames: list[bytes]) -> None:
        for data, endpoint in batch:
            self._put(RECEIVED, wall, endpoint, data, frames)

    def _put_sent(self, wall: int, batch: list[tuple[Endpoint, bytes]], frames: list[bytes]) -> None:
        for endpoint, data in batch:
            self._put(SENT, wall, endpoint, data, frames)

    def _put(self, kind: int, wall: int, endpoint: Endpoint, data: bytes, frames: list[bytes]) -> None:
        if self.share < 1 and not chosen(call_id_of(data), self.share):
            return
        peer = endpoint.peer
        name = peer.name if isinstance(peer, Peer) else ""
        frames.append(message(kind, wall, endpoint.listener.key, endpoint.host, endpoint.port, name, data))

    def _put_records(self, wall: int, written: tuple[int, list[bytes]], frames: list[bytes]) -> None:
        first, bodies = written
        for sequence, body in enumerate(bodies, first):
            if self.share == 1 or chosen(call_id_of_record(body), self.share):
                frames.append(record(wall, sequence, body))
