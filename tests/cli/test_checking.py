"""Faults with their place, a summary without faults, and the generation of a daemon that runs."""

from __future__ import annotations

import json
import socket
import threading
from pathlib import Path

import pytest
from redis import Redis
from tests.cli.command import SAMPLE, Ringfence
from tests.support import ledgers

from ringfence.lookups.embedded import EmbeddedStore


def complaints(text: str) -> list[str]:
    """Warnings, without what the calendars do not know of the year in which this test is run."""
    return [line for line in text.splitlines() if not line.startswith("warning: calendar ")]


def test_the_sample_has_no_faults_and_nothing_is_written(ringfence: Ringfence, data: Path) -> None:
    done = ringfence("check", SAMPLE)
    assert (done.code, complaints(done.err)) == (0, [])
    lines = [" ".join(line.split()) for line in done.out.splitlines()]
    assert lines[0] == "config/ringfence.yaml: no faults"
    for line in (
        "listener udp 127.0.0.1:5060",
        "gateways default sip:127.0.0.1:5080",
        "trunk callcentre 4 number ranges",
        "rule rate observe, callcentre: enforce, lab: off",
        "rule emergency enforce",
        "daemon none answers on this data directory",
    ):
        assert line in lines
    assert not data.exists()


def test_the_summary_as_json(ringfence: Ringfence) -> None:
    answer = json.loads(ringfence("check", SAMPLE, "--json").out)
    assert answer["valid"] is True
    assert answer["running"] is None
    assert answer["trunks"] == {"abroad": 0, "bank": 2, "callcentre": 4, "carrier": 0, "lab": 1}


def test_every_fault_has_its_line_and_path(ringfence: Ringfence, tmp_path: Path) -> None:
    file = tmp_path / "bad.yaml"
    text = SAMPLE.read_text().replace('{from: "+861000009000", to: "+861000009099"}', "file: none.csv")
    text = text.replace("gateways: default", "gateways: no").replace("folder: ledger", "#")
    file.write_text(text)
    done = ringfence("check", file)
    gateways = next(number for number, line in enumerate(text.splitlines(), 1) if "gateways: no" in line)
    assert done.code == 78
    assert f"{file}:{gateways}: trunks[0].gateways: no gateway group no; there are: default" in done.out.splitlines()
    assert "none.csv" in done.out
    answer = json.loads(ringfence("check", file, "--json").out)
    assert answer["valid"] is False
    assert {"file": str(file), "line": gateways, "path": "trunks[0].gateways"}.items() <= answer["faults"][0].items()


def test_faults_of_the_ledger_have_line_and_column_and_what_is_over_is_one(
    ringfence: Ringfence, tmp_path: Path
) -> None:
    resources = "holder,from,to,certificate,valid_until\nBank,+862150000000,+862150000009,C-7,2020-06-30\n"
    file = ledgers.write(tmp_path, {"resources.csv": resources})
    done = ringfence("check", file)
    assert (done.code, done.out) == (
        78, f"{tmp_path}/ledger/resources.csv:2: certificate C-7 of Bank expired on 2020-06-30\n",
    )  # fmt: skip
    ledgers.write(tmp_path, {"grants.csv": "trunk,number\nbank,+862160000001\nbank,x\nnobody,+862160000002\n"})
    done = ringfence("check", file, "--json")
    assert [
        {"file": fault["file"], "line": fault["line"], "column": fault["column"]}
        for fault in json.loads(done.out)["faults"]
    ] == [
        {"file": f"{tmp_path}/ledger/grants.csv", "line": 3, "column": 6},
        {"file": f"{tmp_path}/ledger/grants.csv", "line": 4, "column": 1},
    ]


def test_of_many_trunks_some_are_shown(ringfence: Ringfence, tmp_path: Path) -> None:
    lines = "".join(f"t{each:03},Bank,enterprise\n" for each in range(60))
    sources = "".join(f"t{each:03},10.0.0.{each}\n" for each in range(60))
    file = ledgers.write(
        tmp_path,
        {"trunks.yaml": "", "trunks.csv": "name,holder,kind\n" + lines, "sources.csv": "trunk,address\n" + sources},
    )
    lines = ringfence("check", file).out
    assert lines.count("trunk t0") == 50 and "more trunks" in lines
    assert json.loads(ringfence("check", file, "--json").out)["more_trunks"] == 10
    done = ringfence("explain", "--config", file, "--trunk", "t06", "--from", "1", "--to", "2")
    assert done.code == 64 and "no trunk t06; did you mean t0" in " ".join(done.err.replace("│", " ").split())


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


def test_an_own_store_that_makes_the_index_dear_is_warned_of(
    ringfence: Ringfence, store: EmbeddedStore, tmp_path: Path
) -> None:
    text = SAMPLE.read_text().replace("folder: ledger", f"folder: {SAMPLE.parent.absolute()}/ledger")
    config = tmp_path / "own.yaml"
    config.write_text(text.replace("redis:\n", f"redis:\n  url: unix://{store.socket}\n", 1))
    assert complaints(ringfence("check", config).err) == []
    with Redis(unix_socket_path=str(store.socket)) as client:
        client.config_set("hash-max-listpack-value", 8)
    assert "hash-max-listpack-value 64 at least" in ringfence("check", config).err
    config.write_text(text.replace("redis:\n", "redis:\n  url: unix:///nowhere/s\n", 1))
    done = ringfence("check", config)
    assert (done.code, "no such file" in done.err.lower()) == (0, True)
