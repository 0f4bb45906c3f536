"""Packets out of a capture file: pcap (draft-ietf-opsawg-pcap, all byte orders and resolutions) and pcapng.

Files are read once from the front, a packet at a time. One that ends in the middle of a packet was cut off, as captures
that were killed are: what is whole counts. What makes no sense raises PacketError with its offset.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

from ringfence.packets.errors import PacketError

LONGEST_PACKET = 262_144  # bytes: MAXIMUM_SNAPLEN of libpcap
LONGEST_BLOCK = 16_777_216  # bytes of a pcapng block: Wireshark takes no longer one
MOST_INTERFACES = 65_536
_PCAP = {
    b"\xd4\xc3\xb2\xa1": ("<", 1_000_000), b"\xa1\xb2\xc3\xd4": (">", 1_000_000),
    b"\x4d\x3c\xb2\xa1": ("<", 1_000_000_000), b"\xa1\xb2\x3c\x4d": (">", 1_000_000_000),
}  # fmt: skip
_SECTION = b"\x0a\x0d\x0d\x0a"
_INTERFACE, _OLD_PACKET, _SIMPLE, _PACKET = 1, 2, 3, 6
_RESOLUTION, _OFFSET = 9, 14  # options of an interface: if_tsresol, if_tsoffset
_ORDERS = {b"\x4d\x3c\x2b\x1a": "<", b"\x1a\x2b\x3c\x4d": ">"}


class Packet(NamedTuple):
    """number: from 1, as Wireshark counts. wall: microseconds. link: LINKTYPE_… of tcpdump.org. whole: not cut short.

    offset: bytes of the file up to its end.
    """

    number: int
    wall: int
    link: int
    data: bytes
    whole: bool
    offset: int


class CaptureFile:
    """`with CaptureFile(path) as file: for packet in file`. Raises PacketError; cut: the file ends within a packet."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.cut = False
        try:
            self._file: BinaryIO = path.open("rb")
            self.size = path.stat().st_size
        except OSError as error:
            raise PacketError(f"{path}: cannot be read: {error.strerror}") from None
        self._at = 0

    def __enter__(self) -> CaptureFile:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def __iter__(self) -> Iterator[Packet]:
        magic = self._read(4)
        if magic in _PCAP:
            return self._pcap(*_PCAP[magic])
        if magic == _SECTION:
            return self._pcapng()
        raise self._fault(0, "neither pcap nor pcapng (compressed files are to be unpacked first)")

    def _fault(self, offset: int, text: str) -> PacketError:
        return PacketError(f"{self.path}: at byte {offset}: {text}")

    def _read(self, size: int) -> bytes:
        """So many bytes; fewer where the file ends, which is noted unless it ends here."""
        try:
            data = self._file.read(size)
        except OSError as error:
            raise PacketError(f"{self.path}: cannot be read: {error.strerror}") from None
        self._at += len(data)
        self.cut = self.cut or 0 < len(data) < size
        return data

    # -- pcap -------------------------------------------------------------------------------------------------

    def _pcap(self, order: str, resolution: int) -> Iterator[Packet]:
        head = self._read(20)
        if len(head) < 20:
            raise self._fault(self._at, "the file ends in its header")
        link = struct.unpack(f"{order}HHiIII", head)[5] & 0xFFFF  # above: length of a frame check sequence
        record = struct.Struct(f"{order}IIII")
        number = 0
        while len(head := self._read(record.size)) == record.size:
            seconds, fraction, length, original = record.unpack(head)
            if length > LONGEST_PACKET:
                raise self._fault(self._at - record.size, f"a packet of {length} bytes makes no sense")
            data = self._read(length)
            if len(data) < length:
                self.cut = True
                return
            number += 1
            wall = seconds * 1_000_000 + fraction * 1_000_000 // resolution
            yield Packet(number, wall, link, data, length >= original, self._at)

    # -- pcapng -----------------------------------------------------------------------------------------------

    def _pcapng(self) -> Iterator[Packet]:
        kind, order, number, wall = _SECTION, "<", 0, 0
        interfaces: list[_Interface] = []
        while len(kind) == 4:
            start = self._at - 4
            head = self._read(8 if kind == _SECTION else 4)
            if kind == _SECTION and len(head) == 8:
                if head[4:] not in _ORDERS:
                    raise self._fault(start, "a section has no byte order")
                order, interfaces = _ORDERS[head[4:]], []
            body = self._body(order, head, start)
            if body is None:
                self.cut = True
                return
            code = struct.unpack(f"{order}I", kind)[0]
            if kind != _SECTION:
                try:
                    if code == _INTERFACE:
                        interfaces.append(_Interface(order, body))
                        if len(interfaces) > MOST_INTERFACES:
                            raise ValueError("more interfaces than anybody has")
                    elif code in (_PACKET, _OLD_PACKET, _SIMPLE):
                        number += 1
                        packet = _packet(order, code, body, interfaces, number, wall, self._at)
                        wall = packet.wall
                        yield packet
                except (ValueError, struct.error) as error:
                    raise self._fault(start, str(error) or "a block is too short") from None
            kind = self._read(4)

    def _body(self, order: str, head: bytes, start: int) -> bytes | None:
        """A block between its lengths; None where the file ends before. head: what was read of it behind its kind."""
        if len(head) < 4:
            return None
        (length,) = struct.unpack(f"{order}I", head[:4])
        if length < 12 or length % 4 or length > LONGEST_BLOCK:
            raise self._fault(start, f"a block of {length} bytes makes no sense")
        rest = self._read(length - 4 - len(head))
        if len(rest) < length - 4 - len(head):
            return None
        if struct.unpack(f"{order}I", rest[-4:])[0] != length:
            raise self._fault(start, "a block's two lengths differ")
        return head[4:] + rest[:-4]


class _Interface:
    """One interface: its link type, and how its times are counted."""

    def __init__(self, order: str, body: bytes) -> None:
        self.link, _, self.snap = struct.unpack_from(f"{order}HHI", body)
        self.resolution, self.offset = 1_000_000, 0
        at = 8
        while at + 4 <= len(body):
            code, length = struct.unpack_from(f"{order}HH", body, at)
            value = body[at + 4 : at + 4 + length]
            if code == 0 or len(value) < length:
                return
            if code == _RESOLUTION and length == 1:
                power = value[0] & 0x7F
                if power > 63:
                    raise ValueError("an interface's clock makes no sense")
                self.resolution = 2**power if value[0] & 0x80 else 10**power
            elif code == _OFFSET and length == 8:
                (self.offset,) = struct.unpack(f"{order}q", value)
            at += 4 + length + -length % 4

    def wall(self, high: int, low: int) -> int:
        """Microseconds since 1970."""
        return self.offset * 1_000_000 + ((high << 32) + low) * 1_000_000 // self.resolution


def _packet(
    order: str, code: int, body: bytes, interfaces: list[_Interface], number: int, wall: int, end: int
) -> Packet:
    """wall: of the packet before, for a simple one has no time."""
    place, at = 0, 4
    if code == _SIMPLE:
        (original,) = struct.unpack_from(f"{order}I", body)
        length = original
    else:
        layout = f"{order}IIIII" if code == _PACKET else f"{order}HHIIII"
        place, *rest = struct.unpack_from(layout, body)
        high, low, length, original = rest[-4:]
        at = 20
    if place >= len(interfaces):
        raise ValueError("a packet's interface was not described")
    interface = interfaces[place]
    if code == _SIMPLE:
        length = min(original, interface.snap or original)
    else:
        wall = interface.wall(high, low)
    if length > LONGEST_PACKET or at + length > len(body):
        raise ValueError(f"a packet of {length} bytes does not fit into its block")
    return Packet(number, wall, interface.link, body[at : at + length], length >= original, end)
