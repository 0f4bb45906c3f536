"""HEP3 packets read by the specification's text alone: nothing of ours is used."""

from __future__ import annotations

import ipaddress
from typing import NamedTuple


class Packet(NamedTuple):
    family: int
    protocol: int
    source: tuple[str, int]
    target: tuple[str, int]
    wall: float
    kind: int
    capture_id: int
    node: str
    correlation: bytes
    payload: bytes


def read(data: bytes) -> Packet:
    """One packet. Asserts what the specification demands of its shape."""
    assert data[:4] == b"HEP3"
    assert int.from_bytes(data[4:6], "big") == len(data)
    chunks: dict[int, bytes] = {}
    at = 6
    while at < len(data):
        vendor, kind, length = (int.from_bytes(data[at + place : at + place + 2], "big") for place in (0, 2, 4))
        assert vendor == 0 and length >= 6 and at + length <= len(data) and kind not in chunks
        chunks[kind] = data[at + 6 : at + length]
        at += length
    number = {kind: int.from_bytes(value, "big") for kind, value in chunks.items()}
    source, target = (3, 4) if number[1] == 2 else (5, 6)
    sizes = {
        1: 1,
        2: 1,
        source: (16, 4)[number[1] == 2],
        target: (16, 4)[number[1] == 2],
        7: 2,
        8: 2,
        9: 4,
        10: 4,
        11: 1,
        12: 4,
    }
    assert {kind: len(chunks[kind]) for kind in sizes} == sizes
    assert set(chunks) == {*sizes, 0x0F, 0x11, 0x13}
    return Packet(
        number[1],
        number[2],
        (str(ipaddress.ip_address(chunks[source])), number[7]),
        (str(ipaddress.ip_address(chunks[target])), number[8]),
        number[9] + number[10] / 1e6,
        number[11],
        number[12],
        chunks[0x13].decode(),
        chunks[0x11],
        chunks[0x0F],
    )
