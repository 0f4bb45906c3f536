"""The registry over real HTTP: what each role may do, what is answered, and that nothing a stranger sends breaks it."""

from __future__ import annotations

import asyncio
import hashlib
import io
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from tests.control.support import Answer, request, served
from tests.support.peers import require

from ringfence.control.desk import Desk
from ringfence.control.errors import Unanswered
from ringfence.control.settings import RegistryPlace
from ringfence.numbering.settings import NumberingSettings
from ringfence.registry import tokens
from ringfence.registry.actors import Actor, Role
from ringfence.registry.opening import open_registry
from ringfence.registry.proof import COMMAND
from ringfence.registry.settings import EvidenceSettings, RateSettings, RegistrySettings

NUMBER = "13000005001"
PDF = b"%PDF-1.7 I agree"
GENEROUS = RateSettings(per_second=10_000, burst=10_000, failures_per_minute=100_000)
ROOT = Actor("operator:test", "operator", "here")

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]


async def silent(command: str, arguments: dict[str, Any], timeout: float) -> Any:
    raise Unanswered("there is no SIP process here")


def place(folder: Path, rate: RateSettings = GENEROUS) -> RegistryPlace:
    kept = RegistrySettings(rate=rate, evidence=EvidenceSettings(max_bytes=100_000))
    return RegistryPlace(settings=kept, data_directory=folder, numbering=NumberingSettings())


def token(at: RegistryPlace, name: str, role: Role, holder: str = "") -> dict[str, str]:
    async def made() -> str:
        async with await open_registry(at.settings, at.data_directory) as registry:
            return await tokens.add(registry, ROOT, name, role, holder)

    return {"Authorization": f"Bearer {asyncio.run(made())}"}


class House:
    """A served registry with a token a role."""

    def __init__(self, at: RegistryPlace, address: tuple[str, int]) -> None:
        self.address = address
        self.operator = token(at, "lin", "operator")
        self.auditor = token(at, "wu", "auditor")
        self.bank = token(at, "bank-1", "holder", "Bank")

    def post(self, path: str, who: dict[str, str], body: Any) -> Answer:
        return request(self.address, "POST", f"/registry/{path}", body, who)

    def get(self, path: str, who: dict[str, str]) -> Answer:
        return request(self.address, "GET", f"/registry/{path}", None, who)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    at = place(tmp_path)
    with served(silent, None, Desk(at)) as address:
        yield House(at, address)


def agreed(**more: Any) -> dict[str, Any]:
    return {"callee": NUMBER, "given_at": "2024-01-01T12:00:00+08:00", "channel": "web", **more}


def refused(scope: str, day: int = 2) -> dict[str, Any]:
    return {"callee": NUMBER, "scope": scope, "since": f"2024-01-0{day}T12:00:00+08:00", "channel": "sms"}


def test_recorded_queried_withdrawn(house: House) -> None:
    done = house.post("consents", house.bank, agreed(purpose="cards", reference="call 17"))
    assert (done.status, done.json) == (201, {"id": 4, "new": True, "counts": True})
    done = house.post("consents", house.bank, agreed(purpose="cards", reference="call 17"))
    assert (done.status, done.json) == (200, {"id": 4, "new": False, "counts": True})
    answer = house.post("queries", house.bank, {"callee": "+86 130 0000 5001"}).json
    assert answer["counts"] == [
        {"scope": "holder:Bank", "kind": "consent", "since": "2024-01-01T04:00:00Z", "until": None}
    ]
    (said,) = answer["said"]
    assert (said["callee"], said["purpose"], said["recorded_by"]) == ("+8613000005001", "cards", "holder:bank-1")
    assert house.post("withdrawals", house.bank, {"callee": NUMBER, "why": "by letter"}).json == {"ended": 1}
    assert house.post("queries", house.bank, {"callee": NUMBER}).json["counts"] == []
    assert house.post("queries", house.bank, {"callee": "13000005999"}).json == {"counts": [], "said": []}
    looks = [one for one in house.get("audit", house.auditor).json if one["action"] == "queried"]
    assert [(one["actor"], one["subject"], one["detail"]) for one in looks] == [
        ("holder:bank-1", 1, '{"holder":"Bank"}')
    ] * 2


def test_a_refusal_beats_it_until_a_newer_consent_with_evidence(house: House) -> None:
    house.post("consents", house.bank, agreed(reference="call 17"))
    assert house.post("refusals", house.operator, refused("*")).json["counts"] is True
    later = agreed(given_at="2024-01-03T12:00:00+08:00")
    assert house.post("consents", house.bank, later).json["counts"] is False
    stored = request(house.address, "POST", "/registry/evidence", PDF, house.bank)
    assert (stored.status, stored.json) == (
        201,
        {"sha256": hashlib.sha256(PDF).hexdigest(), "size": len(PDF), "media_type": "application/pdf"},
    )
    assert house.post("consents", house.bank, later | {"evidence": stored.json["sha256"]}).json["counts"] is True
    wish = {
        "callee": NUMBER,
        "level": "industries",
        "industries": ["finance"],
        "since": "2024-01-04T12:00:00Z",
        "channel": "app",
    }
    assert house.post("wishes", house.operator, wish).json["counts"] is True
    scopes = [row["scope"] for row in house.post("queries", house.operator, {"callee": NUMBER}).json["counts"]]
    assert scopes == ["*", "sector:finance"]


def test_what_each_role_may_not_do(house: House) -> None:
    for who, path, body in (
        (house.bank, "consents", agreed(holder="Shop")),
        (house.bank, "refusals", refused("*")),
        (house.bank, "wishes", {"callee": NUMBER, "level": "all", "since": "2024-01-01T00:00:00Z", "channel": "app"}),
        (house.bank, "withdrawals", {"callee": NUMBER, "holder": "Shop"}),
        (house.bank, "queries", {"callee": NUMBER, "holder": "Shop"}),
        (house.bank, "proofs", {"callee": NUMBER, "holder": "Shop"}),
        (house.auditor, "consents", agreed(holder="Bank")),
        (house.auditor, "withdrawals", {"callee": NUMBER, "holder": "Bank"}),
    ):
        assert house.post(path, who, body).status == 403, (path, body)
    for path in ("audit", "statements?holder=Shop", "statements?full=true"):
        assert house.get(path, house.bank).status == 403
    assert request(house.address, "POST", "/registry/evidence", PDF, house.auditor).status == 403


def test_listings_are_masked_and_looks_are_in_the_trail(house: House) -> None:
    house.post("consents", house.bank, agreed())
    house.post("refusals", house.operator, refused("holder:Shop"))
    assert [one["callee"] for one in house.get("statements", house.bank).json] == ["+86130****5001"]
    assert [one["scope"] for one in house.get("statements?after=4", house.auditor).json] == ["holder:Shop"]
    assert house.get("statements?full=true&limit=1", house.auditor).json[0]["callee"] == "+8613000005001"
    trail = house.get("audit?after=5", house.auditor).json
    assert [(one["actor"], one["origin"], one["action"]) for one in trail] == [("auditor:wu", "127.0.0.1", "looked")]


def test_a_proof_comes_signed(house: House, tmp_path: Path) -> None:
    require("openssl")
    assert house.post("proofs", house.bank, {"callee": NUMBER}).status == 404
    house.post("consents", house.bank, agreed(reference="call 17"))
    bundle = raw(house, "proofs", house.bank, b'{"callee": "%s"}' % NUMBER.encode())
    with tarfile.open(fileobj=io.BytesIO(bundle)) as tar:
        assert tar.getnames() == ["proof.tar", "proof.tar.sig", "signer.pem"]
        tar.extractall(tmp_path / "out", filter="data")
    done = subprocess.run(COMMAND.split(), cwd=tmp_path / "out", capture_output=True, text=True, check=False)
    assert done.stdout == "Verified OK\n"


def raw(house: House, path: str, who: dict[str, str], body: bytes) -> bytes:
    from http.client import HTTPConnection

    connection = HTTPConnection(*house.address, timeout=10)
    connection.request("POST", f"/registry/{path}", body, {"Content-Type": "application/json", **who})
    answer = connection.getresponse()
    content = answer.read()
    connection.close()
    assert answer.status == 200
    return content


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("consents", agreed(callee="nobody"), "callee"),
        ("consents", agreed(given_at="2024-01-01T12:00:00"), "given_at"),
        ("consents", agreed(given_at="2199-01-01T12:00:00Z"), "since"),
        ("consents", agreed(until="2023-01-01T12:00:00Z"), "until"),
        ("consents", agreed(evidence="0" * 64), "evidence"),
        ("consents", agreed(purpose="\x00"), "purpose"),
        ("consents", agreed(reference="\ud800"), "reference"),
        ("consents", agreed(sector="gambling"), "sector"),
        ("consents", agreed(unheard="of"), "unheard"),
        ("refusals", refused("everybody"), "scope"),
        ("withdrawals", {"callee": NUMBER, "why": "\x07"}, "why"),
    ],
)  # fmt: skip
def test_bad_input_names_its_field(house: House, path: str, body: dict[str, Any], field: str) -> None:
    who = house.operator if path == "refusals" else house.bank
    done = house.post(path, who, body)
    assert (done.status, done.json["detail"][0]["loc"]) == (422, ["body", field])


def test_files_that_are_not_taken(house: House) -> None:
    for body, status in ((b"\x7fELF", 415), (b"", 415), (b"%PDF-" + bytes(100_000), 413)):
        assert request(house.address, "POST", "/registry/evidence", body, house.bank).status == status


def test_tokens_end_at_once_and_wrong_ones_are_counted(tmp_path: Path) -> None:
    at = place(tmp_path, RateSettings(per_second=0.01, burst=3, failures_per_minute=2))
    with served(silent, None, Desk(at)) as address:
        house = House(at, address)
        assert request(address, "GET", "/registry/statements").status == 401
        answers = [house.get("statements", house.bank) for _ in range(4)]
        assert [answer.status for answer in answers] == [200, 200, 200, 429]
        assert 0 < int(answers[3].headers["Retry-After"]) <= 100
        wrong = {"Authorization": "Bearer rf_wrong"}
        assert [house.get("statements", wrong).status for _ in range(3)] == [401, 401, 429]
        assert house.get("statements", house.auditor).status == 429  # never seen before, from an address that guesses
        assert house.get("statements", house.bank).headers["Retry-After"] != "30"  # known: held to its own rate alone

        async def revoke() -> None:
            async with await open_registry(at.settings, at.data_directory) as registry:
                assert await tokens.revoke(registry, ROOT, "bank-1")

        asyncio.run(revoke())
        assert house.get("statements", house.bank).status == 401
        assert "ringfence_registry_refused_requests_total 4.0" in request(address, "GET", "/metrics").text
        assert "ringfence_registry_clients 2.0" in request(address, "GET", "/metrics").text


def test_a_database_that_is_not_there(tmp_path: Path) -> None:
    at = RegistryPlace(
        settings=RegistrySettings(url=f"postgresql://x@/x?host={tmp_path}"),
        data_directory=tmp_path,
        numbering=NumberingSettings(),
    )
    with served(silent, None, Desk(at)) as address:
        done = request(address, "GET", "/registry/statements", None, {"Authorization": "Bearer rf_any"})
        assert (done.status, "the registry's database" in done.json["detail"]) == (503, True)


@pytest.mark.timeout(300)
def test_every_operation_answers_as_it_is_described(house: House) -> None:
    """schemathesis: requests made from the OpenAPI document, sound and not: no 5xx, no answer that is not described."""
    schema = schemathesis.openapi.from_url(f"http://127.0.0.1:{house.address[1]}/openapi.json")
    operations = [one.ok() for one in schema.get_all_operations() if one.ok().path.startswith("/registry")]
    assert len(operations) == 12
    statuses: set[int] = set()
    for operation in operations:
        for mode in GenerationMode:
            try:
                cases = operation.as_strategy(generation_mode=mode)
            except Unsatisfiable:
                continue

            @settings(
                max_examples=25, deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck)
            )
            @given(cases)
            def judge(case: schemathesis.Case) -> None:
                answer = case.call(headers=house.operator)
                statuses.add(answer.status_code)
                case.validate_response(answer, checks=CHECKS)

            judge()
    assert {200, 201, 404, 422} <= statuses
