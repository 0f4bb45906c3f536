"""Which ports the sample configuration wants, and a copy that does with others."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
from tests.support.net import free_port

from ringfence.config import Settings, load, load_bundle
from ringfence.demo.errors import DemoError
from ringfence.demo.ports import gateway_address, moved_copy, replacements, taken, wanted

SAMPLE = Path("config/ringfence.yaml")
HOST = "127.0.0.1"


def places(path: Path) -> list[tuple[str, int]]:
    bundle = load_bundle(path, environ={})
    return wanted(bundle.settings, bundle.ledger.trunks.values())


@pytest.fixture(scope="module")
def sample() -> Settings:
    return load(SAMPLE, environ={})


def test_the_sample_wants_daemon_metrics_softswitch_and_trunks() -> None:
    # Trunks come in the order of their names: abroad, bank, callcentre, carrier, lab.
    assert places(SAMPLE) == [(HOST, port) for port in (5060, 9460, 5080, 5074, 5071, 5072, 5073, 5075)]


@pytest.mark.parametrize("kind", [socket.SOCK_DGRAM, socket.SOCK_STREAM])
def test_a_port_is_taken_by_udp_and_by_tcp(kind: socket.SocketKind) -> None:
    free = (HOST, free_port())
    with socket.socket(socket.AF_INET, kind) as holder:
        holder.bind((HOST, 0))
        if kind == socket.SOCK_STREAM:
            holder.listen()
        busy = holder.getsockname()
        assert taken([free, busy]) == [busy]


def test_an_address_of_another_machine_is_said() -> None:
    with pytest.raises(DemoError, match=r"192\.0\.2\.1:5060 cannot be bound"):
        taken([("192.0.2.1", 5060)])


def test_a_replacement_ends_like_the_port_it_stands_for_and_is_nobody_elses() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as holder:
        try:
            holder.bind((HOST, 25_060))
        except OSError:
            pass  # taken by somebody: as good
        moves = replacements([(HOST, 5060), (HOST, 5071)], [(HOST, 15_060)])
    assert moves[5060] not in (15_060, 25_060)
    assert (moves[5060] % 10_000, moves[5071] % 10_000) == (5060, 5071)


def test_no_replacement_is_said() -> None:
    with pytest.raises(DemoError, match="port 5060 is taken"):
        replacements([(HOST, 5060)], [(HOST, port) for port in range(65_536)])


def test_a_copy_has_other_ports_and_is_the_same_otherwise(tmp_path: Path, sample: Settings) -> None:
    moves = {5060: 5071, 5071: 15_071, 9460: 19_460}
    path = moved_copy(SAMPLE, tmp_path, moves)
    copy = load(path, environ={})
    assert [port for _, port in places(path)] == [5071, 19_460, 5080, 5074, 15_071, 5072, 5073, 5075]
    assert copy.screening == sample.screening
    assert copy.numbering == sample.numbering
    # Files beside the configuration came along.
    assert (tmp_path / "config" / "ledger" / "grants.csv").is_file()


@pytest.mark.parametrize("uris", [["sip:softswitch.example"], ["sip:127.0.0.1", "sip:127.0.0.2"]])
def test_the_softswitch_needs_one_numeric_gateway(sample: Settings, uris: list[str]) -> None:
    group = sample.gateways["default"]
    targets = [group.targets[0].model_copy(update={"uri": uri}) for uri in uris]
    settings = sample.model_copy(update={"gateways": {"default": group.model_copy(update={"targets": targets})}})
    with pytest.raises(DemoError, match="one gateway"):
        gateway_address(settings)


def test_the_gateway_is_where_the_softswitch_stands(sample: Settings) -> None:
    assert gateway_address(sample) == (HOST, 5080)
