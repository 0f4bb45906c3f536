"""Kamailio's sipcapture reads what we pack: who wrote Homer's first capture nodes, and nothing of it is ours."""

from __future__ import annotations

import re
import socket
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from tests.support.net import bound, free_port, split
from tests.support.peers import require
from tests.support.process import Process
from tests.support.talk import invite

from ringfence.mirror.hep import LOG, SIP, Hop, Packer

pytestmark = pytest.mark.e2e
CONFIG = Path("tests/e2e/peers/homer.cfg")
WALL = 1_795_866_123_456_789
LOGS = (
    "date", "micro_ts", "correlation_id", "source_ip", "source_port", "destination_ip", "destination_port", "proto",
    "family", "type", "node", "msg",
)  # fmt: skip
MESSAGES = (
    "date", "micro_ts", "method", "reply_reason", "ruri", "ruri_user", "ruri_domain", "from_user", "from_domain",
    "from_tag", "to_user", "to_domain", "to_tag", "pid_user", "contact_user", "auth_user", "callid", "callid_aleg",
    "via_1", "via_1_branch", "cseq", "diversion", "reason", "content_type", "auth", "user_agent", "source_ip",
    "source_port", "destination_ip", "destination_port", "contact_ip", "contact_port", "originator_ip",
    "originator_port", "correlation_id", "custom_field1", "custom_field2", "custom_field3", "proto", "family",
    "rtp_stat", "type", "node", "msg",
)  # fmt: skip
TABLES = {"sip_capture": MESSAGES, "logs_capture": LOGS}
NUMBERS = {"micro_ts", "source_port", "destination_port", "contact_port", "originator_port", "proto", "family", "type"}


Row = dict[str, str]


def read_by_kamailio(packets: list[bytes | None]) -> dict[str, list[Row]]:
    """What each table has of some packets, by their sources' ports. db_text writes its files when Kamailio ends."""
    binary = require("kamailio")
    with TemporaryDirectory(prefix="rf") as name:
        folder, tables = Path(name), Path(name) / "db"
        tables.mkdir()
        for table, columns in TABLES.items():
            (tables / table).write_text(f"id(int,auto) {' '.join(map(_column, columns))}\n")
        (tables / "version").write_text("table_name(str) table_version(int)\nsip_capture:4\n")
        address = f"127.0.0.1:{free_port()}"
        config = folder / CONFIG.name
        config.write_text(CONFIG.read_text().replace("{{LISTEN}}", address).replace("{{DB}}", str(tables)))
        process = Process([binary, "-f", config, "-DD", "-E", "-Y", name, "-w", name], folder / "log")
        try:
            process.wait_ready(lambda: bound(address), 20)
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
                for packet in packets:
                    assert packet is not None
                    sock.sendto(packet, split(address))
            # One complaint about the column of microseconds, which db_text cuts to 32 bits, is one row.
            process.wait_ready(lambda: process.log.read_text().count("BIGINT") == len(packets), 10)
        finally:
            process.stop(10)
        return {table: _rows(tables / table, columns) for table, columns in TABLES.items()}


def _rows(file: Path, columns: tuple[str, ...]) -> list[Row]:
    names = ("id", *columns)
    lines = file.read_text().splitlines()[1:]
    rows = [dict(zip(names, map(_plain, re.split(r"(?<!\\):", line)), strict=True)) for line in lines]
    return sorted(rows, key=lambda row: row["source_port"])


def _plain(value: str) -> str:
    return re.sub(r"\\(.)", lambda found: {"r": "\r", "n": "\n"}.get(found[1], found[1]), value)


def _column(name: str) -> str:
    kind = "time" if name == "date" else "int" if name in NUMBERS else "str"
    return f"{name}({kind},null)"


def test_messages_and_an_event() -> None:
    packer, call = Packer(2001, "edge-1"), b"call1@192.0.2.1"
    four = Hop("udp", ("192.0.2.1", 5062), ("198.51.100.99", 5060))
    six = Hop("tls", ("2001:db8::1", 5063), ("2001:db8::2", 65_535))
    data = invite(call_id=call.decode(), body="v=0\r\n" * 400)
    read = read_by_kamailio(
        [
            packer.pack(SIP, four, WALL, call, data),
            packer.pack(SIP, six, WALL, call, data),
            packer.pack(LOG, four, WALL, call, b'{"event":"decision"}'),
        ]
    )
    one, two = read["sip_capture"]
    ends = ("source_ip", "source_port", "destination_ip", "destination_port", "proto", "family")
    assert [one[name] for name in ends] == ["192.0.2.1", "5062", "198.51.100.99", "5060", "1", "2"]
    assert [two[name] for name in ends] == ["2001:db8::1", "5063", "2001:db8::2", "65535", "2", "10"]
    (event,) = read["logs_capture"]
    for row in (one, two, event):
        assert (row["date"], (int(row["micro_ts"]) - WALL) % 2**32) == (str(WALL // 10**6), 0)
        assert row["correlation_id"].encode() == call
        assert row["node"].endswith(":2001")
    for row in (one, two):
        assert (row["method"], row["callid"].encode(), row["msg"].encode()) == ("INVITE", call, data)
    assert event["msg"] == '{"event":"decision"}'
