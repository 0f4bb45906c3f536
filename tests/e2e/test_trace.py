"""A call through two carriers, two whole daemons of ringfence, and then traced back from the second to the first."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from tests.control.support import request
from tests.e2e.test_operating import CALLEE, GRANTED, said
from tests.support.house import House
from tests.support.net import free_port
from tests.tracing.carriers import key_of

pytestmark = pytest.mark.e2e


def carrier(folder: Path) -> House:
    folder.mkdir()
    key_of(folder / "data")
    return House(folder)


def configure(house: House, peer: House, inbox: int, peer_inbox: int) -> None:
    """Both take messages without TLS: they are on one machine."""
    trace = f"""trace:
  name: {house.folder.name}
  peers:
    - name: {peer.folder.name}
      key_file: {peer.folder}/data.pem
      url: http://127.0.0.1:{peer_inbox}/trace/inbox
      holder: Example Telecom
  inbox:
    bind: "127.0.0.1:{inbox}"
"""

    def change(text: str) -> str:
        return text.replace("trace:\n  #name: example-telecom", f"{trace}  #name: example-telecom")

    house.write(change)


async def requests(house: House) -> list[dict[str, Any]]:
    listed: list[dict[str, Any]] = json.loads(await said(house, "trace", "list", "--json"))
    return listed


async def state(house: House, wanted: str) -> int:
    """The id of the only request, once it is in a state."""
    for _ in range(100):
        found = await requests(house)
        if [one["state"] for one in found] == [wanted]:
            return int(found[0]["id"])
        await asyncio.sleep(0.2)
    raise AssertionError(found)


async def test_a_call_through_two_carriers() -> None:
    with TemporaryDirectory(prefix="rf") as name:
        a, b = carrier(Path(name) / "a"), carrier(Path(name) / "b")
        a.ports[5073], b.ports[5080] = b.ports[5060], a.ports[5060]  # b's calls go to a, by a's trunk `carrier`
        inboxes = free_port(), free_port()
        configure(a, b, *inboxes)
        configure(b, a, *reversed(inboxes))
        async with a, b:
            report = await b.call(5071, GRANTED)
            assert report.status == 200
            await trace_back(a, b)


async def trace_back(a: House, b: House) -> None:
    (call,) = json.loads(await said(a, "trace", "--callee", CALLEE, "--json"))
    assert (call["in"]["trunk"], call["in"]["source"]) == ("carrier", f"127.0.0.1:{b.ports[5060]}")
    await said(a, "trace", "request", str(call["record"]), "--why", "fraud", "--send")
    theirs = await state(b, "received")
    await said(b, "trace", "answer", str(theirs))
    ours = await state(a, "answered")
    traced = await said(a, "trace", "--callee", CALLEE)
    (line,) = [line for line in traced.splitlines() if line.startswith("before that")]
    connected = "connected by Example Telecom, business connections"
    assert f"b: bank (enterprise) of Example Bank, {connected}, from udp 127.0.0.1:{b.ports[5071]}" in line
    assert f"at udp:127.0.0.1:{a.ports[5060]}; " in line
    assert line.endswith("joined by Call-ID, callee, caller, time; signed by it")
    token = (await said(a, "registry", "token", "add", "lin", "--role", "officer")).strip()
    status, calls = await asyncio.to_thread(as_officer, a, token, {"callee": CALLEE, "full": True})
    assert (status, calls[0]["chain"][0]["shown"], calls[0]["callee"]["number"]) == (200, GRANTED, CALLEE)
    assert calls[0]["requests"][0]["id"] == ours
    await a.until(lambda: a.metric("trace_requests", direction="out", state="answered") == 1, 10)
    assert a.metric("trace_messages_received_total", result="taken") == 1
    for house in (a, b):
        assert "sound" in await said(house, "registry", "verify")


def as_officer(house: House, token: str, body: Any) -> tuple[int, Any]:

    answer = request(
        ("127.0.0.1", house.ports[9460]), "POST", "/trace/calls", body, {"Authorization": f"Bearer {token}"}
    )
    return answer.status, answer.json
