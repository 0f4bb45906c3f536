"""Records and trace requests over real HTTP: roles, masks, the audit trail, and searches that never hold HTTP up."""

from __future__ import annotations

import asyncio
import fcntl
import json
import shutil
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from tests.control.support import Answer, request, served
from tests.control.test_registry import CHECKS, ROOT, place, silent, token
from tests.tracing.carriers import key_of

from ringfence.control.desk import Desk
from ringfence.control.settings import TracePlace
from ringfence.control.trace_desk import TraceDesk
from ringfence.records import journal
from ringfence.records.keys import open_keys
from ringfence.records.settings import RecordsSettings
from ringfence.registry.opening import open_registry
from ringfence.tracing.settings import TraceSettings
from ringfence.warehouse.keeping import index_all

VERSION_1 = Path("tests/data/records/1")
CALLER, CALLEE = "+861062345678", "+8613900001000"
HIDDEN = "+8613******000"
RECORD = 2


class House:
    """A served desk with a token a role, and records of two calls."""

    def __init__(self, folder: Path, address: tuple[str, int]) -> None:
        self.folder = folder
        self.address = address
        at = place(folder / "a")
        self.officer = token(at, "lin", "officer")
        self.operator = token(at, "ops", "operator")
        self.auditor = token(at, "wu", "auditor")
        self.bank = token(at, "bank-1", "holder", "Bank")

    def post(self, path: str, who: dict[str, str], body: Any = None) -> Answer:
        return request(self.address, "POST", path, {} if body is None else body, who)

    def get(self, path: str, who: dict[str, str]) -> Answer:
        return request(self.address, "GET", path, None, who)

    def audited(self) -> list[tuple[str, str, Any]]:
        async def read() -> list[tuple[str, str, Any]]:
            at = place(self.folder / "a")
            async with await open_registry(at.settings, at.data_directory) as registry:
                return [
                    (entry.actor, entry.action, json.loads(entry.detail))
                    for entry, _ in await registry.trail(ROOT)
                    if entry.action.startswith("trace")
                ]

        return asyncio.run(read())

    def looks(self) -> list[dict[str, Any]]:
        lines = list(journal.read(self.folder / "records/access.log"))
        assert not any(line.fault for line in lines)
        return [line.entry for line in lines]


def desk(folder: Path, **more: Any) -> TraceDesk:
    (folder / "a").mkdir(exist_ok=True)
    shutil.copytree(VERSION_1, folder / "records", dirs_exist_ok=True)
    trace = {"name": "a", "peers": [{"name": "b", "key_file": key_of(folder / "b"), "holder": "bank"}], **more}
    where = TracePlace(
        node="node-a", data_directory=folder, records=RecordsSettings(), trace=TraceSettings.model_validate(trace)
    )
    return TraceDesk(Desk(place(folder / "a")), where)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    tracing = desk(tmp_path)
    with served(silent, None, tracing.desk, tracing) as address:
        yield House(tmp_path, address)


def test_trace_a_call(house: House) -> None:
    written = house.post("/trace/calls", house.operator, {"callee": "13900001000"}).json
    assert [call["record"] for call in written] == [5, 2]
    call = written[1]
    assert (call["in"]["trunk"], call["in"]["holder"], call["in"]["source"]) == ("bank", "bank", "192.0.2.1:5060")
    assert call["out"]["address"] == "udp:198.51.100.1:5060"
    assert (call["callee"]["number"], call["chain"], call["requests"]) == (HIDDEN, [], [])
    at = {"callee": CALLEE, "caller": CALLER, "at": call["at"], "within": 1}
    assert [one["record"] for one in house.post("/trace/calls", house.operator, at).json] == [2]
    assert house.post("/trace/calls", house.operator, at | {"at": "2020-01-01T00:00:00Z"}).json == []


def test_find_show_and_explain(house: House) -> None:
    rows = house.post("/records/queries", house.operator, {"action": "reject"}).json
    assert [(row["record"], row["callee"], row["status"]) for row in rows] == [(5, HIDDEN, 403)]
    assert house.post("/records/queries", house.operator, {"since": "2100-01-01T00:00:00Z"}).json == []
    shown = house.get(f"/records/{RECORD}", house.operator).json
    assert (shown["verdict"]["action"], shown["course"]["released"]) == ("forward", "caller")
    why = house.get("/records/5/explanation", house.operator).json
    assert why["verdict"]["findings"][0]["reason"] == "caller_authorised.not_granted"
    assert (why["trunk"], why["caller"]["number"]) == ("bank", HIDDEN)
    assert house.get("/records/3", house.operator).status == 404
    assert house.get("/records/0", house.operator).status == 422


def test_records_that_are_encrypted(house: House) -> None:
    """The searching process opens the keys itself, from the settings that it was started with."""
    ring = open_keys(RecordsSettings(), house.folder)
    assert index_all(house.folder / "records", ring) == (1, 0)
    assert not list((house.folder / "records").glob("*.rec"))
    assert [call["record"] for call in house.post("/trace/calls", house.operator, {"callee": CALLEE}).json] == [5, 2]
    assert house.get(f"/records/{RECORD}", house.operator).json["course"]["released"] == "caller"
    (house.folder / "keys/records.key").unlink()
    lost = house.get(f"/records/{RECORD}", house.operator)
    assert (lost.status, "put it back" in lost.text) == (409, True)


def test_full_numbers_are_for_some_and_on_record(house: House) -> None:
    asked = {"callee": CALLEE, "full": True}
    for path, body in (("/trace/calls", asked), ("/records/queries", asked)):
        assert house.post(path, house.operator, body).status == 403
        assert house.post(path, house.bank, {"callee": CALLEE}).status == 403
        assert CALLEE in house.post(path, house.officer, body).text
    for path in ("/records/2", "/records/2/explanation"):
        assert house.get(f"{path}?full=true", house.operator).status == 403
        assert CALLEE not in house.get(path, house.officer).text
        assert house.get(f"{path}?full=true", house.auditor).json["callee"]["number"] == CALLEE
    assert house.audited() == [
        ("officer:lin", "trace_looked", {"command": "trace", "node": "node-a", "records": [5, 2]}),
        ("officer:lin", "trace_looked", {"command": "find", "node": "node-a", "records": [5, 2]}),
        ("auditor:wu", "trace_looked", {"command": "show", "node": "node-a", "records": [2]}),
        ("auditor:wu", "trace_looked", {"command": "show", "node": "node-a", "records": [2]}),
    ]
    looks = house.looks()
    assert {(look["user"], look["full"]) for look in looks} == {
        ("officer:lin at 127.0.0.1", True), ("officer:lin at 127.0.0.1", False), ("auditor:wu at 127.0.0.1", True),
    }  # fmt: skip
    assert all(CALLEE not in str(look) for look in looks)


def test_an_officer_sees_nothing_of_consents(house: House) -> None:
    for path, body in (
        ("/registry/queries", {"callee": CALLEE}),
        ("/registry/proofs", {"callee": CALLEE, "holder": "Bank"}),
        ("/registry/consents",
         {"callee": CALLEE, "holder": "Bank", "given_at": "2024-01-01T00:00:00Z", "channel": "web"}),
        ("/registry/withdrawals", {"callee": CALLEE, "holder": "Bank"}),
    ):  # fmt: skip
        assert house.post(path, house.officer, body).status == 403, path
    for path in ("/registry/statements", "/registry/audit"):
        assert house.get(path, house.officer).status == 403


def test_a_request_by_http_and_its_steps(house: House) -> None:
    made = house.post("/trace/requests", house.officer, {"record": RECORD, "why": "fraud, called 13800138000"})
    assert (made.status, made.json["state"], made.json["peer"]) == (201, "drafted", "b")
    assert CALLEE not in made.text and "13800138000" not in made.text
    place = made.json["id"]
    assert house.post("/trace/requests", house.officer, {"record": RECORD}).status == 409
    assert house.post("/trace/requests", house.officer, {"record": 3}).status == 404
    assert house.post("/trace/requests", house.auditor, {"record": RECORD}).status == 403
    assert house.post(f"/trace/requests/{place}/send", house.officer).json["detail"].startswith("b has no url")
    assert house.post(f"/trace/requests/{place}/file", house.operator).status == 403  # it has the numbers in full
    written = house.post(f"/trace/requests/{place}/file", house.officer)
    assert (written.headers["Content-Type"], written.text.count(".")) == ("application/jose", 2)
    assert house.get("/trace/requests?state=sent", house.auditor).json[0]["id"] == place
    assert house.get("/trace/requests?state=overdue", house.auditor).json == []
    (traced,) = house.post("/trace/calls", house.operator, {"callee": CALLEE, "caller": CALLER}).json
    assert [(one["id"], one["state"]) for one in traced["requests"]] == [(place, "sent")]
    shown = house.get(f"/trace/requests/{place}?full=true", house.officer).json
    assert (shown["asked"]["callee"], [one["kind"] for one in shown["said"]]) == (CALLEE, ["request"])
    assert house.get(f"/trace/requests/{place}?full=true", house.operator).status == 403
    assert house.post(f"/trace/requests/{place}/accept", house.officer).status == 409
    assert house.post(f"/trace/requests/{place}/close", house.officer).json["state"] == "closed"
    assert house.get("/trace/requests/999999", house.officer).status == 404
    own = request(house.address, "POST", "/trace/messages", written.text.encode(), house.officer)
    assert own.status == 422 and "no peer's" in own.text


def test_a_search_that_takes_too_long_is_ended(tmp_path: Path) -> None:
    """It hangs: somebody holds the access log for ever, and no look is answered that is not noted there."""
    tracing = desk(tmp_path, look={"processes": 1, "waiting": 1, "deadline": "1s"})
    log = tmp_path / "records/access.log"
    with log.open("wb") as held, served(silent, None, tracing.desk, tracing) as address:
        fcntl.flock(held, fcntl.LOCK_EX)
        house = House(tmp_path, address)
        answers: list[int] = []

        def search() -> None:
            answers.append(house.post("/trace/calls", house.operator, {"callee": "+8613912345678"}).status)

        threads = [threading.Thread(target=search) for _ in range(3)]
        for thread in threads:
            thread.start()
        began = time.monotonic()
        assert request(address, "GET", "/metrics").status == 503  # no SIP process, and still at once
        assert time.monotonic() - began < 0.9
        for thread in threads:
            thread.join()
        assert sorted(answers) == [503, 504, 504]
        metrics = request(address, "GET", "/metrics").text
        assert "ringfence_trace_searches_ended_total 2.0" in metrics
        assert "ringfence_trace_searches 0.0" in metrics
        assert "ringfence_trace_searches_limit 2.0" in metrics
        log.unlink()
        assert house.post("/trace/calls", house.operator, {"callee": CALLEE}).status == 200


def test_without_records(tmp_path: Path) -> None:
    at = place(tmp_path / "a")
    off = RecordsSettings(enabled=False)
    tracing = TraceDesk(Desk(at), TracePlace(node="a", data_directory=tmp_path, records=off, trace=TraceSettings()))
    with served(silent, None, tracing.desk, tracing) as address:
        house = House(tmp_path, address)
        done = house.get("/records/2", house.operator)
        assert (done.status, "no records are kept" in done.text) == (409, True)


def test_a_key_that_is_none_is_told(tmp_path: Path) -> None:
    tracing = desk(tmp_path)
    tracing.settings.peers[0].key_file.write_text("nonsense")
    with served(silent, None, tracing.desk, tracing) as address:
        deadline = time.monotonic() + 10
        while not (warnings := request(address, "GET", "/ready").json["warnings"]):
            assert time.monotonic() < deadline
        assert "trace.peers[0].key_file holds no public key" in warnings[0]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/trace/calls", {}),
        ("/trace/calls", {"callee": "nobody"}),
        ("/trace/calls", {"callee": CALLEE, "at": "noon"}),
        ("/trace/calls", {"callee": CALLEE, "limit": 0}),
        ("/records/queries", {"caller": "nobody"}),
        ("/records/queries", {"action": "odd"}),
        ("/trace/requests", {"record": RECORD, "why": "\x07"}),
        ("/trace/requests", {"record": "x"}),
        ("/trace/messages", {}),
    ],
)
def test_bad_input(house: House, path: str, body: Any) -> None:
    done = house.post(path, house.officer, body)
    assert done.status == 422 and done.json["detail"][0]["msg"]


@schemathesis.serializer("application/jose")
def as_it_is(_: Any, value: Any) -> bytes:
    return str(value).encode(errors="replace")


@pytest.mark.timeout(300)
def test_every_operation_answers_as_it_is_described(house: House) -> None:
    """schemathesis: requests made from the OpenAPI document, sound and not: no 5xx, no answer that is not described."""
    house.post("/trace/requests", house.officer, {"record": RECORD})
    schema = schemathesis.openapi.from_url(f"http://127.0.0.1:{house.address[1]}/openapi.json")
    operations = [one.ok() for one in schema.get_all_operations()]
    operations = [one for one in operations if one.path.startswith(("/trace", "/records"))]
    assert len(operations) == 12
    statuses: set[int] = set()
    for operation in operations:
        for mode in GenerationMode:
            try:
                cases = operation.as_strategy(generation_mode=mode)
            except Unsatisfiable:
                continue

            @settings(
                max_examples=10, deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck)
            )
            @given(cases)
            def judge(case: schemathesis.Case) -> None:
                answer = case.call(headers=house.officer)
                statuses.add(answer.status_code)
                case.validate_response(answer, checks=CHECKS)

            judge()
    assert {200, 404, 422} <= statuses
