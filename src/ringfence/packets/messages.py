"""The SIP messages in a capture file, by UDP and TCP, on whatever port."""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Literal, NamedTuple

from ringfence.packets.capture_file import CaptureFile, Packet
from ringfence.packets.fragments import Fragments
from ringfence.packets.layers import TCP, UDP, carried, ip_of, known
from ringfence.packets.streams import Streams, begins_sip


class Captured(NamedTuple):
    """One message. packet: number of the one that made it whole. wall: microseconds."""

    packet: int
    wall: int
    transport: Literal["udp", "tcp"]
    source: str
    source_port: int
    target: str
    target_port: int
    data: bytes


class Messages:
    """`Messages(file)` is iterated once. skipped: packets in which nothing could be looked for, by why."""

    def __init__(self, file: CaptureFile, progress: Callable[[int], None] | None = None) -> None:
        self.skipped: Counter[str] = Counter()
        self.packets = 0
        self._file = file
        self._progress = progress
        self._fragments = Fragments()
        self._streams = Streams()

    def __iter__(self) -> Iterator[Captured]:
        for packet in self._file:
            self.packets += 1
            if self._progress is not None and self.packets % 1000 == 0:
                self._progress(packet.offset)
            yield from self._in(packet)
        for count, why in (
            (self._fragments.lost, "fragments of it are missing"),
            (self._streams.lost, "a part of its TCP stream is missing, or is no SIP"),
            (int(self._file.cut), "the file ends within it"),
        ):
            if count:
                self.skipped[why] += count

    def _in(self, packet: Packet) -> Iterator[Captured]:
        ip = ip_of(packet.link, packet.data)
        if ip is None:
            self.skipped["no IP" if known(packet.link) else f"link type {packet.link} is not known"] += 1
            return
        piece = carried(ip)
        if piece is None:
            self.skipped["cut short by the capture" if not packet.whole else "no sound IP packet"] += 1
            return
        whole = self._fragments.add(piece, packet.wall)
        if whole is None:
            return
        if whole.protocol == UDP and len(whole.data) >= 8:
            here, there, length = struct.unpack_from(">HHH", whole.data)
            data = whole.data[8 : length or None]  # zero: a jumbogram, or cut into packets later
            if begins_sip(data):
                yield Captured(packet.number, packet.wall, "udp", whole.source, here, whole.target, there, data)
        elif whole.protocol == TCP:
            taken = self._streams.add(whole.source, whole.target, whole.data)
            if taken is not None:
                here, there, messages = taken
                for data in messages:
                    yield Captured(packet.number, packet.wall, "tcp", whole.source, here, whole.target, there, data)
