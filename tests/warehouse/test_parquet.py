"""Records exported as Parquet, read back by DuckDB."""

from __future__ import annotations

import builtins
import sys
from pathlib import Path
from typing import Any

import duckdb
import pytest
from tests.support.stage import CALLER, OTHER_TRUNK
from tests.support.talk import invite
from tests.warehouse.conftest import BEGAN, RING, History

from ringfence.records.errors import RecordsError
from ringfence.warehouse.keeping import index_all
from ringfence.warehouse.library import Library
from ringfence.warehouse.parquet import ask, export, opened
from ringfence.warehouse.parquet_schema import TABLES, VERSION

ALICE, BOB = "+8613900000001", "+8613900000002"
DOC = Path(__file__).resolve().parents[2] / "docs/parquet.md"


@pytest.fixture
def filled(history: History) -> History:
    """Calls of two days (UTC), the last of them in a file that is still being written."""
    history.call(ALICE, talk=60)
    history.call(ALICE, number="+8613700000000")
    history.pass_time(86_400)
    history.spool.tick()
    history.call(BOB, number="+862112345678", source=OTHER_TRUNK)
    history.stage.receive(
        invite(callee=BOB, call_id="odd", branch="z9hG4bKodd", extra=('Diversion: <sip:+8613700000009@a>;x="a,\'b"',)),
        CALLER,
    )
    history.flush()
    history.hour()
    history.call(ALICE)
    history.recorder.flush()
    history.spool._sync_all()
    index_all(history.folder, RING)
    return history


def rows(folder: Path, question: str) -> list[tuple[Any, ...]]:
    with opened(folder) as (base, _):
        return ask(base, question)[1]


def test_everything_is_there_masked(filled: History, tmp_path: Path) -> None:
    target = tmp_path / "out"
    seen: list[int] = []
    assert export(filled.library(), target, 0, False, seen.append) == {"calls": 5, "endings": 2}
    found = rows(
        target,
        "SELECT call_id, callee, caller, action, status, diversion, purpose, class FROM calls ORDER BY arrived_at",
    )
    bank = "+8610*****678"
    assert found == [
        ("call1@trunk", "+8613******001", bank, "forward", None, None, "service", "forwarded"),
        ("call2@trunk", "+8613******001", "+8613******000", "reject", 403, None, "service", "rejected"),
        ("call3@trunk", "+8613******002", "+8621*****678", "forward", None, None, "marketing", "marketing"),
        ("odd", "+8613******002", bank, "forward", None, ["<sip:+8613******009@a>;x=\"a,'b\""], "service", "forwarded"),
        ("call4@trunk", "+8613******001", bank, "forward", None, None, "service", "forwarded"),
    ]  # fmt: skip
    assert all(path.stat().st_mode & 0o077 == 0 for path in target.rglob("*"))
    for path in target.rglob("*.parquet"):
        assert b"13900000001" not in path.read_bytes()


def test_pseudonyms_tell_numbers_apart(filled: History, tmp_path: Path) -> None:
    export(filled.library(), tmp_path / "out", 0, False)
    found = rows(tmp_path / "out", "SELECT callee_pseudonym, count(*) FROM calls GROUP BY 1 ORDER BY 2")
    assert found == [(RING.pseudonym(BOB), 2), (RING.pseudonym(ALICE), 3)]


def test_a_story_in_one_row(filled: History, tmp_path: Path) -> None:
    export(filled.library(), tmp_path / "out", 0, False)
    question = "SELECT final_status, talk_ms, released, ended_at - arrived_at > INTERVAL 59 SECOND FROM stories ORDER BY arrived_at"
    assert rows(tmp_path / "out", question)[0] == (200, 60_000, "caller", True)
    assert rows(tmp_path / "out", question)[1] == (None, None, None, None)


def test_whole_numbers_when_asked_for(filled: History, tmp_path: Path) -> None:
    export(filled.library(), tmp_path / "out", 0, True)
    with opened(tmp_path / "out") as (base, in_full):
        assert in_full
        assert ask(base, f"SELECT count(*) FROM calls WHERE callee = '{ALICE}'")[1] == [(3,)]


def test_partitioned_by_day_and_once_more_without_doubles(filled: History, tmp_path: Path) -> None:
    target = tmp_path / "out"
    export(filled.library(), target, 0, False)
    days = sorted(path.parent.name for path in (target / "calls").rglob("*.parquet"))
    assert days == ["day=2023-11-14", "day=2023-11-15", "day=2023-11-15"]
    filled.call(BOB)
    filled.close()
    index_all(filled.folder, RING)
    export(filled.library(), target, int((BEGAN + 80_000) * 1e6), False)
    assert rows(target, "SELECT day::VARCHAR, count(*) FROM calls GROUP BY 1 ORDER BY 1") == [
        ("2023-11-14", 2),
        ("2023-11-15", 4),
    ]
    assert list(target.rglob("*.draft")) == []


def test_plain_duckdb_reads_it(filled: History, tmp_path: Path) -> None:
    export(filled.library(), tmp_path, 0, False)
    files = f"'{tmp_path}/calls/*/*.parquet'"
    described = duckdb.sql(f"DESCRIBE SELECT * FROM read_parquet({files}, hive_partitioning = false)").fetchall()
    assert [(name, type_) for name, type_, *_ in described] == [
        (column.name, column.type) for column in TABLES["calls"]
    ]
    versions = duckdb.sql(
        f"SELECT DISTINCT value::VARCHAR FROM parquet_kv_metadata({files}) WHERE key::VARCHAR = 'ringfence_schema'"
    )
    assert versions.fetchall() == [(str(VERSION),)]


def test_the_columns_are_documented() -> None:
    lines = [line for line in DOC.read_text().splitlines() if line.startswith("| `")]
    assert lines == [f"| `{c.name}` | {c.type} | {c.meaning} |" for columns in TABLES.values() for c in columns]


@pytest.mark.parametrize(
    "question",
    [
        "SELECT * FROM '/etc/passwd'",
        "COPY calls TO '/tmp/x.csv'",
        "SET enable_external_access = true",
        "INSTALL httpfs",
        "nonsense",
    ],
)
def test_what_cannot_be_asked(filled: History, tmp_path: Path, question: str) -> None:
    export(filled.library(), tmp_path / "out", 0, False)
    with opened(tmp_path / "out") as (base, _):
        with pytest.raises(RecordsError, match="cannot be answered"):
            ask(base, question)


def test_a_folder_of_a_later_schema(filled: History, tmp_path: Path) -> None:
    target = tmp_path / "out"
    export(filled.library(), target, 0, False)
    later = target / "calls/day=2030-01-01"
    later.mkdir()
    duckdb.sql(
        f"COPY (SELECT 1 AS sequence) TO '{later}/1.parquet' (FORMAT parquet, KV_METADATA {{ringfence_schema: '{VERSION + 1}'}})"
    )
    with pytest.raises(RecordsError, match=f"its schema is {VERSION + 1}"):
        with opened(target):
            pass


def test_a_folder_of_something_else(tmp_path: Path) -> None:
    with pytest.raises(RecordsError, match="no exported records"):
        with opened(tmp_path):
            pass


def test_a_file_that_lacks_a_column_is_read(filled: History, tmp_path: Path) -> None:
    """A version that adds a column reads what was exported before it."""
    target = tmp_path / "out"
    export(filled.library(), target, 0, False)
    old = next((target / "calls").rglob("*.parquet"))
    base = duckdb.connect()
    base.execute(f"CREATE TABLE t AS SELECT * EXCLUDE (gateway_address) FROM '{old}'")
    base.execute(
        f"COPY (SELECT * EXCLUDE (day) FROM t) TO '{old}' (FORMAT parquet, KV_METADATA {{ringfence_schema: '1'}})"
    )
    assert rows(target, "SELECT count(*), count(gateway_address) FROM calls") == [(5, 3)]


def test_a_place_that_cannot_be_written(filled: History, tmp_path: Path) -> None:
    (tmp_path / "out").write_text("in the way")
    with pytest.raises(RecordsError, match="cannot be written"):
        export(filled.library(), tmp_path / "out", 0, False)
    (tmp_path / "more/calls/day=2023-11-14").mkdir(parents=True)
    part = next(path.stem for path in filled.folder.glob("*.vault"))
    (tmp_path / f"more/calls/day=2023-11-14/{part}.parquet").mkdir()
    with pytest.raises(RecordsError, match="cannot be written"):
        export(filled.library(), tmp_path / "more", 0, False)


def test_without_duckdb(filled: History, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def missing(name: str, *rest: Any) -> Any:
        if name == "duckdb":
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.delitem(sys.modules, "duckdb")
    monkeypatch.setattr(builtins, "__import__", missing)
    with pytest.raises(RecordsError, match=r"pip install 'ringfence\[analytics\]'"):
        export(filled.library(), tmp_path, 0, False)


def test_without_keys(filled: History, tmp_path: Path) -> None:
    with pytest.raises(RecordsError, match="without the keys"):
        export(Library(filled.folder), tmp_path, 0, False)
