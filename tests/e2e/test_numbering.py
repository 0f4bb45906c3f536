"""Who may show which number, by calls through a running daemon: from abroad, by class, and sent on."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from tests.support.daemon import SOURCE, Daemon, Settings
from tests.support.net import free_port
from tests.support.settings import NO_STORE, daemon_settings
from tests.support.valkey import start_valkey

from ringfence.demo.caller import Caller, CallPlan, CallReport
from ringfence.demo.softswitch import Softswitch

pytestmark = pytest.mark.e2e

Start = Callable[[Settings, str], Daemon]
COMPANY, ABROAD, CARRIER = "127.0.0.11", "127.0.0.12", "127.0.0.13"
OWN, ROAMER, AT_HOME, FOREIGNER = "+8613800001000", "+8613700000001", "+8613700000002", "+442079460001"
CALLEE = "+8613900001000"
ENFORCED = {
    name: {"mode": "enforce"}
    for name in ("domestic_from_abroad", "inbound_only_class", "foreign_not_marked", "diversion", "irregular_number")
}


class House:
    """A daemon between three trunks and a softswitch."""

    def __init__(self, start: Start, softswitch: Softswitch, **more: Any) -> None:
        self.listen = ("127.0.0.2", free_port("127.0.0.2"))
        settings = daemon_settings(
            "{}:{}".format(*self.listen), [COMPANY], [f"{softswitch.host}:{softswitch.port}"], {**NO_STORE, **ENFORCED}
        )
        trunk = {**settings["trunks"][0], "trust_identity": False, "diversion_hops": 1, "explain": "explained"}
        settings["trunks"] = [
            trunk,
            {**trunk, "name": "abroad", "kind": "international", "sources": [{"address": ABROAD}], "diversion_hops": 0},
            {**trunk, "name": "carrier", "kind": "interconnect", "sources": [{"address": CARRIER}]},
        ]
        self.daemon = start(settings | more, f"{COMPANY}:0")

    async def call(self, source: str, caller: str, *fields: tuple[str, str]) -> CallReport:
        agent = Caller(source)
        await agent.open("udp")
        try:
            plan = CallPlan(caller=caller, callee=CALLEE, target=self.listen, fields=fields)
            return await agent.place(plan)
        finally:
            await agent.close()


def outcome(report: CallReport) -> tuple[int, str]:
    """Final status, and the reason that an explained trunk is told."""
    return report.status, next((value for name, value in report.marks if name.lower().endswith("-reason")), "")


@pytest.fixture
async def softswitch() -> AsyncIterator[Softswitch]:
    made = Softswitch("127.0.0.3")
    await made.open("udp", listening=True)
    yield made
    await made.close()


@pytest.fixture
def house(ringfence_daemon: Start, softswitch: Softswitch) -> House:
    return House(ringfence_daemon, softswitch, roaming={"source": "none"})


@pytest.mark.parametrize(
    ("source", "caller", "expected"),
    [
        (ABROAD, FOREIGNER, (200, "")),
        (ABROAD, "00442079460001", (200, "")),
        (ABROAD, "+862162345678", (403, "domestic_from_abroad.never_roams")),
        (ABROAD, "02162345678", (403, "domestic_from_abroad.never_roams")),
        (ABROAD, "95588", (403, "domestic_from_abroad.code")),
        (ABROAD, "+8610086", (403, "domestic_from_abroad.code")),
        (ABROAD, ROAMER, (480, "domestic_from_abroad.roaming_unknown")),
        (ABROAD, "442079460001", (403, "foreign_not_marked.no_prefix")),
        (CARRIER, OWN, (200, "")),
        (CARRIER, "4001234567", (403, "inbound_only_class.never_calls")),
        (CARRIER, "1440012345678", (403, "irregular_number.no_voice")),
        (CARRIER, "+862612345678", (403, "irregular_number.unassigned")),
        (COMPANY, OWN, (200, "")),
        (COMPANY, "13800001000", (200, "")),
    ],
)
async def test_callers(
    house: House, softswitch: Softswitch, source: str, caller: str, expected: tuple[int, str]
) -> None:
    report = await house.call(source, caller)
    assert outcome(report) == expected
    # A refused call never gets to the softswitch.
    assert (report.call_id in softswitch.seen) is (expected[0] == 200)


@pytest.mark.parametrize(
    ("source", "caller", "diversion", "expected"),
    [
        (COMPANY, FOREIGNER, f"<sip:{OWN}@pbx.example>;reason=unconditional", (200, "")),
        (COMPANY, FOREIGNER, None, (403, "caller_authorised.unknown_holder")),
        (
            COMPANY,
            FOREIGNER,
            f"<sip:{ROAMER}@pbx.example>;reason=unconditional",
            (403, "caller_authorised.unknown_holder"),
        ),
        (COMPANY, FOREIGNER, f"<sip:{OWN}@pbx.example>;counter=2", (403, "diversion.too_many_hops")),
        (COMPANY, FOREIGNER, "<sip:alice@pbx.example>", (403, "diversion.no_number")),
        # What was diverted abroad is still not at home there: nobody forges his way in by a header field.
        (ABROAD, "+862162345678", f"<sip:{FOREIGNER}@x.example>", (403, "domestic_from_abroad.never_roams")),
    ],
)
async def test_a_diverted_call_is_judged_by_who_diverted_it(
    house: House, source: str, caller: str, diversion: str | None, expected: tuple[int, str]
) -> None:
    fields = [] if diversion is None else [("Diversion", diversion)]
    assert outcome(await house.call(source, caller, *fields)) == expected


async def test_history_info_says_it_too(house: House) -> None:
    history = f"<sip:{OWN}@p?Reason=SIP%3Bcause%3D302>;index=1, <sip:{CALLEE}@p;cause=302>;index=1.1;mp=1"
    assert outcome(await house.call(COMPANY, FOREIGNER, ("History-Info", history))) == (200, "")


async def test_identities_that_contradict(house: House) -> None:
    other = ("Remote-Party-ID", "<sip:+8613800009999@pbx.example>;party=calling;screen=yes")
    assert outcome(await house.call(COMPANY, OWN, other)) == (403, "identity_conflict.remote_party")
    # An untrusted trunk asserts nothing; what it says there is not even read.
    claim = ("P-Asserted-Identity", f"<sip:{OWN}@pbx.example>")
    assert outcome(await house.call(COMPANY, FOREIGNER, claim)) == (403, "caller_authorised.unknown_holder")


async def test_a_roamer_in_the_stores_set_may_call_home(ringfence_daemon: Start, softswitch: Softswitch) -> None:
    with TemporaryDirectory(prefix="rf") as folder:
        valkey = start_valkey(Path(folder))
        try:
            # The keys of the set come from the daemon's data directory: the command writes what the call path reads.
            house = House(
                ringfence_daemon, softswitch, redis={"url": f"unix://{folder}/store.sock", "deadline": "500ms"}
            )
            assert outcome(await house.call(ABROAD, ROAMER)) == (403, "domestic_from_abroad.not_roaming")
            _command("roaming", "add", ROAMER, "--config", str(house.daemon.config), cwd=house.daemon.folder)
            assert outcome(await house.call(ABROAD, ROAMER)) == (200, "")
            assert outcome(await house.call(ABROAD, AT_HOME)) == (403, "domestic_from_abroad.not_roaming")
            _command("roaming", "remove", ROAMER, "--config", str(house.daemon.config), cwd=house.daemon.folder)
            assert outcome(await house.call(ABROAD, ROAMER)) == (403, "domestic_from_abroad.not_roaming")
        finally:
            house.daemon.stop()
            valkey.stop()


def _command(*arguments: str, cwd: Path) -> None:
    subprocess.run(
        [sys.executable, "-m", "ringfence", *arguments],
        cwd=cwd,
        check=True,
        env={"PYTHONPATH": str(SOURCE)},
        timeout=60,
    )


async def test_a_roamer_of_the_carriers_own_service_may_call_home(
    ringfence_daemon: Start, softswitch: Softswitch
) -> None:
    with _service() as (url, seen):
        house = House(ringfence_daemon, softswitch, roaming={"source": "http", "url": url, "deadline": "1s"})
        assert outcome(await house.call(ABROAD, ROAMER)) == (200, "")
        assert outcome(await house.call(ABROAD, AT_HOME)) == (403, "domestic_from_abroad.not_roaming")
        assert outcome(await house.call(ABROAD, FOREIGNER)) == (200, "")
        assert seen == [ROAMER, AT_HOME]
    # With the service gone nobody vouches for the roamer any more, and everybody else goes on.
    assert outcome(await house.call(ABROAD, ROAMER)) == (480, "domestic_from_abroad.roaming_unknown")
    assert outcome(await house.call(ABROAD, FOREIGNER)) == (200, "")


@contextmanager
def _service() -> Iterator[tuple[str, list[str]]]:
    seen: list[str] = []

    class Answering(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            number = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["number"]
            seen.append(number)
            body = json.dumps({"roaming": number == ROAMER}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answering)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/roaming", seen
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
