from pathlib import Path

import pytest
from tests.support.talk import invite
from tests.support.tshark import dissect, tshark

from ringfence.packets.pcapng_writer import LONGEST, PcapngWriter, datagram

__all__ = ["tshark"]

ENDS = [
    (("192.0.2.1", 5062), ("198.51.100.99", 5060)),
    (("2001:db8::1", 5060), ("2001:db8::99", 65_535)),
]
WALL = 1_795_866_123_456_789


def test_tshark_reads_messages_whole(tshark: Path, tmp_path: Path) -> None:
    file = tmp_path / "written.pcapng"
    messages = [invite(call_id=f"call{size}@example.net", body="v" * size) for size in (0, 1, 1_000, 1_001, 60_000)]
    with file.open("wb") as opened:
        writer = PcapngWriter(opened, "ringfence", "sip")
        for place, data in enumerate(messages):
            for source, target in ENDS:
                writer.write(WALL + place, source, target, data, "tls, received from 银行")
    assert file.stat().st_size == writer.size
    fields = (
        "frame.time_epoch", "frame.comment", "ip.src", "ipv6.src", "udp.srcport", "ip.dst", "ipv6.dst", "udp.dstport",
        "ip.checksum.status", "udp.checksum.status", "sip.Call-ID", "udp.payload",
    )  # fmt: skip
    rows = dissect(tshark, file, *fields)
    assert len(rows) == 2 * len(messages)
    for place, row in enumerate(rows):
        source, target = ENDS[place % 2]
        six = place % 2 == 1
        assert row["frame.time_epoch"] == f"{(WALL + place // 2) / 1e6:.6f}000"
        assert row["frame.comment"] == "tls, received from 银行"
        assert (row["ipv6.src" if six else "ip.src"], row["udp.srcport"]) == (source[0], str(source[1]))
        assert (row["ipv6.dst" if six else "ip.dst"], row["udp.dstport"]) == (target[0], str(target[1]))
        assert (row["ip.checksum.status"], row["udp.checksum.status"]) == ("" if six else "1", "1")  # 1: good
        assert bytes.fromhex(row["udp.payload"]) == messages[place // 2]


def test_a_message_too_long_for_a_datagram_is_cut_and_says_so(tshark: Path, tmp_path: Path) -> None:
    file = tmp_path / "written.pcapng"
    with file.open("wb") as opened:
        PcapngWriter(opened, "ringfence", "sip").write(WALL, *ENDS[0], invite(body="v" * 70_000), "tcp")
    (row,) = dissect(tshark, file, "frame.len", "frame.cap_len")
    assert int(row["frame.cap_len"]) == 65_535
    assert int(row["frame.len"]) == len(invite(body="v" * 70_000)) + 28


@pytest.mark.parametrize("payload", [b"", b"\0", b"\xff" * 7, b"\0\0\xff\xff"])
def test_the_checksum_of_odd_payloads(tshark: Path, tmp_path: Path, payload: bytes) -> None:
    file = tmp_path / "written.pcapng"
    with file.open("wb") as opened:
        writer = PcapngWriter(opened, "ringfence", "sip")
        for source, target in ENDS:
            writer.write(0, source, target, payload, "")
    rows = dissect(tshark, file, "udp.checksum.status", only="udp")
    assert [row["udp.checksum.status"] for row in rows] == ["1", "1"]


def test_the_checksum_is_never_written_as_none() -> None:
    source, target = ENDS[0]
    plain = datagram(source, target, b"\0\0")
    # The payload that makes the sum zero, which would say that there is none.
    zero = datagram(source, target, plain[26:28])
    assert zero[26:28] == b"\xff\xff"
    assert len(datagram(source, target, b"x" * LONGEST)) == 65_535
