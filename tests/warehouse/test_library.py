"""Records found again: indexed, not yet indexed, over several segments, behind a restart."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.support.stage import OTHER_TRUNK
from tests.warehouse.conftest import BEGAN, RING, History

from ringfence.records.errors import RecordsError
from ringfence.records.place import APART
from ringfence.warehouse.keeping import index_all
from ringfence.warehouse.library import Library, Question
from ringfence.warehouse.process import main

ALICE, BOB, CAROL = "+8613900000001", "+8613900000002", "+8613900000003"
EVER = json.dumps({"retention": dict.fromkeys(("emergency", "marketing", "rejected", "tagged", "forwarded"), "36500d")})
HOUR = 3600 * 10**6


@pytest.fixture(params=["indexed", "not indexed", "half indexed"])
def library(request: pytest.FixtureRequest, history: History) -> Library:
    """Three hours of calls."""
    history.call(ALICE, talk=60)
    history.call(BOB)
    history.hour()
    history.call(ALICE, number="+861099999999", asserted="+861012345678")
    history.call(ALICE, number="+862112345678", source=OTHER_TRUNK)
    history.hour()
    history.call(CAROL, talk=2 * 3600)
    history.call("110", number="+8613700000000")
    history.call(CAROL, number="+8613700000000")
    history.close()
    if request.param != "not indexed":
        index_all(history.folder, RING)
    if request.param == "half indexed":
        sorted((history.folder / "index").glob("*.sqlite"))[1].unlink()
    return history.library()


def found(library: Library, **question: object) -> list[str]:
    return [fields["call_id"].partition("@")[0] for _, fields in library.find(Question(**question))]  # type: ignore[arg-type]


def test_by_callee_newest_first(library: Library) -> None:
    assert found(library, callee=ALICE) == ["call4", "call3", "call1"]


def test_by_caller_shown_or_asserted(library: Library) -> None:
    assert found(library, caller="+861012345678") == ["call5", "call3", "call2", "call1"]
    assert found(library, caller="+861099999999") == ["call3"]


def test_by_both(library: Library) -> None:
    assert found(library, caller="+862112345678", callee=ALICE) == ["call4"]
    assert found(library, caller="+862112345678", callee=BOB) == []


def test_by_time(library: Library) -> None:
    began = BEGAN * 10**6
    assert found(library, begin=began + HOUR, end=began + 2 * HOUR) == ["call4", "call3"]
    assert found(library, callee=ALICE, end=began + HOUR) == ["call1"]


def test_by_call_id_trunk_and_action(library: Library) -> None:
    assert found(library, call_id="call6@trunk") == ["call6"]
    assert found(library, trunk="callcentre") == ["call4"]
    assert found(library, action="reject") == ["call7", "call3"]
    assert found(library, callee="110") == ["call6"]


def test_no_more_than_asked_for(library: Library) -> None:
    assert [fields["call_id"] for _, fields in library.find(Question(), limit=2)] == ["call7@trunk", "call6@trunk"]


def test_a_whole_story(library: Library) -> None:
    ((sequence, decision),) = library.find(Question(call_id="call1@trunk"))
    story = library.story(sequence)
    assert story is not None
    assert story == library.told(sequence, decision)
    assert story.decision["callee"] == ALICE
    assert story.outcome is not None
    assert story.outcome["status"] == "200"
    assert story.end is not None
    assert (story.end["talk_ms"], story.end["released"]) == ("60000", "caller")


def test_a_call_without_an_end(library: Library) -> None:
    ((sequence, _),) = library.find(Question(call_id="call2@trunk"))
    story = library.story(sequence)
    assert story is not None
    assert (story.outcome, story.end) == (None, None)


def test_a_number_that_is_no_decisions(library: Library) -> None:
    assert library.story(10_000) is None
    ((sequence, _),) = library.find(Question(call_id="call1@trunk"))
    assert library.story(sequence + 1) is None


def test_an_end_in_a_later_segment(history: History) -> None:
    call_id = history.call(ALICE)
    data = history.stage  # the call is still open: answer it now, end it an hour later
    forwarded = data.engine.state.transactions.clients.values()[0].data
    from tests.support.stage import CALLER, GATEWAY
    from tests.support.talk import answer, header, in_dialog

    data.receive(answer(forwarded, 200), GATEWAY)
    history.flush()
    history.hour()
    history.call(BOB)
    data.take()
    (route,) = header(forwarded, "Record-Route")
    data.receive(in_dialog("BYE", route, call_id=call_id), CALLER)
    ((_, copy),) = data.take()
    data.receive(answer(copy, 200), GATEWAY)
    history.close()
    for prepare in (lambda: None, lambda: index_all(history.folder, RING)):
        prepare()
        ((sequence, _),) = history.library().find(Question(call_id=call_id))
        story = history.library().story(sequence)
        assert story is not None
        assert story.end is not None
        assert story.end["talk_ms"] == "3600000"


def test_the_process_indexes_what_is_sealed_and_leaves_the_rest(history: History) -> None:
    history.call(ALICE)
    history.hour()
    history.call(BOB)
    history.spool.tick()
    history.close()
    newest = max(history.folder.glob("*.rec"))
    newest.rename(newest.with_suffix(".open"))
    (history.folder.parent / "keys").mkdir()
    (history.folder.parent / "keys/records.key").write_text(bytes(range(32)).hex())
    with pytest.raises(SystemExit) as ended:
        main(["--data-directory", str(history.folder.parent), "--once", "--records", EVER])
    assert ended.value.code == 0
    assert len(list((history.folder / "index").glob("*.sqlite"))) == 1
    assert found(history.library(), callee=BOB) == ["call2"]


def test_a_segment_that_cannot_be_indexed_is_told_and_found_all_the_same(history: History) -> None:
    history.call(ALICE)
    history.close()
    (history.folder / "index").write_text("in the way")
    with pytest.raises(SystemExit) as ended:
        main(["--data-directory", str(history.folder.parent), "--once"])
    assert ended.value.code == 1


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(RecordsError, match="cannot be read"):
        Library(tmp_path / "none")


def test_what_is_no_number_cannot_be_looked_for(library: Library) -> None:
    if library.waiting == 0:
        with pytest.raises(RecordsError, match=r"E\.164"):
            library.find(Question(caller="anonymous"))


def test_spools_of_workers_are_one_library(tmp_path: Path) -> None:
    """Newest first over all of them; an end behind a restart with fewer workers is found where it was written."""
    folder = tmp_path / "records"
    histories = [History(folder / f"worker-{number}", first=number * APART + 1) for number in (1, 2)]
    for number in range(4):
        history = histories[number % 2]
        history.clock += number
        history.call((ALICE, BOB)[number // 2], talk=60 if number < 2 else 0)
    for history in histories:
        history.hour()
        history.close()
    index_all(folder / "worker-1", RING)
    library = Library(folder, lambda: RING)
    decisions = library.find(Question())
    assert [sequence // APART for sequence, _ in decisions] == [2, 1, 2, 1]
    assert [int(body.split(b"\n")[1]) for _, body in library.decisions(0)] == [
        int(fields["at"]) for _, fields in reversed(decisions)
    ]
    assert library.waiting == 1 and library.estimate(0) >= 4
    for sequence, decision in decisions:
        story = library.story(sequence)
        assert story == library.told(sequence, decision)
        assert story is not None and (story.end is not None) == (decision["callee"] == ALICE)
    assert library.story(3 * APART + 1) is None and library.story(1) is None
