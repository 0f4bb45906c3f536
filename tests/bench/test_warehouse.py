"""The benchmark's records are what the daemon writes: whole segments, every field in its place, found when looked for."""

from __future__ import annotations

from pathlib import Path

from tests.bench import warehouse

from ringfence.records.schema import FIELDS, decode
from ringfence.records.verify import bodies, verify
from ringfence.warehouse.library import Library, Question


def test_generated_records(tmp_path: Path) -> None:
    (tmp_path / "00000000000000000001.rec").write_bytes(warehouse._segment(0, 1, 101))
    report = verify(tmp_path)
    assert (report.troubles, report.records) == ([], 100)
    for _, _, body in bodies(tmp_path / "00000000000000000001.rec"):
        assert len(body.split(b"\n")) == len(FIELDS["D"])
        fields = decode(body)
        assert (fields["action"], fields["purpose"], fields["callee_class"]) == ("forward", "service", "mobile")
        assert fields["callee"] in fields["request_uri"]


def test_made_and_found(tmp_path: Path) -> None:
    made = warehouse._make(tmp_path, 3, warehouse.SEGMENTS * 50)
    assert made.plain > made.vault > 0
    library = Library(tmp_path, lambda: warehouse.RING)
    found = library.find(Question(), 100)
    assert len(found) == 50
    sequence, fields = found[0]
    assert [each for each, _ in library.find(Question(callee=fields["callee"]))] == [sequence]
