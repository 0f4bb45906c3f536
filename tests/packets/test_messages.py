"""Captures written by scapy: every link layer, fragments, TCP in every order, and files that are damaged."""

from __future__ import annotations

import random
import struct
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scapy.layers.inet import IP, TCP, UDP, fragment
from scapy.layers.inet6 import IPv6, IPv6ExtHdrFragment, IPv6ExtHdrHopByHop, fragment6
from scapy.layers.l2 import CookedLinux, CookedLinuxV2, Dot1AD, Dot1Q, Ether, Loopback
from scapy.packet import Packet, Raw
from scapy.utils import PcapNgWriter, PcapWriter
from tests.support.talk import invite

from ringfence.packets import fragments, streams
from ringfence.packets.capture_file import CaptureFile
from ringfence.packets.errors import PacketError
from ringfence.packets.messages import Captured, Messages

CALLER, PROXY = "192.0.2.1", "198.51.100.99"
CALLER_6, PROXY_6 = "2001:db8::1", "2001:db8::99"
WALL = 1_795_866_123.456789
MICROSECONDS = 1_795_866_123_456_789


def ether(**more: object) -> Packet:
    return Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02", **more)


def four(payload: bytes, **more: object) -> Packet:
    return IP(src=CALLER, dst=PROXY, **more) / UDP(sport=5062, dport=5060) / Raw(payload)


def six(payload: bytes) -> Packet:
    return IPv6(src=CALLER_6, dst=PROXY_6) / UDP(sport=5062, dport=5060) / Raw(payload)


def write(path: Path, packets: list[Packet], link: int | None = None, pcapng: bool = False, **more: object) -> Path:
    for number, packet in enumerate(packets):
        packet.time = WALL + number / 1e6
    if pcapng:
        writer = PcapNgWriter(str(path))
    else:
        writer = PcapWriter(str(path), linktype=link, **more)
    with writer:
        for packet in packets:
            writer.write(packet)
    return path


def read(path: Path) -> tuple[list[Captured], Counter[str]]:
    with CaptureFile(path) as file:
        messages = Messages(file)
        found = list(messages)
    return found, messages.skipped


LINKS = {
    "ethernet": (1, ether()),
    "vlan": (1, ether() / Dot1Q(vlan=7)),
    "two vlans": (1, ether() / Dot1AD(vlan=7) / Dot1Q(vlan=8)),
    "cooked": (113, CookedLinux(proto=0x0800)),
    "cooked v2": (276, CookedLinuxV2(proto=0x0800)),
    "raw": (101, None),
    "loopback": (0, Loopback(type=2)),
}


@pytest.mark.parametrize(("link", "below"), LINKS.values(), ids=LINKS)
def test_link_layers(tmp_path: Path, link: int, below: Packet | None) -> None:
    data = invite()
    packet = four(data) if below is None else below / four(data)
    found, skipped = read(write(tmp_path / "a.pcap", [packet], link))
    assert found == [Captured(1, MICROSECONDS, "udp", CALLER, 5062, PROXY, 5060, data)]
    assert not skipped


@pytest.mark.parametrize("endianness", ["<", ">"])
@pytest.mark.parametrize("nano", [False, True])
def test_pcap_in_either_byte_order_and_resolution(tmp_path: Path, endianness: str, nano: bool) -> None:
    path = write(
        tmp_path / "a.pcap", [ether() / four(invite()), ether() / six(invite())], 1, endianness=endianness, nano=nano
    )
    found, _ = read(path)
    assert [each.source for each in found] == [CALLER, CALLER_6]
    assert all(abs(each.wall - MICROSECONDS) <= 2 for each in found)  # scapy keeps times as floating point


def test_pcapng(tmp_path: Path) -> None:
    found, _ = read(write(tmp_path / "a.pcapng", [ether() / four(invite()), ether() / six(invite())], pcapng=True))
    assert [(each.packet, each.source) for each in found] == [(1, CALLER), (2, CALLER_6)]
    assert abs(found[0].wall - MICROSECONDS) < 2


def block(kind: int, body: bytes, order: str = "<") -> bytes:
    body += bytes(-len(body) % 4)
    return struct.pack(f"{order}II", kind, len(body) + 12) + body + struct.pack(f"{order}I", len(body) + 12)


def section(order: str, options: bytes, ticks: int, simple: bool = False) -> bytes:
    frame = bytes(four(invite()))
    head = block(0x0A0D0D0A, struct.pack(f"{order}IHHq", 0x1A2B3C4D, 1, 0, -1), order)
    interface = block(1, struct.pack(f"{order}HHI", 101, 0, 0) + options, order)
    names = block(4, b"\0" * 8, order)
    if simple:
        return head + interface + names + block(3, struct.pack(f"{order}I", len(frame)) + frame, order)
    timed = struct.pack(f"{order}IIIII", 0, ticks >> 32, ticks & 0xFFFFFFFF, len(frame), len(frame)) + frame
    return head + interface + names + block(6, timed, order)


def test_pcapng_clocks_sections_and_blocks_that_nobody_needs(tmp_path: Path) -> None:
    def option(code: int, value: bytes) -> bytes:
        return struct.pack("<HH", code, len(value)) + value + bytes(-len(value) % 4)

    path = tmp_path / "a.pcapng"
    path.write_bytes(
        section("<", b"", 5_000_000)
        + section("<", option(9, b"\x09") + option(0, b""), 6_000_000_000)
        + section("<", option(2, b"eth0") + option(9, b"\x8a"), 7 * 1024)
        + section("<", option(14, struct.pack("<q", 8)), 0)
        + section(">", b"", 9_000_000)
        + section("<", b"", 0, simple=True)
    )
    found, _ = read(path)
    assert [each.wall for each in found] == [5_000_000, 6_000_000, 7_000_000, 8_000_000, 9_000_000, 9_000_000]
    assert [each.packet for each in found] == [1, 2, 3, 4, 5, 6]


LARGE = invite(body="v" * 9_000)


def pieces(packet: Packet) -> list[Packet]:
    if IPv6 in packet:
        packet = IPv6(src=CALLER_6, dst=PROXY_6) / IPv6ExtHdrFragment(id=9) / packet[UDP]
        return list(fragment6(packet, 1_280))
    return [IP(bytes(part)) for part in fragment(packet, 1_400)]


@pytest.mark.parametrize("packet", [four(LARGE, id=77), six(LARGE)], ids=["IPv4", "IPv6"])
def test_fragments_in_any_order(tmp_path: Path, packet: Packet) -> None:
    parts = pieces(packet)
    assert len(parts) > 5
    for seed in range(6):
        shuffled = parts + parts[1:3]
        random.Random(seed).shuffle(shuffled)
        found, skipped = read(write(tmp_path / f"{seed}.pcap", shuffled, 101))
        assert [each.data for each in found] == [LARGE]
        assert skipped in ({}, {"fragments of it are missing": 1}) or len(parts) < 3


def test_a_fragment_that_never_comes_or_contradicts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    parts = pieces(four(LARGE, id=77))
    late = ether() / four(invite())
    packets = [ether() / part for part in parts[:-1]] + [late]
    write(tmp_path / "a.pcap", packets, 1)
    late.time = WALL + fragments.SECONDS + 1
    with PcapWriter(str(tmp_path / "a.pcap"), linktype=1) as writer:
        for packet in [*packets, ether() / pieces(four(LARGE, id=78))[0]]:
            packet.time = max(packet.time, late.time if packet is packets[-1] else WALL)
            writer.write(packet)
    found, skipped = read(tmp_path / "a.pcap")
    assert [each.data for each in found] == [invite()]
    # Overlapping ones are nobody's honest work: the packet is dropped (RFC 5722).
    overlap = IP(src=CALLER, dst=PROXY, id=5, flags="MF", proto=17) / Raw(b"x" * 64)
    again = IP(src=CALLER, dst=PROXY, id=5, frag=7, proto=17) / Raw(b"y" * 64)
    found, skipped = read(write(tmp_path / "b.pcap", [overlap, again], 101))
    assert (found, skipped) == ([], {"fragments of it are missing": 1})
    # So many packets that never become whole are not all kept.
    monkeypatch.setattr(fragments, "MOST_WAITING", 10)
    many = [IP(src=CALLER, dst=PROXY, id=number, flags="MF", proto=17) / Raw(b"x" * 64) for number in range(50)]
    _, skipped = read(write(tmp_path / "c.pcap", many, 101))
    assert skipped == {"fragments of it are missing": 40}


def segments(data: bytes, sizes: list[int], first: int = 2**32 - 40, syn: bool = True) -> list[Packet]:
    """A stream cut into segments; its numbers wrap."""
    head = IP(src=CALLER, dst=PROXY)
    packets = [head / TCP(sport=40_001, dport=5060, seq=first, flags="S")] if syn else []
    at = 0
    while at < len(data):
        size = sizes[len(packets) % len(sizes)]
        number = (first + 1 + at) % 2**32
        packets.append(head / TCP(sport=40_001, dport=5060, seq=number, flags="PA") / Raw(data[at : at + size]))
        at += size
    return packets


def calls(count: int) -> list[bytes]:
    return [invite(call_id=f"call{number}@x", body="v" * 40 * number) for number in range(count)]


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(1, 900), min_size=1, max_size=5), st.randoms(use_true_random=False), st.booleans())
def test_tcp_in_any_order_with_repeats(
    tmp_path_factory: pytest.TempPathFactory, sizes: list[int], dice: random.Random, syn: bool
) -> None:
    messages = calls(4)
    packets = segments(
        b"\r\n\r\n".join(messages) if syn else b"".join(messages), [max(size, 20) for size in sizes], syn=syn
    )
    first, rest = packets[:1], packets[1:]
    rest += dice.sample(rest, min(3, len(rest)))
    dice.shuffle(rest)
    path = tmp_path_factory.mktemp("tcp") / "a.pcap"
    if syn or len(first[0][TCP].payload) >= 60:
        found, _ = read(write(path, first + [packet.copy() for packet in rest], 101))
        assert [each.data for each in found] == messages
        assert {(each.transport, each.source_port) for each in found} == {("tcp", 40_001)}


def test_a_stream_with_a_hole_is_joined_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "WINDOW", 2_000)
    messages = calls(12)
    packets = segments(b"".join(messages), [100])
    del packets[8]
    found, skipped = read(write(tmp_path / "a.pcap", packets, 101))
    assert found[0].data == messages[0] and found[-1].data == messages[-1]
    assert 8 < len(found) < 12
    assert skipped == {"a part of its TCP stream is missing, or is no SIP": 1}


def test_a_stream_that_is_no_sip_or_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    odd = segments(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", [1_000]) + segments(invite(), [1_000], first=7, syn=True)
    odd[-1][TCP].flags = "FPA"
    odd += segments(invite(call_id="after"), [1_000], first=900_000)
    found, _ = read(write(tmp_path / "a.pcap", odd, 101))
    assert [each.data for each in found] == [invite(), invite(call_id="after")]
    monkeypatch.setattr(streams, "MOST_STREAMS", 2)
    many = []
    for port in range(1, 9):
        packet = segments(invite()[:50], [1_000])[1]
        packet[TCP].sport = port
        many.append(packet)
    assert read(write(tmp_path / "b.pcap", many, 101))[0] == []


def test_what_is_skipped_is_counted(tmp_path: Path) -> None:
    hop = IPv6(src=CALLER_6, dst=PROXY_6) / IPv6ExtHdrHopByHop() / UDP(sport=1, dport=2) / Raw(invite())
    packets = [
        ether(type=0x0806) / Raw(b"x" * 28),
        ether(type=0x0800) / Raw(bytes(four(invite()))[:60]),
        ether() / hop,
        ether() / four(b"\r\n\r\n"),
        ether() / four(b"\x80\x00" + b"rtp" * 50),
    ]
    found, skipped = read(write(tmp_path / "a.pcap", packets, 1))
    assert [each.packet for each in found] == [3]
    assert skipped == {"no IP": 1, "no sound IP packet": 1}
    _, skipped = read(write(tmp_path / "b.pcap", [Raw(b"x")], 147))
    assert skipped == {"link type 147 is not known": 1}
    frame = bytes(four(invite()))
    head = b"\xd4\xc3\xb2\xa1" + struct.pack("<HHiIII", 2, 4, 0, 0, 100, 101)
    (tmp_path / "c.pcap").write_bytes(head + struct.pack("<IIII", 0, 0, 100, len(frame)) + frame[:100])
    _, skipped = read(tmp_path / "c.pcap")
    assert skipped == {"cut short by the capture": 1}


def test_a_file_that_was_cut_off(tmp_path: Path) -> None:
    for pcapng in (False, True):
        whole = write(tmp_path / "a", [ether() / four(invite())] * 2, None if pcapng else 1, pcapng).read_bytes()
        for lost in (1, 10, 300):
            (tmp_path / "cut").write_bytes(whole[:-lost])
            found, skipped = read(tmp_path / "cut")
            assert (len(found), skipped) == (1, {"the file ends within it": 1})


SECTION = block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1))


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "at byte 0: neither pcap nor pcapng"),
        (b"\x1f\x8b\x08\x00", "unpacked first"),
        (b"\xd4\xc3\xb2\xa1\0\0", "at byte 6: the file ends in its header"),
        (b"\xd4\xc3\xb2\xa1" + bytes(20) + struct.pack("<IIII", 0, 0, 2**31, 1), "at byte 24: a packet of 2147483648 bytes"),
        (b"\x0a\x0d\x0d\x0a" + struct.pack("<II", 28, 1), "at byte 0: a section has no byte order"),
        (SECTION + struct.pack("<II", 6, 13), "at byte 28: a block of 13 bytes makes no sense"),
        (SECTION + struct.pack("<II", 6, 8), "at byte 28: a block of 8 bytes makes no sense"),
        (SECTION + struct.pack("<III", 6, 12, 16), "two lengths differ"),
        (SECTION + block(6, bytes(20)), "interface was not described"),
        (SECTION + block(6, bytes(8)), "at byte 28"),
        (SECTION + block(1, bytes(2)), "at byte 28"),
        (SECTION + block(1, struct.pack("<HHIHHI", 1, 0, 0, 9, 1, 0x7F)), "clock makes no sense"),
        (SECTION + block(1, bytes(8)) + block(6, struct.pack("<IIIII", 0, 0, 0, 99, 99)), "does not fit"),
    ],
)  # fmt: skip
def test_what_is_no_capture(tmp_path: Path, data: bytes, why: str) -> None:
    path = tmp_path / "odd.pcap"
    path.write_bytes(data)
    with pytest.raises(PacketError) as raised:
        read(path)
    assert str(raised.value).startswith(f"{path}: at byte ")
    assert why in str(raised.value)


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(PacketError, match="cannot be read: No such file"):
        CaptureFile(tmp_path / "none")


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_damage_ends_in_an_error_or_in_fewer_messages(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    folder = tmp_path_factory.getbasetemp()
    good = folder / "good"
    if not good.exists():
        parts = [ether() / part for part in pieces(four(LARGE, id=77))]
        stream = [ether() / packet for packet in segments(b"".join(calls(3)), [300])]
        write(good, parts + stream, 1)
        write(folder / "good.ng", [packet.copy() for packet in parts + stream], pcapng=True)
    damaged = bytearray((folder / data.draw(st.sampled_from(["good", "good.ng"]))).read_bytes())
    for place, value in data.draw(
        st.lists(st.tuples(st.integers(0, len(damaged) - 1), st.integers(0, 255)), max_size=4)
    ):
        damaged[place] = value
    (folder / "damaged").write_bytes(damaged)
    try:
        read(folder / "damaged")
    except PacketError:
        pass
