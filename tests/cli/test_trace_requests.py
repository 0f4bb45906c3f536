"""`ringfence trace request|export|import|…`: two carriers and nothing but files between them."""

from __future__ import annotations

import json
import shutil
import sqlite3
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.cli.command import SAMPLE, Done, Ringfence
from tests.control.test_tracing import CALLEE, VERSION_1
from tests.support.net import free_port
from tests.tracing.carriers import key_of

from ringfence.tracing.messages import schema

SCHEMA = Path("docs/trace.schema.json")


class Carrier:
    """The command line with one carrier's settings."""

    def __init__(self, ringfence: Ringfence, folder: Path, name: str) -> None:
        self._ringfence = ringfence
        self.name = name
        self.data = folder / name
        self.config = folder / f"{name}.yaml"
        self.key = key_of(self.data)
        shutil.copytree(VERSION_1, self.data / "records")

    def knows(self, *others: Carrier, **more: Any) -> None:
        settings = yaml.safe_load(SAMPLE.read_text())
        del settings["ledger"]
        settings["data_directory"] = str(self.data)
        peers = [{"name": one.name, "key_file": str(one.key), "holder": "bank", "contact": "noc"} for one in others]
        settings["trace"] = {"name": self.name, "peers": [peer | more for peer in peers]}
        settings["trunks"] = [
            {"name": "bank", "holder": "bank", "kind": "enterprise", "sources": [{"address": "192.0.2.1"}],
             "gateways": "default", "numbers": [{"prefix": "+86137"}]}
        ]  # fmt: skip
        self.config.write_text(yaml.safe_dump(settings))

    def __call__(self, *arguments: object) -> Done:
        return self._ringfence("trace", *arguments, "--config", self.config)

    def listed(self, *arguments: object) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = json.loads(self("list", "--json", *arguments).out)
        return rows


def audited(carrier: Carrier) -> list[tuple[str, str]]:
    with sqlite3.connect(carrier.data / "registry/registry.db") as base:
        return base.execute("SELECT action, detail FROM audit ORDER BY sequence").fetchall()


@pytest.fixture
def a(ringfence: Ringfence, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Carrier:
    monkeypatch.delenv("RINGFENCE_DATA_DIRECTORY")  # each carrier has its own
    return Carrier(ringfence, tmp_path, "a")


@pytest.fixture
def b(ringfence: Ringfence, tmp_path: Path) -> Carrier:
    return Carrier(ringfence, tmp_path, "b")


def test_the_file_way(a: Carrier, b: Carrier, tmp_path: Path) -> None:
    a.knows(b)
    b.knows(a)
    file = tmp_path / "message.jws"
    assert a.listed() == []
    done = a("request", 2, "--why", "fraud")
    assert (done.code, done.out) == (0, "request 1 to b is drafted\n")
    assert a("send", 1).err == "b has no url in trace.peers: export the message to a file\n"
    assert "take" in a("export", 1, file).out
    assert (file.stat().st_mode & 0o777, file.read_text().count(".")) == (0o600, 2)
    assert b("import", file).out == "request of a about request 1\n"
    assert b("import", file).out == "request of a about request 1, which was on record already\n"
    assert [(row["state"], row["asked"]["callee"]) for row in b.listed()] == [("received", "+86139****1000")]
    assert "trace export 1" in b("accept", 1).out
    b("export", 1, file)
    assert a("import", file).code == 0
    assert [row["state"] for row in a.listed()] == ["accepted"]
    assert b("answer", 1).out.startswith("request 1 is answered from record 2\n")
    b("export", 1, file)
    assert a("import", file).out == "answer of b about request 1\n"
    shown = a("show", 1).out
    for text in ("state        answered", "why          fraud", "hop          b: bank (enterprise) of bank from udp",
                 "joined by Call-ID, callee, caller, time", "contact  noc", "  request to b, delivered",
                 "  answer from b"):  # fmt: skip
        assert text in shown
    assert CALLEE not in shown and CALLEE in a("show", 1, "--full").out
    traced = a("--callee", CALLEE, "--caller", "+861062345678").out
    assert "before that  b: bank (enterprise) of bank from udp 192.0.2.1:5060" in traced
    assert "asked        b: answered (ringfence trace show 1)" in traced
    assert CALLEE in a("--callee", CALLEE, "--full").out
    looks = [entry for entry in audited(a) if entry[0] == "trace_looked"]
    assert looks == [("trace_looked", '{"command":"trace show","request":1}'),
                     ("trace_looked", '{"command":"trace","requests":[1]}')]  # fmt: skip
    assert a("close", 1).out == "request 1 is closed\n"
    assert a("close", 1).code == 1
    rows = a("list").out.splitlines()
    assert [rows[0].split()[:5], rows[1].split()[:5]] == [
        ["id", "direction", "peer", "state", "record"],
        ["1", "out", "b", "closed", "2"],
    ]
    assert a("list", "--overdue").out.splitlines()[1:] == []
    assert a("list", "--state", "odd").code == 64


def test_a_refusal_by_file(a: Carrier, b: Carrier, tmp_path: Path) -> None:
    a.knows(b)
    b.knows(a)
    file = tmp_path / "message.jws"
    a("request", 5, "--peer", "b")
    a("export", 1, file)
    b("import", file)
    assert b("refuse", 1, "--why", "no\nsuch call").code == 64
    assert b("refuse", 1, "--why", "no such call").code == 0
    b("export", 1, file)
    a("import", file)
    assert "refused      no such call" in a("show", 1).out
    assert b("answer", 1).err == "request 1 is refused already\n"


def test_a_peer_that_is_not_there(a: Carrier, b: Carrier) -> None:
    a.knows(b, url=f"http://127.0.0.1:{free_port()}/trace/inbox")
    done = a("request", 2, "--send")
    assert done.code == 1
    assert done.out.endswith("request 1: the peer has not taken it; the daemon tries again\n")
    assert "Cannot connect" in done.err
    assert [row["state"] for row in a.listed()] == ["drafted"]


def test_what_cannot_be_done(a: Carrier, b: Carrier, tmp_path: Path) -> None:
    a.knows(b)
    file = tmp_path / "message.jws"
    file.write_text("nonsense")
    for arguments, said in (
        (("request", 3), "no decision has the number 3"),
        (("request", 2, "--peer", "c"), "c is no peer of trace.peers; there are: b"),
        (("import", file), f"{file}: is no compact JWS"),
        (("import", tmp_path / "none"), "cannot be read"),
        (("export", 9, file), "there is nothing of ours to send about a request 9"),
        (("export", 9, tmp_path / "none" / "x"), "cannot be written"),
        (("show", 9), "there is no trace request 9"),
        (("close", 9), "there is no trace request 9"),
    ):
        done = a(*arguments)
        assert (done.code, said in done.err) == (1, True), (arguments, done)
    assert file.read_text() == "nonsense"
    a.knows()
    assert "no peer of trace.peers has the holder 'bank'" in a("request", 2).err


def test_our_key_for_peers(a: Carrier) -> None:
    a.knows()
    done = a("key")
    assert done.out == a.key.read_text()
    assert done.err.startswith("a: SHA-256 ")


def test_the_committed_schema_is_what_is_spoken(ringfence: Ringfence) -> None:
    assert json.loads(ringfence("trace", "schema").out) == schema()
    assert json.loads(SCHEMA.read_text()) == schema(), "run `ringfence trace schema > docs/trace.schema.json`"
