"""What crosses from the processes that serve calls to the copying one: whole messages and records.

A frame is HEAD (length of the rest, kind) and the rest: for a message MESSAGE, the far end's host, its name and the
bytes; for a record RECORD and its body. Both ends are of one installation: no versions.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from typing import NamedTuple
from zlib import crc32

from ringfence.records.schema import FIELDS

HEAD = struct.Struct("<IB")
MESSAGE = struct.Struct("<QHHBH")  # wall microseconds, listener's key, far end's port, lengths of its host and name
RECORD = struct.Struct("<QQ")  # wall microseconds, sequence
RECEIVED, SENT, DECIDED = 1, 2, 3
LONGEST = 2**26  # bytes of a frame; a longer length is no length

_call_id = re.compile(rb"\r\n(?:call-id|i)[ \t]*:[ \t]*([^\r\n]*)", re.IGNORECASE)
_USUAL = b"\r\nCall-ID: "
_PLACES = {kind.encode(): names.index("call_id") for kind, names in FIELDS.items() if "call_id" in names}


class Message(NamedTuple):
    """A SIP message as it crossed a socket. wall: microseconds. sent: by us. name: the trunk's or gateway's, or ""."""

    wall: int
    sent: bool
    listener: int
    host: str
    port: int
    name: str
    data: bytes


class Record(NamedTuple):
    """A record as the spool has it. wall: microseconds of its writing."""

    wall: int
    sequence: int
    body: bytes


def message(kind: int, wall: int, listener: int, host: str, port: int, name: str, data: bytes) -> bytes:
    """A frame of RECEIVED or SENT."""
    far, called = host.encode(), name.encode()
    head = MESSAGE.pack(wall, listener, port, len(far), len(called))
    rest = head + far + called + data
    return HEAD.pack(len(rest), kind) + rest


def record(wall: int, sequence: int, body: bytes) -> bytes:
    """A frame of DECIDED."""
    return HEAD.pack(RECORD.size + len(body), DECIDED) + RECORD.pack(wall, sequence) + body


class Cutter:
    """Cuts a stream back into frames. Raises ValueError where it is none of ours."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[Message | Record]:
        """What became whole."""
        buffer = self._buffer
        buffer += data
        at = 0
        while len(buffer) - at >= HEAD.size:
            length, kind = HEAD.unpack_from(buffer, at)
            if length > LONGEST:
                raise ValueError("no frame begins here")
            end = at + HEAD.size + length
            if end > len(buffer):
                break
            yield _read(kind, bytes(buffer[at + HEAD.size : end]))
            at = end
        del buffer[:at]


def _read(kind: int, rest: bytes) -> Message | Record:
    if kind == DECIDED:
        wall, sequence = RECORD.unpack_from(rest)
        return Record(wall, sequence, rest[RECORD.size :])
    wall, listener, port, host, name = MESSAGE.unpack_from(rest)
    ended = MESSAGE.size + host
    far, called = rest[MESSAGE.size : ended].decode(), rest[ended : ended + name].decode()
    return Message(wall, kind == SENT, listener, far, port, called, rest[ended + name :])


def call_id_of(data: bytes) -> bytes:
    """A message's Call-ID (RFC 3261 §20.8), b"" where it has none."""
    end = data.find(b"\r\n\r\n")  # a body may hold a message of its own (RFC 3420)
    end = len(data) if end < 0 else end + 2
    at = data.find(_USUAL, 0, end)
    if at >= 0:
        at += len(_USUAL)
        stop = data.find(b"\r", at, end)
        return data[at : end if stop < 0 else stop].strip()
    match = _call_id.search(data, 0, end)
    return match[1].strip() if match is not None else b""


def call_id_of_record(body: bytes) -> bytes:
    """A record's Call-ID, b"" for one that is about no call."""
    place = _PLACES.get(body[:1])
    return b"" if place is None else body.split(b"\n", place + 1)[place]


def chosen(call_id: bytes, share: float) -> bool:
    """Whether a call is among the share that is exported: the same at every node, for all of its messages."""
    return crc32(call_id) < share * 2**32
