"""A look by catalogue and filters finds what one without them finds, whatever became of these files."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from hashlib import blake2b
from pathlib import Path

import pytest
from tests.warehouse.conftest import BEGAN, RING, History

from ringfence.records.errors import RecordsError
from ringfence.records.keys import KeyRing
from ringfence.records.settings import RetentionSettings
from ringfence.records.verify import verify
from ringfence.warehouse import library, segment_index
from ringfence.warehouse.catalogue import Catalogue
from ringfence.warehouse.keeping import index_all, rotate
from ringfence.warehouse.library import Library, Question
from ringfence.warehouse.retention import keep_to

ALICE, BOB = "+8613900000001", "+8613900000002"


@pytest.fixture
def kept(history: History) -> History:
    """Six hours; Bob is called in the third alone, Alice in all others."""
    for hour in range(6):
        history.call(BOB if hour == 2 else ALICE, talk=60)
        history.hour()
    history.close()
    index_all(history.folder, RING)
    return history


def place(history: History) -> Path:
    return history.folder / "index" / "catalogue"


def filters(history: History) -> list[Path]:
    return sorted((history.folder / "index").glob("*.filter"))


def calls(history: History, ring: KeyRing = RING) -> list[list[str]]:
    """Everything that is found, by each way of asking, with the ends."""
    shelves = Library(history.folder, lambda: ring)
    questions = (Question(callee=ALICE), Question(callee=BOB), Question(caller="+861012345678"))
    found = [shelves.find(question) for question in (*questions, Question(call_id="call3@trunk"), Question())]
    told = [shelves.told(sequence, decision) for answers in found for sequence, decision in answers]
    assert all(story.end is not None and story.end["talk_ms"] == "60000" for story in told)
    return [[fields["call_id"].partition("@")[0] for _, fields in answers] for answers in found]


ALL = [f"call{number}" for number in (6, 5, 4, 3, 2, 1)]
WHOLE = [[name for name in ALL if name != "call3"], ["call3"], ALL, ["call3"], ALL]


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is opened for a look: names of indexes, and of vaults that were asked what they are."""
    names: list[str] = []
    connected, read_card = library.connected, library.read_card

    def seen(function: Callable[[Path], object]) -> Callable[[Path], object]:
        def call(path: Path) -> object:
            names.append(path.name)
            return function(path)

        return call

    monkeypatch.setattr(library, "connected", seen(connected))
    monkeypatch.setattr(library, "read_card", seen(read_card))
    return names


def test_a_look_opens_what_holds_something(kept: History, opened: list[str]) -> None:
    ((sequence, decision),) = kept.library().find(Question(callee=BOB))
    assert len(opened) == 1 and opened[0].startswith(f"{sequence:020d}."[:19])
    assert kept.library().told(sequence, decision).end is not None
    assert len(opened) == 2
    assert kept.library().find(Question(callee="+8613900000003")) == []
    assert kept.library().find(Question(callee=BOB, caller="+861099999999")) == []
    assert len(opened) == 2


def test_an_end_that_never_came_opens_no_other_segment(history: History, opened: list[str]) -> None:
    history.call(BOB)
    for _ in range(3):
        history.hour()
        history.call(ALICE)
    history.close()
    index_all(history.folder, RING)
    ((sequence, decision),) = history.library().find(Question(callee=BOB))
    opened.clear()
    assert history.library().told(sequence, decision).end is None
    assert len(opened) == 1


def test_without_them(kept: History, opened: list[str]) -> None:
    assert calls(kept) == WHOLE
    place(kept).unlink()
    for path in filters(kept):
        path.unlink()
    opened.clear()
    assert calls(kept) == WHOLE
    assert len(opened) > 6 * len(WHOLE)


def version(kept: History, before: bytes) -> bytes:
    said = json.loads(before.partition(b"\n")[2])
    body = json.dumps(said | {"version": 2, "vaults": {}}).encode()
    return blake2b(body, digest_size=32, person=b"rf catalogue").hexdigest().encode() + b"\n" + body


@pytest.mark.parametrize(
    "made",
    [
        lambda kept, before: b"",
        lambda kept, before: before[: len(before) // 2],
        lambda kept, before: before[:-1],
        lambda kept, before: before.replace(b'"began":1', b'"began":9', 1),
        lambda kept, before: bytes(len(before)),
        version,
    ],
    ids=["empty", "half", "a byte short", "edited", "zeros", "other version"],
)
def test_a_catalogue_that_is_not_what_was_written(kept: History, made: Callable[[History, bytes], bytes]) -> None:
    before = place(kept).read_bytes()
    place(kept).write_bytes(made(kept, before))
    assert calls(kept) == WHOLE
    assert index_all(kept.folder, RING) == (0, 0)
    assert place(kept).read_bytes() == before


def test_a_catalogue_from_before_keys_changed_and_calls_went(kept: History) -> None:
    for path in kept.folder.glob("*.vault"):
        os.utime(path, (BEGAN, BEGAN))  # not of the moment in which its key is changed
    index_all(kept.folder, RING)
    before = place(kept).read_bytes()
    rotate(kept.folder, KeyRing([bytes(32), bytes(range(32))]))
    ring = KeyRing([bytes(32)])
    settings = RetentionSettings.model_validate({"forwarded": "3h", "rejected": "3h", "tagged": "3h"})
    keep_to(settings, kept.folder, BEGAN + 4.5 * 3600, ring)
    assert place(kept).read_bytes() != before
    place(kept).write_bytes(before)
    assert calls(kept, ring)[4] == ALL[:4]
    assert calls(kept, ring)[0] == [name for name in ALL[:4] if name != "call3"]


def test_a_filter_that_is_not_what_was_written(kept: History) -> None:
    """A file of zeros, half a file, another segment's, one that is no file."""
    first, second, third, fourth, fifth, *_ = filters(kept)
    first.write_bytes(bytes(4096))
    second.write_bytes(second.read_bytes()[:2048])
    third.write_bytes(fourth.read_bytes())
    fourth.write_bytes(b"")
    fifth.unlink()
    fifth.mkdir()
    assert calls(kept) == WHOLE


def test_a_filter_that_is_missing_is_made_again(kept: History) -> None:
    filters(kept)[2].unlink()
    assert calls(kept) == WHOLE
    assert index_all(kept.folder, RING) == (1, 0)
    assert len(filters(kept)) == 6
    assert calls(kept) == WHOLE


def test_files_of_the_version_before_are_made_anew(kept: History, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(segment_index, "VERSION", segment_index.VERSION + 1)
    assert kept.library().waiting == 6
    assert calls(kept) == WHOLE
    assert index_all(kept.folder, RING) == (6, 0)
    assert len(filters(kept)) == 6
    assert calls(kept) == WHOLE


def test_a_copied_folder_is_read_without_it(kept: History, tmp_path: Path, opened: list[str]) -> None:
    """Other inodes: each vault is asked itself, until the copy is kept."""
    for path in sorted(kept.folder.glob("*.vault")):
        copy = path.with_suffix(".copy")
        copy.write_bytes(path.read_bytes())
        os.utime(copy, ns=(0, path.stat().st_mtime_ns))
        copy.replace(path)
    assert calls(kept) == WHOLE
    assert sum(name.endswith(".vault") for name in opened) == 6
    index_all(kept.folder, RING)
    opened.clear()
    assert calls(kept) == WHOLE
    assert not any(name.endswith(".vault") for name in opened)


def test_a_new_key_is_in_it_and_no_old_one(kept: History) -> None:
    old = place(kept).read_bytes()
    slots = [slot.hex() for card in Catalogue(kept.folder)._cards.values() for slot in card.slots if any(slot)]
    assert slots and all(slot.encode() in old for slot in slots)
    new = KeyRing([bytes(32), bytes(range(32))])
    assert rotate(kept.folder, new) == (6, 6)
    assert not any(slot.encode() in place(kept).read_bytes() for slot in slots)
    assert calls(kept, KeyRing([bytes(32)])) == WHOLE


def test_a_key_change_that_stops_half_way_leaves_none(kept: History) -> None:
    """It would hold keys under the former one of vaults that are under the new one by now."""
    last = max(kept.folder.glob("*.vault"))
    last.write_bytes(bytes(64) + last.read_bytes()[64:])
    with pytest.raises(RecordsError, match="its beginning was changed"):
        rotate(kept.folder, KeyRing([bytes(32), bytes(range(32))]))
    assert not place(kept).exists()


def test_a_deleted_segment_s_key_goes_with_it(kept: History) -> None:
    """Its filter too; what the chain needs stays, and what is thinned is found by its new files."""
    gone = next(iter(Catalogue(kept.folder)._cards.values())).slots[0].hex().encode()
    assert gone in place(kept).read_bytes()
    settings = RetentionSettings.model_validate({"forwarded": "3h", "rejected": "3h", "tagged": "3h"})
    report = keep_to(settings, kept.folder, BEGAN + 4.5 * 3600, RING)
    assert report.segments == 2
    assert gone not in place(kept).read_bytes()
    assert len(filters(kept)) == 4
    assert calls(kept)[4] == ALL[:4]
    assert verify(kept.folder, keys=lambda: RING).troubles == []


def test_retention_that_was_ended_before_it_wrote_one(kept: History, monkeypatch: pytest.MonkeyPatch) -> None:
    """The next look of who keeps the folder takes the deleted segment's key out."""
    settings = RetentionSettings.model_validate({"forwarded": "3h", "rejected": "3h", "tagged": "3h"})
    with monkeypatch.context() as patch:
        patch.setattr(Catalogue, "renew", lambda self: None)
        keep_to(settings, kept.folder, BEGAN + 4.5 * 3600, RING)
    assert len(Catalogue(kept.folder)._cards) == 6
    assert calls(kept)[4] == ALL[:4]
    index_all(kept.folder, RING)
    assert len(Catalogue(kept.folder)._cards) == 4
