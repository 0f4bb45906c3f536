"""Lists over real HTTP: taken whole or not at all, imported once, each seen by its owner alone."""

from __future__ import annotations

import asyncio
import csv
import io
import time
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest
from tests.control.support import Answer, request, served
from tests.control.test_registry import GENEROUS, House, silent

from ringfence.control.desk import Desk
from ringfence.control.settings import RegistryPlace
from ringfence.numbering.settings import NumberingSettings
from ringfence.registry.settings import RegistrySettings, UploadSettings

LIMIT = 200_000
GIVEN = "given_at=2024-01-01&reference=form%207"


def place(folder: Path, **uploads: Any) -> RegistryPlace:
    kept = RegistrySettings(rate=GENEROUS, uploads=UploadSettings(max_bytes=LIMIT, **uploads))
    return RegistryPlace(settings=kept, data_directory=folder, numbering=NumberingSettings())


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    at = place(tmp_path)
    with served(silent, None, Desk(at)) as address:
        yield House(at, address)


def numbers(count: int, first: int = 0) -> list[str]:
    return [f"130000{place:05}" for place in range(first, first + count)]


def listed(*lines: str) -> bytes:
    return "".join(f"{line}\n" for line in lines).encode()


def send(house: House, who: dict[str, str], query: str, body: bytes) -> Answer:
    return request(house.address, "POST", f"/registry/imports?{query}", body, who | {"Content-Type": "text/csv"})


def finished(house: House, who: dict[str, str], name: str) -> dict[str, Any]:
    until = time.monotonic() + 20
    while (answer := house.get(f"imports/{name}", who).json)["state"] not in ("done", "stopped"):
        assert time.monotonic() < until, answer
        time.sleep(0.02)
    found: dict[str, Any] = answer
    return found


def counting(house: House, number: str) -> list[tuple[str, str]]:
    counts = house.post("queries", house.operator, {"callee": number}).json["counts"]
    return [(row["scope"], row["kind"]) for row in counts]


def test_a_list_of_numbers_is_a_consent_of_each(house: House) -> None:
    body = listed("callee", *numbers(50), "nonsense", *numbers(50, 50))
    sent = send(house, house.bank, f"kind=consents&{GIVEN}&until=2040-01-01", body)
    assert (sent.status, sent.json["size"]) == (202, len(body))
    done = finished(house, house.bank, sent.json["id"])
    assert (done["state"], done["recorded"], done["known"], done["bad"]) == ("done", 100, 0, 1)
    assert (done["position"], done["line"], done["kind"]) == (len(body), 102, "consents")
    report = house.get(f"imports/{sent.json['id']}/report", house.bank)
    assert report.headers["Content-Type"].startswith("text/csv")
    assert list(csv.reader(io.StringIO(report.text))) == [
        ["line", "column", "reason"], ["52", "callee", "is no number that the plan reads (malformed)"],
    ]  # fmt: skip
    assert counting(house, numbers(1, 99)[0]) == [("holder:Bank", "consent")]
    (said,) = house.post("queries", house.bank, {"callee": numbers(1)[0]}).json["said"]
    assert (said["recorded_by"], said["channel"], said["reference"]) == ("holder:bank-1", "import", "form 7")
    # The very same list is the same import; with other values it is another one.
    again = send(house, house.bank, f"kind=consents&{GIVEN}&until=2040-01-01", body)
    assert (again.status, again.json) == (200, done)
    other = send(house, house.bank, f"kind=consents&{GIVEN}&until=2041-01-01", body)
    assert (other.status, other.json["id"] != sent.json["id"]) == (202, True)
    assert finished(house, house.bank, other.json["id"])["recorded"] == 100


def test_nothing_of_a_list_stays_on_the_disk_in_clear(house: House, tmp_path: Path) -> None:
    sent = send(house, house.bank, f"kind=consents&{GIVEN}", listed("callee", *numbers(20), "13000000x"))
    finished(house, house.bank, sent.json["id"])
    left = list((tmp_path / "uploads").iterdir())
    assert sorted(path.suffix for path in left) == [".csv", ".json"]
    assert (tmp_path / "uploads").stat().st_mode & 0o077 == 0
    assert not any(b"130000" in path.read_bytes() for path in left)


def test_a_column_of_the_list_goes_before_the_query(house: House) -> None:
    body = listed("callee,holder,sector", "13000000001,Bank,finance", "13000000002,Shop,", "13000000003,,travel")
    sent = send(house, house.bank, f"kind=consents&{GIVEN}&sector=retail", body)
    done = finished(house, house.bank, sent.json["id"])
    assert (done["recorded"], done["bad"]) == (2, 1)  # a holder records only what concerns itself
    report = house.get(f"imports/{sent.json['id']}/report", house.bank).text
    assert "3,holder,a holder records and ends only what concerns itself" in report
    said = [house.post("queries", house.bank, {"callee": f"1300000000{n}"}).json["said"][0] for n in (1, 3)]
    assert [one["sectors"] for one in said] == [["finance"], ["travel"]]


def test_each_sees_its_own_lists(house: House, tmp_path: Path) -> None:
    from tests.control.test_registry import token

    shop = token(place(tmp_path), "shop-1", "holder", "Shop")
    refused = send(house, house.bank, "kind=refusals&since=2024-01-01", listed("callee", *numbers(3)))
    name = refused.json["id"]
    assert finished(house, house.bank, name)["recorded"] == 3
    assert counting(house, numbers(1)[0]) == [("holder:Bank", "refusal")]
    for path in (f"imports/{name}", f"imports/{name}/report"):
        assert house.get(path, shop).status == 404
        assert house.get(path, house.operator).status == 200
        assert house.get(path, house.auditor).status == 200
    # The same content is another holder's own import.
    assert send(house, shop, "kind=refusals&since=2024-01-01", listed("callee", *numbers(3))).json["id"] != name
    assert send(house, house.auditor, "kind=refusals", listed("callee")).status == 403
    assert send(house, {}, "kind=refusals", listed("callee")).status == 401
    wish = send(house, house.bank, "kind=wishes&level=all&since=2024-01-01", listed("callee", *numbers(1)))
    assert finished(house, house.bank, wish.json["id"])["bad"] == 1
    wish = send(house, house.operator, "kind=wishes&level=all&since=2024-01-01", listed("callee", *numbers(1)))
    assert finished(house, house.operator, wish.json["id"])["recorded"] == 1


@pytest.mark.parametrize(
    ("query", "body", "status", "said"),
    [
        ("kind=consents", b"callee\n", 422, "given_at: this column is missing"),
        ("kind=consents&given_at=2024-01-01", b"callee,calee\n", 422, "calee: is no column of consents"),
        ("kind=consents&given_at=2024-01-01", b"", 422, "callee: this column is missing"),
        ("kind=consents&given_at=2024-01-01", b"\xff\xfe", 422, "no header"),
        ("kind=consents&level=all&given_at=2024-01-01", b"callee\n", 422, "level: is no column of consents"),
        ("kind=orders", b"callee\n", 422, "literal_error"),
        (f"kind=consents&{GIVEN}", b"callee\n" + b"1" * LIMIT, 413, f"over {LIMIT} bytes"),
    ],
)
def test_lists_that_are_not_taken_leave_nothing(
    house: House, tmp_path: Path, query: str, body: bytes, status: int, said: str
) -> None:
    answer = send(house, house.bank, query, body)
    assert (answer.status, said in answer.text) == (status, True), answer.text
    assert not list((tmp_path / "uploads").glob("*"))


def chunked(house: House, who: dict[str, str], pieces: list[bytes], end: bool) -> int | None:
    connection = HTTPConnection(*house.address, timeout=10)
    try:
        connection.putrequest("POST", f"/registry/imports?kind=consents&{GIVEN}")
        for name, value in {**who, "Transfer-Encoding": "chunked"}.items():
            connection.putheader(name, value)
        connection.endheaders()
        for piece in pieces:
            connection.send(b"%x\r\n%b\r\n" % (len(piece), piece))
        if not end:
            return None
        connection.send(b"0\r\n\r\n")
        return connection.getresponse().status
    finally:
        connection.close()


def test_a_stream_is_bounded_and_one_that_breaks_off_leaves_nothing(house: House, tmp_path: Path) -> None:
    folder = tmp_path / "uploads"
    assert chunked(house, house.bank, [b"callee\n", b"1" * LIMIT], end=True) == 413
    assert chunked(house, house.bank, [b"callee\n", b"13000000001\n"], end=False) is None
    until = time.monotonic() + 5
    while list(folder.glob("*")):
        assert time.monotonic() < until
        time.sleep(0.02)
    assert chunked(house, house.bank, [b"callee\n", b"13000000001\n"], end=True) == 202


def test_so_many_wait_and_no_more(tmp_path: Path) -> None:
    at = place(tmp_path, max_waiting=1)
    with served(silent, None, Desk(at)) as address:
        house = House(at, address)
        big = send(house, house.bank, f"kind=consents&{GIVEN}", listed("callee", *numbers(6000)))
        assert big.status == 202
        refused = send(house, house.bank, f"kind=consents&{GIVEN}", listed("callee", *numbers(1)))
        assert (refused.status, refused.headers["Retry-After"]) == (429, "30")
        assert "ringfence_registry_uploads 1.0" in request(address, "GET", "/metrics").text
        assert finished(house, house.bank, big.json["id"])["recorded"] == 6000
        assert send(house, house.bank, f"kind=consents&{GIVEN}", listed("callee", *numbers(1))).status == 202


def test_what_was_taken_is_imported_by_the_next_process(tmp_path: Path) -> None:
    at = place(tmp_path)
    with served(silent, None, Desk(at)) as address:
        house = House(at, address)
        name = send(house, house.bank, f"kind=consents&{GIVEN}", listed("callee", *numbers(9000))).json["id"]
    # Stopped within a batch or two: SIGTERM ends behind the batch in hand.
    desk = Desk(at)
    with served(silent, None, desk) as address:
        house.address = address
        done = finished(house, house.bank, name)
        assert (done["state"], done["recorded"] + done["known"], done["bad"]) == ("done", 9000, 0)

        async def recorded() -> int:
            return await (await desk.uploads._open()).count_standing()

        assert asyncio.run(recorded()) == 9000


def test_what_stopped_goes_on_when_it_is_sent_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    at = place(tmp_path)
    desk = Desk(at)
    opened = desk.uploads._open

    async def away() -> Any:
        from ringfence.registry.errors import RegistryError

        raise RegistryError("the registry's database cannot be reached")

    with served(silent, None, desk) as address:
        house = House(at, address)
        monkeypatch.setattr(desk.uploads, "_open", away)
        body = listed("callee", *numbers(10))
        name = send(house, house.bank, f"kind=consents&{GIVEN}", body).json["id"]
        done = finished(house, house.bank, name)
        assert (done["state"], done["why"]) == ("stopped", "the registry's database cannot be reached")
        monkeypatch.setattr(desk.uploads, "_open", opened)
        assert send(house, house.bank, f"kind=consents&{GIVEN}", body).json["id"] == name
        assert finished(house, house.bank, name)["recorded"] == 10


def test_old_states_are_forgotten(tmp_path: Path) -> None:
    import os

    at = place(tmp_path)
    with served(silent, None, Desk(at)) as address:
        house = House(at, address)
        old = send(house, house.bank, f"kind=consents&{GIVEN}", listed("callee", *numbers(1))).json["id"]
        finished(house, house.bank, old)
        for path in (tmp_path / "uploads").glob(f"{old}*"):
            os.utime(path, (1, 1))
        new = send(house, house.bank, f"kind=consents&{GIVEN}", listed("callee", *numbers(2))).json["id"]
        finished(house, house.bank, new)
        assert house.get(f"imports/{old}", house.bank).status == 404
        assert {path.name[:64] for path in (tmp_path / "uploads").iterdir()} == {new}
