"""SIP messages into a pcapng file: draft-ietf-opsawg-pcapng, link type RAW (101), times in microseconds.

What we saw is messages, not packets: each gets an IP and a UDP header of our making, those by TCP and TLS too, and a
comment that says how it really came. A message that no UDP datagram could hold is cut; its packet's original length
tells.
"""

from __future__ import annotations

import socket
import struct
from typing import BinaryIO

LINKTYPE_RAW = 101
LONGEST = 65_507  # bytes of payload: an IPv4 packet of 65,535 less its headers; IPv6 could have 20 more
_SECTION, _INTERFACE, _PACKET = 0x0A0D0D0A, 1, 6
_COMMENT, _NAME, _APPLICATION = 1, 2, 4  # option codes: opt_comment, if_name, shb_userappl
_TTL = 64
_ip4 = struct.Struct(">BBHHHBBH4s4s")
_ip6 = struct.Struct(">IHBB16s16s")
_udp = struct.Struct(">HHHH")


class PcapngWriter:
    """Writes to a binary file that is open; flushing and closing are its owner's. Raises OSError.

    size: bytes written so far.
    """

    def __init__(self, file: BinaryIO, application: str, interface: str) -> None:
        self.size = 0
        self._file = file
        section = struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1)
        self._block(_SECTION, section + _options((_APPLICATION, application)))
        described = struct.pack("<HHI", LINKTYPE_RAW, 0, 0)  # no bound on a packet's length
        self._block(_INTERFACE, described + _options((_NAME, interface)))

    def write(self, wall: int, source: tuple[str, int], target: tuple[str, int], data: bytes, comment: str) -> None:
        """One message. wall: microseconds since 1970. Hosts are numeric, both of one IP version."""
        packet = datagram(source, target, data[:LONGEST])
        head = struct.pack(
            "<IIIII", 0, wall >> 32, wall & 0xFFFFFFFF, len(packet), len(packet) + max(0, len(data) - LONGEST)
        )
        self._block(_PACKET, head + _padded(packet) + _options((_COMMENT, comment)))

    def _block(self, kind: int, body: bytes) -> None:
        length = len(body) + 12
        self._file.write(struct.pack("<II", kind, length) + body + struct.pack("<I", length))
        self.size += length


def _options(*options: tuple[int, str]) -> bytes:
    parts = []
    for code, text in options:
        value = text.encode()
        parts.append(struct.pack("<HH", code, len(value)) + _padded(value))
    return b"".join(parts) + struct.pack("<HH", 0, 0)


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)


def datagram(source: tuple[str, int], target: tuple[str, int], data: bytes) -> bytes:
    """An IP packet with a UDP datagram (RFC 768, 791, 8200), checksums right."""
    six = ":" in source[0]
    family = socket.AF_INET6 if six else socket.AF_INET
    ends = socket.inet_pton(family, source[0]), socket.inet_pton(family, target[0])
    length = _udp.size + len(data)
    pseudo = b"".join(ends) + (struct.pack(">II", length, socket.IPPROTO_UDP))
    head = _udp.pack(source[1], target[1], length, 0)
    # RFC 768: a sum of zero is sent as all ones, for zero says that there is none.
    udp = _udp.pack(source[1], target[1], length, _sum(pseudo + head + data) or 0xFFFF) + data
    if six:
        return _ip6.pack(6 << 28, length, socket.IPPROTO_UDP, _TTL, *ends) + udp
    whole = _ip4.size + length
    bare = _ip4.pack(0x45, 0, whole, 0, 0, _TTL, socket.IPPROTO_UDP, 0, *ends)
    return _ip4.pack(0x45, 0, whole, 0, 0, _TTL, socket.IPPROTO_UDP, _sum(bare), *ends) + udp


def _sum(data: bytes) -> int:
    """RFC 1071: the ones' complement of the ones' complement sum of 16-bit words.

    Adding words in ones' complement is arithmetic modulo 65535, and so is the whole as one large number.
    """
    data += bytes(len(data) % 2)
    remainder = int.from_bytes(data, "big") % 0xFFFF
    return ~remainder & 0xFFFF if remainder or not any(data) else 0
