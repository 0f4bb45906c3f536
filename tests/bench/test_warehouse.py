"""The benchmark's records are what the daemon writes: whole segments, every field in its place, found when looked for."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from tests.bench import traffic, warehouse

from ringfence.records.schema import FIELDS, decode, moment_of
from ringfence.records.verify import bodies, verify
from ringfence.warehouse.library import Library, Question
from ringfence.warehouse.replay import replay


def test_generated_records(tmp_path: Path) -> None:
    path = tmp_path / "00000000000000000001.rec"
    path.write_bytes(traffic.segment(0, 1, 200, 10_000))
    report = verify(tmp_path)
    assert report.troubles == []
    records = {sequence: body for sequence, _, body in bodies(path)}
    assert len(records) == report.records > 400
    times = [moment_of(body) for body in records.values()]
    assert times == sorted(times)
    kinds = Counter[str]()
    for body in records.values():
        fields = decode(body)
        kinds[fields["kind"] + fields.get("action", "")] += 1
        assert len(body.split(b"\n")) == len(FIELDS[fields["kind"]])
        if fields["kind"] == "D":
            assert (fields["purpose"], fields["callee_class"]) in (("service", "mobile"), ("marketing", "mobile"))
            assert fields["callee"] in fields["request_uri"]
        else:
            assert decode(records[int(fields["decision"])])["call_id"] == fields["call_id"]
    assert kinds["Dforward"] == kinds["O"] > kinds["E"] > kinds["Dreject"] > 20


def test_generated_calls_are_judged_alike_again(tmp_path: Path) -> None:
    """By the policy that the benchmark replays by: its ledger and rules are at work, and mind few of the forwarded."""
    (tmp_path / "00000000000000000001.rec").write_bytes(traffic.segment(0, 1, 400, 10_000))
    outcome = replay(traffic.write_policy(tmp_path), Library(tmp_path), 0)
    assert (outcome.judged, outcome.skipped) == (400, {})
    assert outcome.actions["reject", "reject"] > 40
    assert 10 < outcome.judged - outcome.unchanged < 200, outcome.changes


def test_made_and_found(tmp_path: Path) -> None:
    made = warehouse._make(tmp_path, 3, warehouse.SEGMENTS * 50)
    assert made.plain > made.vault > 0
    library = Library(tmp_path, lambda: warehouse.RING)
    found = library.find(Question(), 100)
    assert len(found) == 50
    sequence, fields = found[0]
    assert sequence in [each for each, _ in library.find(Question(callee=fields["callee"]))]
