"""`ringfence call` against the demo softswitch."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer
from tests.cli.command import SAMPLE, Ringfence
from tests.support.net import free_port
from tests.support.trunks import ledger_of

from ringfence.cli.calling import trunk_source
from ringfence.demo.ports import moved_copy
from ringfence.demo.softswitch import Softswitch


class Callee:
    """A softswitch on a loop of its own, since the command has one too."""

    def __init__(self, port: int = 0) -> None:
        self.softswitch = Softswitch(port=port, refusals={"110": 603}, ring=0.05)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)

    def __enter__(self) -> Softswitch:
        self._thread.start()
        self._do(self.softswitch.open("udp", "tcp", listening=True))
        return self.softswitch

    def __exit__(self, *_: object) -> None:
        self._do(self.softswitch.close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _do(self, work: object) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(10)  # type: ignore[arg-type]


@pytest.fixture
def softswitch() -> Iterator[Softswitch]:
    with Callee() as switch:
        yield switch


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_the_ladder_of_an_answered_call(ringfence: Ringfence, softswitch: Softswitch, transport: str) -> None:
    way = ("--via", f"127.0.0.1:{softswitch.port}", "--transport", transport)
    done = ringfence("call", "--from", "+861", "--to", "+862", *way, "--hold", "10ms")
    assert (done.code, done.err) == (0, "")
    lines = done.out.splitlines()
    assert [line.split("ms")[1].split()[:2] for line in lines[:6]] == [
        ["──▶", "INVITE"], ["◀──", "180"], ["◀──", "200"], ["──▶", "ACK"], ["──▶", "BYE"], ["◀──", "200"],
    ]  # fmt: skip
    assert lines[-1] == "result  200 OK"


def test_a_refusal_is_1_and_everything_asked_for_is_sent(ringfence: Ringfence, softswitch: Softswitch) -> None:
    done = ringfence(
        "call", "--from", "anonymous", "--to", "110", "--via", f"localhost:{softswitch.port}", "--json", "--private",
        "--pai", "+861", "--display", "Name", "--header", "Call-Info: <http://x>",
    )  # fmt: skip
    report = json.loads(done.out)
    assert done.code == 1
    assert (report["status"], report["phrase"], report["ended"]) == (603, "Decline", 0)
    assert [step["direction"] for step in report["steps"]] == ["out", "in", "in", "out"]
    (seen,) = softswitch.seen.values()
    assert (seen.caller, seen.display, seen.privacy) == ("anonymous", "Name", ["id"])
    assert seen.asserted == ["<sip:+861@127.0.0.1>"]
    assert seen.marks == [("Call-Info", "<http://x>")]


def test_cancel(ringfence: Ringfence, softswitch: Softswitch) -> None:
    softswitch.ring = 30
    where = f"127.0.0.1:{softswitch.port}"
    done = ringfence("call", "--from", "1", "--to", "2", "--via", where, "--cancel-after", "1ms")
    assert done.code == 1
    assert done.out.splitlines()[-1] == "result  487 Request Terminated"


def test_a_trunk_calls_from_its_own_port_to_the_listener(ringfence: Ringfence, tmp_path: Path) -> None:
    listener, source = free_port(), free_port()
    config = moved_copy(SAMPLE, tmp_path, {5060: listener, 5071: source})
    with Callee(listener) as switch:
        done = ringfence("call", "--from", "1", "--to", "2", "--trunk", "bank", "--config", config)
        assert done.code == 0
        assert f"sip:2@127.0.0.1:{listener}" in done.out
        (call,) = switch._calls.values()
    assert (call.peer.host, call.peer.port) == ("127.0.0.1", source)


def test_a_source_that_is_in_use_is_said(ringfence: Ringfence, tmp_path: Path) -> None:
    source = free_port()
    config = moved_copy(SAMPLE, tmp_path, {5071: source})
    with Callee(source):
        done = ringfence("call", "--from", "1", "--to", "2", "--trunk", "bank", "--config", config)
    assert done == (1, "", f"udp 127.0.0.1:{source} cannot be bound: Address already in use\n")


def test_a_name_that_has_no_address_is_wrong_usage(ringfence: Ringfence) -> None:
    done = ringfence("call", "--from", "1", "--to", "2", "--via", "nowhere.invalid")
    assert done.code == 64
    assert "nowhere.invalid has no address" in " ".join(done.err.replace("│", " ").split())


@pytest.mark.parametrize(
    ("sources", "found"),
    [
        ([{"address": "127.0.0.1", "port": 5071}], ("127.0.0.1", 5071)),
        ([{"address": "127.0.0.1"}], ("127.0.0.1", 0)),
        ([{"address": "10.0.0.0/8"}, {"address": "127.0.0.1/32"}], ("127.0.0.1", 0)),
        ([{"address": "127.0.0.1", "transport": "tcp"}, {"address": "127.0.0.2"}], ("127.0.0.2", 0)),
        ([{"certificate": "pbx.example"}, {"address": "::1/128"}], ("::1", 0)),
        ([{"certificate": "pbx.example"}, {"address": "10.0.0.0/8"}], None),
    ],
)
def test_where_a_trunk_calls_from(sources: list[dict[str, object]], found: tuple[str, int] | None) -> None:
    trunks = ledger_of({"name": "bank", "sources": sources}).trunks
    if found is not None:
        assert trunk_source(trunks, "bank", "udp") == found
    else:
        with pytest.raises(typer.BadParameter, match="no single source address"):
            trunk_source(trunks, "bank", "udp")
