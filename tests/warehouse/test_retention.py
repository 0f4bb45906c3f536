"""Records go when their time is over: whole segments, or one class before another."""

from __future__ import annotations

import pytest
from tests.warehouse.conftest import BEGAN, History

from ringfence.records.settings import RetentionSettings
from ringfence.records.verify import verify
from ringfence.warehouse.library import Library, Question
from ringfence.warehouse.process import index_all
from ringfence.warehouse.retention import keep_to

ALICE = "+8613900000001"
DAY = 86_400


@pytest.fixture
def kept(history: History) -> History:
    """Two segments a day apart: a forwarded call of a minute, and a rejected one, in each."""
    for _ in range(2):
        history.call(ALICE, talk=60)
        history.call(ALICE, number="+8613700000000")
        history.pass_time(DAY)
        history.spool.tick()
    history.close()
    index_all(history.folder)
    return history


def left(history: History) -> list[str]:
    return [fields["call_id"].partition("@")[0] for _, fields in Library(history.folder).find(Question())]


def settings(forwarded: str, rejected: str) -> RetentionSettings:
    return RetentionSettings.model_validate({"forwarded": forwarded, "tagged": forwarded, "rejected": rejected})


def test_nothing_goes_before_its_time(kept: History) -> None:
    assert keep_to(settings("30d", "30d"), kept.folder, BEGAN + 10 * DAY) == (0, 0)
    assert left(kept) == ["call4", "call3", "call2", "call1"]


def test_a_segment_goes_when_all_of_it_is_over_its_time(kept: History) -> None:
    assert keep_to(settings("30d", "30d"), kept.folder, BEGAN + 30.5 * DAY) == (1, 0)
    assert left(kept) == ["call4", "call3"]
    assert verify(kept.folder).troubles == []
    assert len(list(kept.folder.glob("*.rec"))) == 1


def test_one_class_goes_before_another(kept: History) -> None:
    assert keep_to(settings("10d", "30d"), kept.folder, BEGAN + 10.5 * DAY) == (0, 1)
    assert left(kept) == ["call4", "call3", "call2"]
    assert len(list(kept.folder.glob("*.rec"))) == 1
    assert keep_to(settings("10d", "30d"), kept.folder, BEGAN + 10.6 * DAY) == (0, 0)
    assert keep_to(settings("10d", "30d"), kept.folder, BEGAN + 29 * DAY) == (0, 1)
    assert left(kept) == ["call4", "call2"]
    assert keep_to(settings("10d", "30d"), kept.folder, BEGAN + 40 * DAY) == (2, 0)
    assert left(kept) == []


def test_a_thinned_call_keeps_its_story(kept: History) -> None:
    keep_to(settings("30d", "10d"), kept.folder, BEGAN + 10.5 * DAY)
    assert left(kept) == ["call4", "call3", "call1"]
    library = Library(kept.folder)
    sequence, _ = library.find(Question(call_id="call1@trunk"))[0]
    story = library.story(sequence)
    assert story is not None
    assert story.outcome is not None
    assert story.end is not None
    assert story.end["talk_ms"] == "60000"
