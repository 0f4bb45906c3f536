"""The targets for captures for a moment, on files that were changed at random."""

from __future__ import annotations

import io
import random
import struct

import pytest
from scapy.layers.inet import IP, TCP, UDP, fragment
from scapy.packet import Raw
from tests.fuzz.packet_targets import PACKET_TARGETS
from tests.support.talk import invite

from ringfence.packets.pcapng_writer import PcapngWriter

ROUNDS = 3_000
ENDS = ("192.0.2.1", 5062), ("198.51.100.99", 5060)
_IP = IP(src="192.0.2.1", dst="198.51.100.99", id=7)
FRAMES = [
    bytes(_IP / UDP(sport=1, dport=2) / Raw(invite())),
    *(bytes(part) for part in fragment(_IP / UDP(sport=1, dport=2) / Raw(invite(body="v" * 900)), 400)),
    *(bytes(_IP / TCP(sport=1, dport=2, seq=at, flags="PA") / Raw(invite()[at : at + 99])) for at in range(0, 300, 99)),
    bytes(12) + b"\x81\x00\x00\x07\x08\x00" + bytes(_IP / UDP() / Raw(invite())),
]


def pcap(frames: list[bytes]) -> bytes:
    head = b"\xd4\xc3\xb2\xa1" + struct.pack("<HHiIII", 2, 4, 0, 0, 65_535, 101)
    return head + b"".join(struct.pack("<IIII", 1, 0, len(frame), len(frame)) + frame for frame in frames)


def pcapng() -> bytes:
    file = io.BytesIO()
    writer = PcapngWriter(file, "ringfence", "sip")
    for _ in range(3):
        writer.write(1, *ENDS, invite(), "a comment")
    return file.getvalue()


SEEDS = {"capture": [pcap(FRAMES), pcapng(), b""], "frame": [*FRAMES, b""]}


@pytest.mark.parametrize("name", PACKET_TARGETS)
def test_seeds_and_random_changes(name: str) -> None:
    dice = random.Random(1_001)
    for seed in SEEDS[name]:
        PACKET_TARGETS[name](seed)
    for _ in range(ROUNDS):
        data = bytearray(dice.choice(SEEDS[name]))
        for _ in range(dice.randint(1, 5)):
            if data:
                at = dice.randrange(len(data))
                match dice.randrange(3):
                    case 0:
                        data[at] = dice.choice((0, 1, 255, dice.randrange(256)))
                    case 1:
                        del data[at : at + dice.choice((1, 4, 16))]
                    case _:
                        data[at:at] = data[at : at + dice.choice((4, 16, 64))]
        PACKET_TARGETS[name](bytes(data))
