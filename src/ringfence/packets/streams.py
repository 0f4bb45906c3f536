"""TCP streams put together (RFC 9293 §3.4, §3.10) and cut into SIP messages, within bounds.

A stream that was there before the capture began is joined where a segment begins with a SIP message. Bytes that are
missing are waited for in WINDOW; then the stream is joined anew in the same way.
"""

from __future__ import annotations

import re
import struct
from collections import OrderedDict

from ringfence.sip.framing import Ping, StreamFramer, Unframeable

MOST_STREAMS = 10_000  # directions of connections; the one silent for longest is forgotten
WINDOW = 262_144  # bytes that wait for missing ones before them
MOST_EARLY = 256  # segments of them
MOST_BYTES = 67_108_864  # of all these
LONGEST_MESSAGE = 1_048_576
_FIN, _SYN, _RST = 1, 2, 4
begins_sip = re.compile(rb"(?:SIP/2\.0 [1-6][0-9][0-9] |[A-Z]{1,32} [^ \r\n]{1,2048} SIP/2\.0\r?\n)").match
"""Whether bytes begin with a start line (RFC 3261 §7.1, §7.2)."""


class _Stream:
    __slots__ = ("early", "expected", "framer", "waiting")

    def __init__(self) -> None:
        self.expected: int | None = None  # sequence number of the next byte; None: not joined
        self.early: dict[int, bytes] = {}
        self.waiting = 0
        self.framer = StreamFramer(LONGEST_MESSAGE)


class Streams:
    """lost: times that a stream had to be joined anew, for missing bytes or such that are no SIP."""

    def __init__(self) -> None:
        self.lost = 0
        self._streams: OrderedDict[tuple[str, int, str, int], _Stream] = OrderedDict()
        self._bytes = 0

    def add(self, source: str, target: str, segment: bytes) -> tuple[int, int, list[bytes]] | None:
        """(source port, target port, messages that became whole); None for what is no TCP segment."""
        if len(segment) < 20:
            return None
        here, there, sequence, _, offset, flags = struct.unpack_from(">HHIIBB", segment)
        head = (offset >> 4) * 4
        if not 20 <= head <= len(segment):
            return None
        key = (source, here, target, there)
        stream = self._streams.get(key)
        if stream is None:
            stream = self._streams[key] = _Stream()
            if len(self._streams) > MOST_STREAMS:
                self._drop(next(iter(self._streams)))
        else:
            self._streams.move_to_end(key)
        messages: list[bytes] = []
        if flags & _SYN:
            self._leave(stream)
            stream.expected = (sequence + 1) & 0xFFFFFFFF
        elif len(segment) > head:
            self._take(stream, sequence, segment[head:], messages)
        if flags & (_FIN | _RST) and not stream.early:
            self._drop(key)
        return here, there, messages

    def _take(self, stream: _Stream, sequence: int, data: bytes, messages: list[bytes]) -> None:
        if stream.expected is None:
            if not begins_sip(data):
                return
            stream.expected = sequence
        ahead = (sequence - stream.expected) & 0xFFFFFFFF
        if ahead >= 2**31:  # it begins with bytes that came before
            known = 2**32 - ahead
            if known < len(data):
                self._accept(stream, data[known:], messages)
        elif ahead == 0:
            self._accept(stream, data, messages)
        else:
            self._keep(stream, sequence, data, messages)

    def _keep(self, stream: _Stream, sequence: int, data: bytes, messages: list[bytes]) -> None:
        if len(stream.early.get(sequence, b"")) >= len(data):
            return
        self._bytes += len(data) - len(stream.early.get(sequence, b""))
        stream.waiting += len(data) - len(stream.early.get(sequence, b""))
        stream.early[sequence] = data
        if stream.waiting > WINDOW or len(stream.early) > MOST_EARLY or self._bytes > MOST_BYTES:
            self.lost += 1
            early = sorted(stream.early.items(), key=lambda one: (one[0] - (stream.expected or 0)) & 0xFFFFFFFF)
            self._leave(stream)
            for at, late in early:
                self._take(stream, at, late, messages)

    def _accept(self, stream: _Stream, data: bytes, messages: list[bytes]) -> None:
        assert stream.expected is not None
        while data:
            stream.expected = (stream.expected + len(data)) & 0xFFFFFFFF
            try:
                messages += [frame for frame in stream.framer.feed(data) if not isinstance(frame, Ping)]
            except Unframeable as error:
                messages += [frame for frame in error.frames if not isinstance(frame, Ping)]
                self.lost += 1
                self._leave(stream)
                return
            data = self._next(stream)

    def _next(self, stream: _Stream) -> bytes:
        """What came early and now has its turn; b"": nothing."""
        assert stream.expected is not None
        for sequence in sorted(stream.early, key=lambda one: (one - (stream.expected or 0) + 2**31) & 0xFFFFFFFF):
            known = (stream.expected - sequence) & 0xFFFFFFFF
            if known >= 2**31:
                return b""  # still ahead, and so are those behind it
            data = stream.early.pop(sequence)
            self._bytes -= len(data)
            stream.waiting -= len(data)
            if known < len(data):
                return data[known:]
        return b""

    def _leave(self, stream: _Stream) -> None:
        self._bytes -= stream.waiting
        stream.expected, stream.early, stream.waiting = None, {}, 0
        stream.framer = StreamFramer(LONGEST_MESSAGE)

    def _drop(self, key: tuple[str, int, str, int]) -> None:
        self._bytes -= self._streams.pop(key).waiting
