import pytest
from tests.mirror.hep_reader import Packet, read

from ringfence.mirror.hep import LOG, SIP, Hop, Packer

WALL = 1_795_866_123_456_789


@pytest.mark.parametrize(
    ("transport", "source", "target", "family", "protocol"),
    [
        ("udp", ("192.0.2.1", 5060), ("198.51.100.99", 5080), 2, 17),
        ("tcp", ("192.0.2.1", 40_001), ("198.51.100.99", 5060), 2, 6),
        ("tls", ("2001:db8::1", 5061), ("2001:db8::2", 65_535), 10, 6),
    ],
)
def test_a_message(
    transport: str, source: tuple[str, int], target: tuple[str, int], family: int, protocol: int
) -> None:
    packet = Packer(2001, "edge-1").pack(SIP, Hop(transport, source, target), WALL, b"a@b", b"SIP/2.0 200 OK\r\n\r\n")
    assert packet is not None
    assert read(packet) == Packet(
        family, protocol, source, target, WALL / 1e6, 1, 2001, "edge-1", b"a@b", b"SIP/2.0 200 OK\r\n\r\n"
    )


def test_the_longest_packet_and_one_byte_more() -> None:
    packer, hop = Packer(2**32 - 1, "n"), Hop("udp", ("192.0.2.1", 1), ("192.0.2.2", 2))
    empty = packer.pack(LOG, hop, 0, b"", b"")
    assert empty is not None
    room = 65_535 - len(empty)
    longest = packer.pack(LOG, hop, 0, b"", b"x" * room)
    assert longest is not None and len(longest) == 65_535
    assert read(longest).capture_id == 2**32 - 1
    assert packer.pack(LOG, hop, 0, b"", b"x" * (room + 1)) is None
