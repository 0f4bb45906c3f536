"""Faults with their place, a summary without faults, and the generation of a daemon that runs."""

from __future__ import annotations

import json
import socket
import threading
from pathlib import Path

import pytest
from tests.cli.command import SAMPLE, Ringfence


def test_the_sample_has_no_faults_and_nothing_is_written(ringfence: Ringfence, data: Path) -> None:
    done = ringfence("check", SAMPLE)
    assert (done.code, done.err) == (0, "")
    lines = [" ".join(line.split()) for line in done.out.splitlines()]
    assert lines[0] == "config/ringfence.yaml: no faults"
    for line in (
        "listener udp 127.0.0.1:5060",
        "gateways default sip:127.0.0.1:5080",
        "trunk callcentre 2 number ranges",
        "rule rate observe, callcentre: enforce",
        "rule emergency enforce",
        "daemon none answers on this data directory",
    ):
        assert line in lines
    assert not data.exists()


def test_the_summary_as_json(ringfence: Ringfence) -> None:
    answer = json.loads(ringfence("check", SAMPLE, "--json").out)
    assert answer["valid"] is True
    assert answer["running"] is None
    assert answer["trunks"] == {"bank": 1, "callcentre": 2, "carrier": 0, "abroad": 0}


def test_every_fault_has_its_line_and_path(ringfence: Ringfence, tmp_path: Path) -> None:
    file = tmp_path / "bad.yaml"
    text = SAMPLE.read_text().replace("numbers/callcentre.csv", "none.csv").replace("gateways: default", "gateways: no")
    file.write_text(text)
    done = ringfence("check", file)
    gateways = next(number for number, line in enumerate(text.splitlines(), 1) if "gateways: no" in line)
    assert done.code == 78
    assert f"{file}:{gateways}: trunks[0].gateways: no gateway group no; there are: default" in done.out.splitlines()
    assert "none.csv" in done.out
    answer = json.loads(ringfence("check", file, "--json").out)
    assert answer["valid"] is False
    assert {"file": str(file), "line": gateways, "path": "trunks[0].gateways"}.items() <= answer["faults"][0].items()


@pytest.mark.parametrize(
    ("reasons", "warnings", "told"),
    [
        ([], [], "generation 7, ready"),
        (["no gateway answers"], [], "generation 7, not ready: no gateway answers"),
        ([], ["no store", "old"], "generation 7, ready; warning: no store; warning: old"),
    ],
)
def test_a_running_daemon_tells_its_generation(
    ringfence: Ringfence, data: Path, reasons: list[str], warnings: list[str], told: str
) -> None:
    data.mkdir()
    answer = {"result": {"ready": not reasons, "generation": 7, "reasons": reasons, "warnings": warnings}}
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as server:
        server.bind(str(data / "control.sock"))
        server.listen()

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                assert json.loads(connection.recv(1000))["command"] == "ready"
                connection.sendall(json.dumps(answer).encode() + b"\n")

        thread = threading.Thread(target=serve)
        thread.start()
        done = ringfence("check", SAMPLE)
        thread.join()
    assert done.out.splitlines()[-1].split(None, 1) == ["daemon", told]


def test_schema(ringfence: Ringfence) -> None:
    schema = json.loads(ringfence("schema").out)
    assert schema["title"] == "ringfence configuration"
    assert {"listeners", "trunks", "screening"} < set(schema["properties"])
