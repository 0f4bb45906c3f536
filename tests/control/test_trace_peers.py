"""Two ringfence HTTP processes on loopback, their inboxes behind TLS: a request from a to b and its answer back.

Then what b's inbox makes of everybody else, and of a that is there only later.
"""

from __future__ import annotations

import asyncio
import http.client
import ipaddress
import shutil
import signal
import socket
import ssl
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from cryptography import x509
from tests.control.support import Answer, request
from tests.control.test_registry import place, token
from tests.control.test_tracing import CALLEE, RECORD, VERSION_1
from tests.support.net import free_port
from tests.tracing.carriers import Clock, book_of, key_of
from tests.transport.support import Authority

from ringfence.control.inbox import PATH
from ringfence.control.process import arguments
from ringfence.control.settings import ControlSettings, TracePlace
from ringfence.records.settings import RecordsSettings
from ringfence.registry.opening import open_registry, open_signer
from ringfence.registry.settings import RegistrySettings
from ringfence.registry.signing import Signer, new_key
from ringfence.telemetry.settings import LoggingSettings
from ringfence.tracing import jws, post
from ringfence.tracing.settings import TraceSettings

LOOPBACK = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))


class Carrier:
    """One HTTP process with its own records, registry and inbox."""

    def __init__(self, folder: Path, name: str, authority: Authority) -> None:
        self.name = name
        self.folder = folder / name
        self.authority = authority
        self.http, self.inbox = (("127.0.0.1", free_port()) for _ in range(2))
        self.key = key_of(self.folder)
        self.signer = open_signer(RegistrySettings(), self.folder)
        shutil.copytree(VERSION_1, self.folder / "records")
        self.officer = token(place(self.folder), "lin", "officer")
        self._certificate = authority.issue(name, LOOPBACK)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.inbox[1]}{PATH}"

    def start(self, *peers: Carrier, **inbox: Any) -> None:
        trace = {
            "name": self.name,
            "inbox": {
                "bind": f"127.0.0.1:{self.inbox[1]}",
                "certificate": self._certificate[0],
                "key": self._certificate[1],
                **inbox,
            },
            "peers": [
                {"name": one.name, "key_file": one.key, "url": one.url, "ca": self.authority.file, "holder": "bank"}
                for one in peers
            ],
        }
        where = TracePlace(
            node=f"node-{self.name}",
            data_directory=self.folder,
            records=RecordsSettings(),
            trace=TraceSettings.model_validate(trace),
        )
        control = ControlSettings(bind=f"127.0.0.1:{self.http[1]}")
        line = arguments(control, LoggingSettings(), self.folder / "c.sock", place(self.folder), where)
        self._process = subprocess.Popen(line, stderr=subprocess.DEVNULL)
        until(lambda: self.get("/openapi.json").status == 200)

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            assert self._process.wait(20) == -signal.SIGTERM  # uvicorn ends by the signal that it has obeyed
            self._process = None

    def get(self, path: str) -> Answer:
        return request(self.http, "GET", path, None, self.officer)

    def post(self, path: str, body: Any = None) -> Answer:
        return request(self.http, "POST", path, {} if body is None else body, self.officer)

    def deliver(self, text: str | bytes) -> tuple[int, bytes]:
        """What its inbox says to a message."""
        context = ssl.create_default_context(cafile=str(self.authority.file))
        connection = http.client.HTTPSConnection(*self.inbox, timeout=10, context=context)
        try:
            connection.request("POST", PATH, text, {"Content-Type": jws.MEDIA_TYPE})
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def states(self) -> list[str]:
        return [one["state"] for one in self.get("/trace/requests").json]

    def metric(self, name: str) -> str:
        lines = self.get("/metrics").text.splitlines()
        return next((line.rpartition(" ")[2] for line in lines if line.startswith(name)), "")


def until(met: Callable[[], bool], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while True:
        try:
            if met():
                return
        except OSError:
            pass
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.fixture
def carriers(tmp_path: Path) -> Iterator[tuple[Carrier, Carrier]]:
    authority = Authority(tmp_path, "authority")
    a, b = (Carrier(tmp_path, name, authority) for name in "ab")
    yield a, b
    a.stop()
    b.stop()


def test_a_request_goes_there_and_comes_back(carriers: tuple[Carrier, Carrier]) -> None:
    a, b = carriers
    a.start(b)
    made = a.post("/trace/requests", {"record": RECORD, "why": "fraud", "send": True})
    assert (made.status, made.json["peer"]) == (201, "b")
    place = made.json["id"]
    until(lambda: a.get(f"/trace/requests/{place}").json["said"][0]["tries"] > 0)  # b is not there
    assert a.states() == ["drafted"]
    b.start(a)
    until(lambda: b.states() == ["received"])
    until(lambda: a.states() == ["sent"])
    (theirs,) = b.get("/trace/requests").json
    assert (theirs["asked"]["why"], theirs["record"]) == ("fraud", 0)
    assert b.post(f"/trace/requests/{theirs['id']}/accept").json["state"] == "accepted"
    until(lambda: a.states() == ["accepted"])
    done = b.post(f"/trace/requests/{theirs['id']}/answer")
    assert (done.json["state"], done.json["record"]) == ("answered", RECORD)
    until(lambda: a.states() == ["answered"])
    (call,) = [one for one in a.post("/trace/calls", {"callee": CALLEE}).json if one["record"] == RECORD]
    (hop,) = call["chain"]
    assert (hop["carrier"], hop["came"]["holder"], hop["came"]["address"]) == ("b", "bank", "192.0.2.1:5060")
    assert hop["joined"] == ["Call-ID", "callee", "caller", "time"]
    assert CALLEE not in str(call)
    assert b.metric('ringfence_trace_messages_received_total{result="taken"}') == "1.0"
    assert a.metric('ringfence_trace_messages_received_total{result="taken"}') == "2.0"
    assert a.post(f"/trace/requests/{place}/close").json["state"] == "closed"


def claims(carrier: Carrier, **more: Any) -> dict[str, Any]:
    """A request to b that nobody has seen."""
    name = f"{time.time_ns():032x}"
    asked = {"callee": CALLEE, "caller": "", "at": "2026-11-24T10:15:00Z"}
    return {
        "ver": 1, "iss": carrier.name, "aud": "b", "iat": int(time.time()), "jti": f"{name}.request", "request": name,
        "body": {"kind": "request", "asked": asked}, **more,
    }  # fmt: skip


def test_what_the_inbox_makes_of_everybody(carriers: tuple[Carrier, Carrier], tmp_path: Path) -> None:
    a, b = carriers
    b.start(a, failures_per_minute=10_000)
    sound = jws.sign(claims(a), a.signer)
    assert b.deliver(sound) == (202, b'{"taken":true}')
    assert b.deliver(sound) == (200, b'{"taken":true}')  # a replay changes nothing
    again = orjson.loads(jws.parse(sound).claims)
    (tmp_path / "stranger.pem").write_text(new_key())
    stranger = Signer.read(tmp_path / "stranger.pem")
    for text, status in (
        (jws.sign(claims(a), stranger), 403),  # an unknown peer
        (jws.sign(claims(a), b.signer), 403),
        (sound[:-4] + "AAAA", 403),  # a wrong signature
        (jws.sign(claims(a, aud="c"), a.signer), 403),
        (jws.sign(claims(a, iat=int(time.time()) - 86_500), a.signer), 400),  # expired
        (jws.sign(again | {"body": again["body"] | {"asked": claims(a)["body"]["asked"] | {"within": 9}}}, a.signer), 409),
        (jws.sign(claims(a, body={"kind": "refusal", "why": "no"}), a.signer), 404),
        (b"x" * 1_000_000, 400),  # oversize
        (b"\xff\xfe\x00", 400),
        (b"", 400),
        (sound.replace(".", ".."), 400),
    ):  # fmt: skip
        got, said = b.deliver(text)
        assert (got, CALLEE.encode() in said) == (status, False), said
    assert b.states() == ["received"]
    assert b.metric('ringfence_trace_messages_received_total{result="unauthorised"}') == "4.0"
    context = ssl.create_default_context(cafile=str(b.authority.file))
    for method, path, status in (("GET", PATH, 405), ("GET", "/openapi.json", 404), ("GET", "/metrics", 404)):
        connection = http.client.HTTPSConnection(*b.inbox, timeout=10, context=context)
        connection.request(method, path)
        assert connection.getresponse().status == status
        connection.close()


def test_who_hangs_up_in_the_middle_is_counted(carriers: tuple[Carrier, Carrier]) -> None:
    a, b = carriers
    b.start(a)
    context = ssl.create_default_context(cafile=str(b.authority.file))
    with socket.create_connection(b.inbox) as sock, context.wrap_socket(sock, server_hostname="127.0.0.1") as secure:
        secure.sendall(f"POST {PATH} HTTP/1.1\r\nHost: b\r\nContent-Length: 100\r\n\r\nhalf".encode())
    until(lambda: b.metric('ringfence_trace_messages_received_total{result="bad"}') == "1.0")
    assert b.deliver(jws.sign(claims(a), a.signer))[0] == 202


def test_strangers_and_peers_are_held_to_rates(carriers: tuple[Carrier, Carrier]) -> None:
    a, b = carriers
    b.start(a, failures_per_minute=2, per_minute=2)
    assert [b.deliver(jws.sign(claims(a), a.signer))[0] for _ in range(3)] == [202, 202, 429]
    assert [b.deliver("nonsense")[0] for _ in range(3)] == [400, 400, 429]


def test_a_certificate_of_somebody_else_is_not_believed(carriers: tuple[Carrier, Carrier], tmp_path: Path) -> None:
    a, b = carriers
    (tmp_path / "other").mkdir()
    a.authority = Authority(tmp_path / "other", "other")  # what a believes; b's certificate is of the first
    b.start(a)
    a.start(b)
    place = a.post("/trace/requests", {"record": RECORD, "send": True}).json["id"]
    until(lambda: a.get(f"/trace/requests/{place}").json["said"][0]["tries"] > 0)
    assert "certificate" in a.get(f"/trace/requests/{place}").json["said"][0]["trouble"].lower()
    assert (a.states(), b.states()) == (["drafted"], [])


def test_an_overdue_request_is_seen(carriers: tuple[Carrier, Carrier]) -> None:
    """a's request came more than a day ago: b's registry is told so, and b warns."""
    a, b = carriers

    async def long_ago() -> None:
        clock = Clock()
        clock.now = time.time() - 86_400 - 60
        at = place(b.folder)
        async with await open_registry(at.settings, at.data_directory) as registry:
            book = book_of(registry, b.folder, {"a": a.folder}, clock)
            text = jws.sign(claims(a, iat=int(clock.now)), a.signer)
            await post.take(book, post.opened(book, text), "test")

    asyncio.run(long_ago())
    b.start(a)
    until(lambda: b.metric('ringfence_trace_requests{direction="in",state="overdue"}') == "1.0")
    assert b.states() == ["overdue"]
    (warning,) = [text for text in b.get("/ready").json["warnings"] if "trace" in text]
    assert warning.startswith("1 trace requests of peers wait for our answer")
