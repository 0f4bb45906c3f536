"""One TCP or TLS connection: frames in, messages out, and the patience it is given."""

from __future__ import annotations

import asyncio
from typing import Protocol, cast

from ringfence.sip.address import Endpoint
from ringfence.sip.errors import SipError
from ringfence.sip.framing import Ping, StreamFramer, Unframeable
from ringfence.transport.far_ends import FarEnd
from ringfence.transport.settings import ListenerSettings

LINGER = 1.0  # seconds for a last answer to leave before an undecidable peer is closed, unread bytes thrown away
FLUSH = 2.0  # seconds that an orderly close waits for a peer to read before it is cut off
PONG = b"\r\n"  # RFC 5626 §3.5.1: the answer to a double CRLF


class StreamCounters:
    """What happened on one stream listener since start."""

    def __init__(self) -> None:
        self.accept_failures = 0
        self.accepted = 0
        self.bytes_in = 0
        self.bytes_out = 0
        self.closed_idle = 0
        self.closed_slow = 0
        self.connect_failures = 0
        self.handshake_failures = 0
        self.keepalives = 0
        self.malformed = 0
        self.messages_in = 0
        self.messages_out = 0
        self.opened = 0
        self.refused = 0
        self.slow_readers = 0
        self.undelivered = 0

    def plain(self) -> dict[str, int]:
        """The counters by name."""
        return dict(vars(self))


class Owner(Protocol):
    """What a connection needs of the listener that holds it."""

    settings: ListenerSettings
    counters: StreamCounters

    def connected(self, connection: Connection) -> None:
        """The connection is up, TLS included."""

    def disconnected(self, connection: Connection) -> None:
        """The connection is gone, whoever ended it."""

    def received(self, batch: list[tuple[bytes, Endpoint]]) -> None:
        """Whole messages arrived."""

    def undecidable(self, data: bytes, endpoint: Endpoint, error: SipError) -> None:
        """The peer sent what cannot be cut into messages; the connection ends soon."""


class Connection(asyncio.Protocol):
    """The protocol of one connection; `number` is its name in Endpoint.connection."""

    def __init__(self, owner: Owner, number: int, far_end: FarEnd) -> None:
        self.number = number
        self.far_end = far_end
        self.made = False
        self._owner = owner
        self._settings = owner.settings
        self._loop = asyncio.get_running_loop()
        self._framer = StreamFramer(owner.settings.max_message_bytes)
        self._deaf = False
        self._active = self._loop.time()
        # A peer that came to us has something to say; one that we called may keep silent.
        self._begun: float | None = None if far_end.dialable else self._active
        self._timer: asyncio.TimerHandle | None = None
        self._transport: asyncio.Transport

    @property
    def transport(self) -> asyncio.Transport:
        """The asyncio transport, once `made`."""
        return self._transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by asyncio when connected, for TLS after the handshake."""
        self.made = True
        self._transport = cast(asyncio.Transport, transport)
        self._active = self._loop.time()
        self._owner.connected(self)
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """Called by asyncio once, when nothing more can pass."""
        if self._timer is not None:
            self._timer.cancel()
        self._owner.disconnected(self)

    def data_received(self, data: bytes) -> None:
        """Called by asyncio with whatever came."""
        if self._deaf:
            return
        now = self._active = self._loop.time()
        counters = self._owner.counters
        counters.bytes_in += len(data)
        batch: list[tuple[bytes, Endpoint]] = []
        failure: SipError | None = None
        try:
            frames = self._framer.feed(data)
        except Unframeable as error:
            # Its traceback holds this very frame, and would keep it and the connection from being freed.
            frames, failure = error.frames, error.with_traceback(None)
        for frame in frames:
            if isinstance(frame, Ping):
                counters.keepalives += 1
                self.write(PONG)
            else:
                batch.append((frame, self.far_end))
        if not self._framer.pending:
            self._begun = None
        elif batch or self._begun is None:
            self._begun = now
        if batch:
            counters.messages_in += len(batch)
            self._owner.received(batch)
        if failure is not None:
            self._refuse(failure)

    def _refuse(self, error: SipError) -> None:
        """RFC 3261 §18.3: a stream that lost its framing is of no use: one last answer, then it closes."""
        self._deaf = True
        self._owner.counters.malformed += 1
        self._loop.call_later(LINGER, self.close)
        self._owner.undecidable(self._framer.rest, self.far_end, error)

    def write(self, data: bytes) -> bool:
        """Send bytes, in order, behind a bound; False: it is closing, or was cut off for not reading."""
        transport = self._transport
        if transport.is_closing():
            return False
        if transport.get_write_buffer_size() + len(data) > self._settings.send_queue_bytes:
            self._owner.counters.slow_readers += 1
            transport.abort()
            return False
        self._active = self._loop.time()
        transport.write(data)
        return True

    def _watch(self) -> None:
        """Close what is silent for too long or never ends its message; look again when that may be so."""
        now = self._loop.time()
        until = self._active + self._settings.idle_timeout
        slow_at = (
            now + self._settings.message_timeout
            if self._begun is None
            else self._begun + self._settings.message_timeout
        )
        if slow_at <= now:
            self._owner.counters.closed_slow += 1
            self._transport.abort()
        elif until <= now:
            self._owner.counters.closed_idle += 1
            self.close()
        else:
            self._timer = self._loop.call_at(min(until, slow_at), self._watch)

    def close(self) -> None:
        """Send what is queued, then close; cut off a peer that does not read it."""
        self._transport.close()
        self._loop.call_later(FLUSH, self._transport.abort)
