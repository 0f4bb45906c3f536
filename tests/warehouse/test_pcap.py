"""Captured calls judged by the sample policy, through the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from scapy.layers.inet import IP, TCP, UDP
from scapy.packet import Packet, Raw
from scapy.utils import PcapWriter
from tests.cli.command import SAMPLE, Ringfence
from tests.support.talk import invite

from ringfence.config import ConfigError
from ringfence.packets.errors import PacketError
from ringfence.warehouse.pcap import replay_packets

BANK, CENTRE, STRANGER = "192.0.2.1", "192.0.2.2", "203.0.113.9"
CALLEE, OTHER = "+8613900001000", "+8613900002000"


@pytest.fixture
def ringfence(capsys: pytest.CaptureFixture[str]) -> Ringfence:
    return Ringfence(capsys)


@pytest.fixture
def policy(tmp_path: Path) -> Path:
    settings = yaml.safe_load(SAMPLE.read_text())
    del settings["ledger"]
    trunk = {"holder": "acme", "kind": "enterprise", "gateways": "default", "numbers": [{"prefix": "+8610"}]}
    settings["trunks"] = [
        {**trunk, "name": "bank", "sources": [{"address": BANK}]},
        {
            **trunk,
            "name": "centre",
            "sources": [{"address": CENTRE, "transport": "tcp"}],
            "marketing": True,
            "kind": "call_center",
        },
    ]
    path = tmp_path / "policy.yaml"
    path.write_text(yaml.safe_dump(settings))
    return path


def udp(source: str, data: bytes) -> Packet:
    return IP(src=source, dst="198.51.100.99") / UDP(sport=5060, dport=5060) / Raw(data)


@pytest.fixture
def capture(tmp_path: Path) -> Path:
    again = invite(call_id="known")
    inside = invite(call_id="known", cseq=2).replace(b"To: <sip:+8613900001000@198.51.100.99>", b"To: <sip:x@y>;tag=7")
    packets = [
        udp(BANK, again),
        udp(BANK, again),
        udp(BANK, inside),
        udp(BANK, invite(call_id="strange", number="+862155550001")),
        udp(STRANGER, invite(call_id="stranger")),
        udp(BANK, invite(call_id="odd").replace(b"CSeq: 1", b"CSeq: x")),
        udp(BANK, invite(method="OPTIONS", call_id="options")),
    ]
    stream = b"".join(invite(call_id=f"marketing{callee}", callee=callee) for callee in (CALLEE, OTHER))
    for at in range(0, len(stream), 500):
        segment = TCP(sport=40_000, dport=5060, seq=1 + at, flags="PA") / Raw(stream[at : at + 500])
        packets.append(IP(src=CENTRE, dst="198.51.100.99") / segment)
    path = tmp_path / "calls.pcap"
    with PcapWriter(str(path), linktype=101) as writer:
        for packet in packets:
            writer.write(packet)
    return path


def facts(tmp_path: Path, *entries: dict[str, object]) -> Path:
    path = tmp_path / "facts.yaml"
    path.write_text(yaml.safe_dump({"facts": list(entries)}))
    return path


def test_calls_in_a_capture(ringfence: Ringfence, policy: Path, capture: Path, tmp_path: Path) -> None:
    given = facts(tmp_path, {"callee": CALLEE, "consent": "yes"}, {"consent": "no"})
    done = ringfence("replay", "--policy", policy, "--pcap", capture, "--facts", given, "--json")
    assert done.code == 0, done.err
    answer = json.loads(done.out)
    assert (answer["judged"], answer["unchanged"]) == (4, 2)
    assert answer["skipped"] == {"its source is no trunk in the new policy": 1, "unreadable: CSeq is malformed": 1}
    changes = {change["after"]["reason"]: change for change in answer["changes"]}
    assert set(changes) == {"caller_authorised.unknown_holder", "consent.no_consent"}
    assert changes["caller_authorised.unknown_holder"]["examples"] == [4]
    assert changes["consent.no_consent"]["before"] == {"action": "forward", "reason": ""}
    said = ringfence("replay", "--policy", policy, "--pcap", capture, "--facts", given).out
    assert said.splitlines()[-3].split()[-1] == "packets"


def test_without_facts_nothing_is_known(ringfence: Ringfence, policy: Path, capture: Path) -> None:
    answer = json.loads(ringfence("replay", "--policy", policy, "--pcap", capture, "--json").out)
    assert {change["after"]["reason"] for change in answer["changes"]} == {
        "caller_authorised.unknown_holder", "consent.unknown_consent",
    }  # fmt: skip


def test_the_entry_that_names_most_counts_fact_by_fact(policy: Path, capture: Path, tmp_path: Path) -> None:
    def changes(*entries: dict[str, object]) -> dict[str, int]:
        outcome = replay_packets(policy, capture, facts(tmp_path, *entries))
        return {
            change.after[1]: count
            for change, count in outcome.changes.items()
            if change.after[1].startswith(("consent", "harass"))
        }

    caller = "+861062345678"
    assert changes({"trunk": "centre", "consent": "yes"}) == {}
    assert changes({"trunk": "centre", "consent": "yes"}, {"callee": OTHER, "consent": "refused"}) == {
        "consent.refused": 1
    }
    assert changes({"consent": "no"}, {"caller": caller, "consent": "yes"}) == {}
    assert changes(
        {"caller": caller, "callee": OTHER, "score": 95}, {"callee": OTHER, "consent": "yes"}, {"consent": "yes"}
    ) == {"harassment_score.high": 1}


@pytest.mark.parametrize(
    ("entries", "why"),
    [
        ([{"callee": "anonymous"}], ":1: facts[0].callee: no number that the plan reads"),
        ([{"score": 101}], "facts[0].score"),
        ([{"colour": "red"}], "facts[0].colour"),
        ([{"callee": CALLEE}, {"callee": "008613900001000"}], "an entry before this one is about the same calls"),
    ],
)
def test_faults_in_the_facts(
    policy: Path, capture: Path, tmp_path: Path, entries: list[dict[str, object]], why: str
) -> None:
    with pytest.raises(ConfigError) as raised:
        replay_packets(policy, capture, facts(tmp_path, *entries))
    assert why in str(raised.value).replace(":2:", ":1:")


def test_faults_of_the_command(ringfence: Ringfence, policy: Path, capture: Path, tmp_path: Path) -> None:
    assert ringfence("replay", "--policy", policy, "--facts", tmp_path / "facts.yaml").code == 64
    (tmp_path / "odd.pcap").write_bytes(b"not at all")
    done = ringfence("replay", "--policy", policy, "--pcap", tmp_path / "odd.pcap")
    assert (done.code, done.out) == (1, "")
    assert "odd.pcap: at byte 0: neither pcap nor pcapng" in done.err
    assert ringfence("replay", "--policy", policy, "--pcap", capture, "--facts", tmp_path / "none").code == 78
    with pytest.raises(PacketError):
        replay_packets(policy, tmp_path / "none.pcap")
