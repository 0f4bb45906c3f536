"""Versions of the schema: what older writers wrote is read, and nothing that was ever named moves."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from ringfence.records.framing import Header, read_header, segments
from ringfence.records.schema import DECISION, END, FIELDS, NOTE, OUTCOME, VERSION, decode
from ringfence.records.settings import RecordsSettings
from ringfence.records.spool import Spool
from ringfence.records.verify import read, verify

SEGMENTS = Path(__file__).resolve().parents[1] / "data/records"


def test_a_field_that_the_writer_did_not_know_is_empty() -> None:
    assert decode(b"N\n17\nstarted") == {"kind": "N", "at": "17", "event": "started", "text": ""}


def test_fields_of_a_later_version_are_left_out() -> None:
    assert decode(b"N\n17\nstarted\ntext\nlater\nlater still") == {
        "kind": "N",
        "at": "17",
        "event": "started",
        "text": "text",
    }


def test_a_kind_of_a_later_version_is_told_by_its_kind_alone() -> None:
    assert decode(b"X\n17\nsomething") == {"kind": "X"}


@pytest.mark.parametrize("version", range(1, VERSION + 1))
def test_a_segment_of_every_version_is_read(version: int) -> None:
    """tests/data/records/N holds a segment as its version wrote it (`python -m tests.records.version` makes the
    present one's); a new version adds a folder and changes none."""
    folder = SEGMENTS / str(version)
    assert verify(folder).troubles == []
    records = [record for _, record in read(folder)]
    assert [record["kind"] for record in records] == [NOTE, DECISION, OUTCOME, END, DECISION]
    _, decision, outcome, end, refused = records
    assert (decision["trunk"], decision["callee"], decision["action"]) == ("bank", "+8613900001000", "forward")
    assert (outcome["decision"], outcome["status"], outcome["ring_ms"]) == ("2", "200", "1000")
    assert (end["decision"], end["released"], end["trunk"]) == ("2", "caller", "bank")
    assert (refused["action"], refused["reason"]) == (
        "reject",
        f"caller_authorised.{'not_granted' if version == 1 else 'unknown_holder'}",
    )
    assert decision["purpose"] == ("service" if version >= 2 else "")


def test_versions_stand_side_by_side_in_one_folder(tmp_path: Path) -> None:
    """An upgrade converts nothing: the new version goes on behind what the old one wrote."""
    shutil.copytree(SEGMENTS / "1", tmp_path / "records")
    spool = Spool(tmp_path / "records", RecordsSettings(), "node1")
    spool.open()
    spool.append([b"N\n17\nstarted\nby a later version"], 17, 17)
    spool.close()
    report = verify(tmp_path / "records")
    assert (report.troubles, report.records) == ([], 6)
    headers = [read_header(path.read_bytes()) for path in segments(tmp_path / "records")]
    assert [header.schema for header in headers if isinstance(header, Header)] == [1, VERSION]


def test_the_first_version_is_as_it_was() -> None:
    """Fields may be added behind these; every reader that ever was counts on their places."""
    assert FIELDS[DECISION][:36] == (
        "kind", "at", "monotonic", "trunk", "holder", "trunk_kind", "transport", "source", "call_id", "request_uri",
        "from", "to", "asserted", "preferred", "diversion", "privacy", "identity", "shown", "shown_class",
        "shown_region", "caller", "caller_class", "caller_region", "callee", "callee_class", "callee_region", "generation", "action", "reason", "points", "findings", "unknown",
        "facts", "status", "gateway", "gateway_address",
    )  # fmt: skip
    assert FIELDS[OUTCOME][:11] == (
        "kind", "at", "decision", "call_id", "status", "ring_ms", "final_ms", "released", "gateway", "gateway_address",
        "tried",
    )  # fmt: skip
    assert FIELDS[END][:8] == ("kind", "at", "decision", "call_id", "talk_ms", "released", "cause", "trunk")
    assert FIELDS[NOTE][:4] == ("kind", "at", "event", "text")
