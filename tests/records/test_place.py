"""Where records are, and how the workers' are told apart."""

from __future__ import annotations

from pathlib import Path

from ringfence.records.place import APART, spool_of, spools
from ringfence.records.settings import RecordsSettings
from ringfence.records.spool import Spool
from ringfence.records.verify import read, verify_all

NOTE = b"N\n1\ntest\nx"


def written(folder: Path, number: int, workers: int, records: int = 2) -> list[int]:
    """What a worker writes between a start and an end; the numbers of all that are in its spool."""
    place, first = spool_of(folder, number, workers)
    spool = Spool(place, RecordsSettings(), "node", first=first)
    spool.open()
    for _ in range(records):
        spool.append([NOTE], 1_700_000_000_000_000, 5)
    spool.close()
    return [sequence for sequence, _ in read(place)]


def test_one_worker_has_the_folder_itself(tmp_path: Path) -> None:
    assert written(tmp_path, 1, 1) == [1, 2]
    assert list(verify_all(tmp_path)) == ["."]


def test_each_worker_counts_in_a_range_of_its_own_and_goes_on_in_it(tmp_path: Path) -> None:
    assert written(tmp_path, 1, 1) == [1, 2]
    assert written(tmp_path, 2, 12) == [2 * APART + 1, 2 * APART + 2]
    assert written(tmp_path, 12, 12, records=1) == [12 * APART + 1]
    assert written(tmp_path, 2, 3, records=1)[-1] == 2 * APART + 3
    assert [path.name for path in spools(tmp_path)] == [tmp_path.name, "worker-2", "worker-12"]
    reports = verify_all(tmp_path)
    assert [(name, report.records, report.first) for name, report in reports.items()] == [
        (".", 2, 1), ("worker-2", 3, 2 * APART + 1), ("worker-12", 1, 12 * APART + 1),
    ]  # fmt: skip
    assert not any(report.troubles for report in reports.values())


def test_an_edit_shows_in_its_own_spool_and_progress_counts_all(tmp_path: Path) -> None:
    written(tmp_path, 1, 2)
    written(tmp_path, 2, 2)
    (segment,) = (tmp_path / "worker-2").glob("*.rec")
    data = bytearray(segment.read_bytes())
    data[data.index(b"test")] ^= 1
    segment.write_bytes(data)
    told: list[tuple[int, int]] = []
    reports = verify_all(tmp_path, lambda *said: told.append(said))
    assert list(reports) == ["worker-1", "worker-2"]
    assert [bool(report.troubles) for report in reports.values()] == [False, True]
    total = sum(path.stat().st_size for path in tmp_path.rglob("*.rec"))
    assert told[-1] == (total, total) and told == sorted(told)
