"""Records go when their time is over: whole segments, or one class before another; the chain can be followed over them."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.support.stage import OTHER_TRUNK
from tests.warehouse.conftest import BEGAN, RING, History

from ringfence.records import gone
from ringfence.records.settings import RetentionSettings
from ringfence.records.verify import Report as Verified
from ringfence.records.verify import verify
from ringfence.warehouse.keeping import index_all
from ringfence.warehouse.library import Question
from ringfence.warehouse.retention import Report, keep_to

ALICE = "+8613900000001"
DAY = 86_400


@pytest.fixture
def kept(history: History) -> History:
    """Two segments a day apart: a forwarded call of a minute, and a rejected one, in each; a third of today."""
    for _ in range(2):
        history.call(ALICE, talk=60)
        history.call(ALICE, number="+8613700000000")
        history.pass_time(DAY)
        history.spool.tick()
    history.call(ALICE)
    history.close()
    index_all(history.folder, RING)
    return history


def left(history: History) -> list[str]:
    return [fields["call_id"].partition("@")[0] for _, fields in history.library().find(Question())]


def settings(forwarded: str, rejected: str) -> RetentionSettings:
    return RetentionSettings.model_validate({"forwarded": forwarded, "rejected": rejected, "tagged": forwarded})


def keep(history: History, settings: RetentionSettings, days: float) -> tuple[int, int]:
    report = keep_to(settings, history.folder, BEGAN + days * DAY, RING)
    return report.segments, report.thinned


def verified(history: History) -> Verified:
    return verify(history.folder, keys=lambda: RING)


def test_nothing_goes_before_its_time(kept: History) -> None:
    assert keep(kept, settings("30d", "30d"), 10) == (0, 0)
    assert left(kept) == ["call5", "call4", "call3", "call2", "call1"]
    assert not (kept.folder / gone.FILE).exists()


def test_a_segment_goes_when_all_of_it_is_over_its_time(kept: History) -> None:
    before = verified(kept)
    assert keep(kept, settings("30d", "30d"), 30.5) == (1, 0)
    assert left(kept) == ["call5", "call4", "call3"]
    report = verified(kept)
    assert (report.troubles, report.deleted, report.segments) == ([], 1, 2)
    assert (report.first, report.next, report.head) == (before.first, before.next, before.head)
    assert (
        len(list((kept.folder / "index").glob("*.sqlite"))) == len(list((kept.folder / "index").glob("*.filter"))) == 2
    )


def test_one_class_goes_before_another(kept: History) -> None:
    before = verified(kept)
    assert keep(kept, settings("10d", "30d"), 10.5) == (0, 1)
    assert left(kept) == ["call5", "call4", "call3", "call2"]
    assert keep(kept, settings("10d", "30d"), 10.6) == (0, 0)
    assert keep(kept, settings("10d", "30d"), 11.5) == (0, 1)
    assert left(kept) == ["call5", "call4", "call2"]
    report = verified(kept)
    assert (report.troubles, report.thinned, report.head) == ([], 2, before.head)
    assert keep(kept, settings("10d", "30d"), 40) == (3, 0)
    assert left(kept) == []


def test_a_thinned_call_keeps_its_story(kept: History) -> None:
    keep(kept, settings("30d", "10d"), 10.5)
    assert left(kept) == ["call5", "call4", "call3", "call1"]
    library = kept.library()
    sequence, _ = library.find(Question(call_id="call1@trunk"))[0]
    story = library.story(sequence)
    assert story is not None
    assert story.outcome is not None
    assert story.end is not None
    assert story.end["talk_ms"] == "60000"


def test_nothing_of_a_deleted_call_is_left_in_any_file(kept: History) -> None:
    keep(kept, settings("10d", "30d"), 10.5)
    ends = [fields for _, fields in kept.library()._with(kept.library()._spools[0][0], b"call1@trunk")]
    assert ends == []


def test_each_class_has_its_own_time_and_the_report_counts_them(history: History) -> None:
    history.call("110", number="+8613700000000")
    history.call(ALICE, number="+862112345678", source=OTHER_TRUNK)
    history.call(ALICE, number="+8613700000000")
    history.call(ALICE)
    history.close()
    index_all(history.folder, RING)
    times = {"emergency": "40d", "marketing": "30d", "rejected": "20d", "tagged": "20d", "forwarded": "10d"}
    retention = RetentionSettings.model_validate(times)
    for days, names in ((5, 4), (11, 3), (21, 2), (31, 1)):
        told = keep_to(retention, history.folder, BEGAN + days * DAY, None)
        done = keep_to(retention, history.folder, BEGAN + days * DAY, RING)
        assert told == done
        assert list(done.left) == ["emergency", "marketing", "rejected", "forwarded"][:names]
    assert keep_to(retention, history.folder, BEGAN + 41 * DAY, RING) == Report(
        deleted={"emergency": 1}, left={}, segments=1  # type: ignore[arg-type]
    )  # fmt: skip


def test_what_is_not_indexed_stays(history: History) -> None:
    history.call(ALICE)
    history.close()
    report = keep_to(settings("1h", "1h"), history.folder, BEGAN + 10 * DAY, RING)
    assert (report.unindexed, report.segments) == (1, 0)


def test_a_segment_taken_away_by_hand_is_still_a_gap(kept: History) -> None:
    keep(kept, settings("30d", "30d"), 30.5)
    sorted(kept.folder.glob("*.vault"))[0].unlink()
    report = verified(kept)
    assert [trouble.kind for trouble in report.troubles] == ["gap"]


def test_a_journal_that_was_changed_proves_nothing(kept: History) -> None:
    keep(kept, settings("30d", "30d"), 30.5)
    journal = kept.folder / gone.FILE
    journal.write_text(journal.read_text().replace('"rejected":1', '"rejected":0'))
    report = verified(kept)
    assert [(trouble.file, trouble.kind) for trouble in report.troubles] == [(gone.FILE, "edit")]


def test_a_thinned_file_that_nobody_told_of(kept: History) -> None:
    keep(kept, settings("10d", "30d"), 10.5)
    (kept.folder / gone.FILE).unlink()
    report = verified(kept)
    assert ["does not say so" in trouble.text for trouble in report.troubles] == [True]


def test_the_writer_goes_on_behind_what_is_deleted(kept: History, tmp_path: Path) -> None:
    keep(kept, settings("1h", "1h"), 40)
    assert list(kept.folder.glob("*.vault")) == []
    before = verified(kept)
    again = History(tmp_path / "records")
    again.call(ALICE)
    again.close()
    report = verified(again)
    assert (report.troubles, report.first, report.next) == ([], before.first, before.next + 1)
