from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any

import orjson
import pytest
from prometheus_client.parser import text_string_to_metric_families
from tests.control.support import request, served
from tests.telemetry.support import full_snapshot

from ringfence.control.app import LONGEST_BODY, BodyLimit, create_app
from ringfence.control.errors import Refused, Unanswered

TOKEN = "0123456789abcdef"
BEARER = {"Authorization": f"Bearer {TOKEN}"}
COMMANDS = [("/reload", None), ("/drain", None), ("/explain", {"callee": "95588"})]


class SipProcess:
    """What the other process answers, and what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.answers: dict[str, Any] = {
            "ready": {"ready": True, "generation": 7, "reasons": [], "warnings": ["a"]},
            "snapshot": orjson.loads(orjson.dumps(full_snapshot())),
            "reload": {"generation": 8, "faults": []},
            "drain": None,
            "explain": {"action": "reject"},
        }

    async def __call__(self, command: str, arguments: dict[str, Any], timeout: float) -> Any:
        self.asked.append((command, arguments))
        answer = self.answers[command]
        if isinstance(answer, Exception):
            raise answer
        return answer

    def silence(self) -> None:
        self.answers = dict.fromkeys(self.answers, Unanswered("the SIP process does not answer"))


@pytest.fixture
def sip() -> SipProcess:
    return SipProcess()


@pytest.fixture
def http(sip: SipProcess) -> Iterator[tuple[str, int]]:
    with served(sip, TOKEN) as address:
        yield address


def test_health(http: tuple[str, int], sip: SipProcess) -> None:
    live, ready = request(http, "GET", "/live"), request(http, "GET", "/ready")
    assert (live.status, live.json) == (200, {"live": True})
    assert (ready.status, ready.json) == (200, {"ready": True, "generation": 7, "reasons": [], "warnings": ["a"]})
    sip.answers["ready"] = {"ready": False, "generation": 7, "reasons": ["no gateway answers"]}
    live, ready = request(http, "GET", "/live"), request(http, "GET", "/ready")
    assert live.status == 200
    assert (ready.status, ready.json["reasons"]) == (503, ["no gateway answers"])


def test_a_silent_sip_process_is_neither_live_nor_ready(http: tuple[str, int], sip: SipProcess) -> None:
    sip.silence()
    assert request(http, "GET", "/live").status == 503
    ready = request(http, "GET", "/ready")
    assert (ready.status, ready.json["ready"], ready.json["reasons"]) == (
        503,
        False,
        ["the SIP process does not answer"],
    )
    assert request(http, "GET", "/config/generation").status == 503
    for path, body in COMMANDS:
        assert request(http, "POST", path, body, BEARER).status == 503


def test_a_process_that_is_only_starting_is_live_but_not_ready(http: tuple[str, int], sip: SipProcess) -> None:
    sip.answers = dict.fromkeys(sip.answers, Refused("starting"))
    assert request(http, "GET", "/live").status == 200
    ready = request(http, "GET", "/ready")
    assert (ready.status, ready.json["reasons"]) == (503, ["starting"])
    assert request(http, "GET", "/metrics").status == 503


def test_metrics(http: tuple[str, int], sip: SipProcess) -> None:
    answer = request(http, "GET", "/metrics")
    assert answer.status == 200 and answer.headers["Content-Type"].startswith("text/plain")
    families = {family.name: family for family in text_string_to_metric_families(answer.text)}
    assert families["ringfence_up"].samples[0].value == 1
    assert families["ringfence_config_generation"].samples[0].value == 7
    sip.silence()
    answer = request(http, "GET", "/metrics")
    assert answer.status == 503
    assert [line for line in answer.text.splitlines() if not line.startswith("#")] == ["ringfence_up 0.0"]


def test_generation(http: tuple[str, int]) -> None:
    assert request(http, "GET", "/config/generation").json == {"generation": 7}


def test_reload(http: tuple[str, int], sip: SipProcess) -> None:
    answer = request(http, "POST", "/reload", headers=BEARER)
    assert (answer.status, answer.json) == (200, {"generation": 8, "faults": []})
    sip.answers["reload"] = {"generation": 7, "faults": ["ringfence.yaml:12: trunks[2]: wrong"]}
    answer = request(http, "POST", "/reload", headers=BEARER)
    assert answer.status == 422
    assert answer.json == {"generation": 7, "faults": ["ringfence.yaml:12: trunks[2]: wrong"]}


def test_drain(http: tuple[str, int], sip: SipProcess) -> None:
    answer = request(http, "POST", "/drain", headers=BEARER)
    assert (answer.status, answer.json, sip.asked) == (202, {"draining": True}, [("drain", {})])


def test_explain(http: tuple[str, int], sip: SipProcess) -> None:
    question = {"caller": "+8613800138000", "callee": "95588", "trunk": "acme"}
    answer = request(http, "POST", "/explain", question, BEARER)
    assert (answer.status, answer.json) == (200, {"action": "reject"})
    command, arguments = sip.asked[0]
    assert command == "explain" and question.items() <= arguments.items()
    sip.answers["explain"] = Refused("no trunk of that name")
    answer = request(http, "POST", "/explain", question, BEARER)
    assert (answer.status, answer.json) == (409, {"detail": "no trunk of that name"})


@pytest.mark.parametrize("question", [{}, {"callee": 5}, {"callee": "1", "other": 2}, {"callee": "1" * 257}])
def test_a_wrong_question_is_not_asked(http: tuple[str, int], sip: SipProcess, question: dict[str, Any]) -> None:
    assert request(http, "POST", "/explain", question, BEARER).status == 422
    assert sip.asked == []


@pytest.mark.parametrize(("path", "body"), COMMANDS)
@pytest.mark.parametrize(
    "headers",
    [{}, {"Authorization": "Bearer wrong"}, {"Authorization": f"Bearer {TOKEN}x"}, {"Authorization": f"Basic {TOKEN}"},
     {"Authorization": "Bearer "}, {"Authorization": "Bearer \xe9\xe9"}],
)  # fmt: skip
def test_commands_need_the_token(
    http: tuple[str, int], sip: SipProcess, path: str, body: Any, headers: dict[str, str]
) -> None:
    answer = request(http, "POST", path, body, headers)
    assert answer.status == 401 and answer.headers["WWW-Authenticate"] == "Bearer"
    assert sip.asked == []


def test_without_a_token_commands_are_off_and_the_rest_works(sip: SipProcess) -> None:
    with served(sip, None) as address:
        for path, body in COMMANDS:
            answer = request(address, "POST", path, body, BEARER)
            assert answer.status == 403 and "token_file" in answer.json["detail"]
        assert sip.asked == []
        assert request(address, "GET", "/ready").status == 200


def test_every_command_is_guarded(sip: SipProcess) -> None:
    """A route that somebody adds without the token is noticed: everything that is no GET names the bearer scheme."""
    paths = create_app(sip, TOKEN).openapi()["paths"]
    operations = [(path, method, given) for path, methods in paths.items() for method, given in methods.items()]
    assert {path for path, method, _ in operations if method != "get"} == {path for path, _ in COMMANDS}
    assert all(("security" in given) == (method != "get") for _, method, given in operations)


def test_long_bodies_are_refused_by_their_length_and_by_their_coming(http: tuple[str, int], sip: SipProcess) -> None:
    body = b'{"callee": "' + b"1" * LONGEST_BODY + b'"}'
    assert request(http, "POST", "/explain", body, BEARER).status == 413
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (body[:40_000], body[40_000:])) + b"0\r\n\r\n"
    with socket.create_connection(http, timeout=10) as sock:
        sock.sendall(
            b"POST /explain HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nConnection: close\r\n"
            b"Authorization: Bearer " + TOKEN.encode() + b"\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks
        )
        assert sock.recv(4096).startswith(b"HTTP/1.1 413 ")
    assert sip.asked == []


async def test_what_is_no_http_passes_the_body_limit() -> None:
    scopes: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        scopes.append(scope)

    async def never(*_: Any) -> Any:
        raise AssertionError

    await BodyLimit(app, 1)({"type": "lifespan"}, never, never)
    assert scopes == [{"type": "lifespan"}]


def test_no_banner_and_no_pages_from_elsewhere(http: tuple[str, int]) -> None:
    answer = request(http, "GET", "/live")
    assert answer.headers["Server"] is None
    assert request(http, "GET", "/docs").status == request(http, "GET", "/redoc").status == 404
    assert request(http, "GET", "/openapi.json").json["info"]["title"] == "ringfence"


def test_other_methods_and_paths(http: tuple[str, int]) -> None:
    assert request(http, "GET", "/reload", headers=BEARER).status == 405
    assert request(http, "GET", "/nothing").status == 404
