"""HEP3 packets: "HEP3 Network Protocol Specification" of sipcapture, revision 36, generic chunks (vendor 0).

A packet is `HEP3`, its whole length, and chunks: vendor, type and length of each in 16 bits, then its value; every
integer is big-endian.
"""

from __future__ import annotations

import socket
import struct

FAMILY, PROTOCOL, SOURCE_4, TARGET_4, SOURCE_6, TARGET_6, SOURCE_PORT, TARGET_PORT = range(1, 9)
SECONDS, MICROSECONDS, KIND, CAPTURE_ID = range(9, 13)
PAYLOAD, CORRELATION, NODE = 0x0F, 0x11, 0x13
SIP, LOG = 1, 100  # values of KIND: SIP, and JSON to be kept as a log line of the call
LONGEST = 65_535  # bytes of a packet: its length has 16 bits

_CHUNK = struct.Struct(">HHH")
_HEAD = struct.Struct(">4sH")


def _chunk(kind: int, value: bytes) -> bytes:
    return _CHUNK.pack(0, kind, _CHUNK.size + len(value)) + value


class Hop:
    """From where to where: the chunks that are alike for all packets between two ends.

    transport: udp, tcp or tls. Hosts are numeric, both of one IP version.
    """

    def __init__(self, transport: str, source: tuple[str, int], target: tuple[str, int]) -> None:
        family = socket.AF_INET6 if ":" in source[0] else socket.AF_INET
        six = family == socket.AF_INET6
        protocol = socket.IPPROTO_UDP if transport == "udp" else socket.IPPROTO_TCP
        self.chunks = b"".join(
            (
                _chunk(FAMILY, bytes([family])),  # 2 or 10: AF_INET and AF_INET6 of Linux, as the specification has it
                _chunk(PROTOCOL, bytes([protocol])),
                _chunk(SOURCE_6 if six else SOURCE_4, socket.inet_pton(family, source[0])),
                _chunk(TARGET_6 if six else TARGET_4, socket.inet_pton(family, target[0])),
                _chunk(SOURCE_PORT, source[1].to_bytes(2, "big")),
                _chunk(TARGET_PORT, target[1].to_bytes(2, "big")),
            )
        )


class Packer:
    """Packs what happened. capture_id: the number of this node. node: its name."""

    def __init__(self, capture_id: int, node: str) -> None:
        self._who = _chunk(CAPTURE_ID, capture_id.to_bytes(4, "big")) + _chunk(NODE, node.encode())

    def pack(self, kind: int, hop: Hop, wall: int, correlation: bytes, payload: bytes) -> bytes | None:
        """One packet; None where it would be too long. wall: microseconds. correlation: what joins a call's packets."""
        seconds, rest = divmod(wall, 1_000_000)
        body = b"".join(
            (
                hop.chunks,
                _chunk(SECONDS, seconds.to_bytes(4, "big")),
                _chunk(MICROSECONDS, rest.to_bytes(4, "big")),
                _chunk(KIND, bytes([kind])),
                self._who,
                _chunk(CORRELATION, correlation),
            )
        )
        size = _HEAD.size + len(body) + _CHUNK.size + len(payload)
        if size > LONGEST:
            return None
        return _HEAD.pack(b"HEP3", size) + body + _chunk(PAYLOAD, payload)
