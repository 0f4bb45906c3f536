"""From a frame to what IP carries: link layers with VLANs, IPv4 (RFC 791), IPv6 with extension headers (RFC 8200)."""

from __future__ import annotations

import struct
from ipaddress import IPv4Address, IPv6Address
from typing import NamedTuple

UDP, TCP = 17, 6
IP4, IP6 = 0x0800, 0x86DD
_VLANS = (0x8100, 0x88A8, 0x9100)  # 802.1Q, 802.1ad, and what was used before that
_MOST_TAGS = 4
_EXTENSIONS = (0, 43, 60)  # hop-by-hop, routing, destination options: next header and length in eights
_FRAGMENT, _AUTHENTICATION = 44, 51
_MOST_EXTENSIONS = 8
# LINKTYPE_… of tcpdump.org: where a frame's EtherType stands, and where what follows it begins.
_ETHER = {1: (12, 14), 113: (14, 16), 276: (0, 20)}  # ETHERNET, LINUX_SLL, LINUX_SLL2
_RAW = (12, 14, 101, 228, 229)  # DLT_RAW as BSDs number it, RAW, IPV4, IPV6
_NULL = (0, 108)  # BSD loopback: four bytes of address family before the packet


class Piece(NamedTuple):
    """What one IP packet carries. key: what its fragments have in common, None: it is no fragment.

    offset: bytes of the payload before this. more: fragments follow.
    """

    source: str
    target: str
    protocol: int
    data: bytes
    key: tuple[object, ...] | None
    offset: int
    more: bool


def ip_of(link: int, frame: bytes) -> bytes | None:
    """The IP packet in a frame; None: there is none, or the link type is not known here."""
    if link in _RAW:
        return frame
    if link in _NULL:
        return frame[4:]
    if link not in _ETHER:
        return None
    place, at = _ETHER[link]
    if len(frame) < at:
        return None
    (kind,) = struct.unpack_from(">H", frame, place)
    for _ in range(_MOST_TAGS):
        if kind not in _VLANS or len(frame) < at + 4:
            break
        (kind,) = struct.unpack_from(">H", frame, at + 2)
        at += 4
    return frame[at:] if kind in (IP4, IP6) else None


def known(link: int) -> bool:
    """Whether frames of this link type can be read."""
    return link in _RAW or link in _NULL or link in _ETHER


def carried(packet: bytes) -> Piece | None:
    """What an IP packet carries; None for one that is not whole, or makes no sense."""
    if not packet:
        return None
    version = packet[0] >> 4
    if version == 4:
        return _carried_4(packet)
    return _carried_6(packet) if version == 6 else None


def _carried_4(packet: bytes) -> Piece | None:
    if len(packet) < 20:
        return None
    head = (packet[0] & 15) * 4
    _, _, total, identity, fragment, _, protocol, _, source, target = struct.unpack_from(">BBHHHBBH4s4s", packet)
    end = total or len(packet)  # zero: the network card cuts it into packets later
    if head < 20 or not head <= end <= len(packet):
        return None
    offset, more = (fragment & 0x1FFF) * 8, bool(fragment & 0x2000)
    key = (source, target, protocol, identity) if offset or more else None
    return Piece(str(IPv4Address(source)), str(IPv4Address(target)), protocol, packet[head:end], key, offset, more)


def _carried_6(packet: bytes) -> Piece | None:
    if len(packet) < 40:
        return None
    _, length, following, _, source, target = struct.unpack_from(">IHBB16s16s", packet)
    end = 40 + length if length else len(packet)
    if end > len(packet):
        return None
    at, offset, more = 40, 0, False
    key: tuple[object, ...] | None = None
    for _ in range(_MOST_EXTENSIONS):
        if following not in (*_EXTENSIONS, _FRAGMENT, _AUTHENTICATION):
            break
        if at + 8 > end:
            return None
        kind, following, size = following, packet[at], packet[at + 1]
        if kind == _FRAGMENT:
            bits, identity = struct.unpack_from(">HI", packet, at + 2)
            offset, more = bits & 0xFFF8, bool(bits & 1)
            key = (source, target, identity)
            at += 8
            break  # what follows is in the first fragment only
        at += (size + 2) * 4 if kind == _AUTHENTICATION else (size + 1) * 8
    if at > end:
        return None
    return Piece(str(IPv6Address(source)), str(IPv6Address(target)), following, packet[at:end], key, offset, more)
