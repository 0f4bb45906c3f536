"""Whatever is done to a folder of records is found, and told apart."""

from __future__ import annotations

import random
import shutil
from pathlib import Path

import pytest
from tests.records.conftest import OpenSpool

from ringfence.records import framing
from ringfence.records.errors import RecordsError
from ringfence.records.verify import Report, verify


@pytest.fixture
def folder(open_spool: OpenSpool) -> Path:
    """Three sealed segments of four records each."""
    hour = [3600.0]
    spool = open_spool(clock=lambda: hour[0])
    for number in range(12):
        spool.append([b"N\n1\ntest\n%d" % number], number, number)
        if number % 4 == 3:
            hour[0] += 3600
            spool.tick()
    spool.close()
    return spool.folder


def kinds(report: Report) -> list[str]:
    return [trouble.kind for trouble in report.troubles]


def test_an_untouched_folder(folder: Path) -> None:
    seen: list[tuple[int, int]] = []
    report = verify(folder, lambda done, total: seen.append((done, total)))
    assert (report.segments, report.records, report.first, report.next) == (3, 12, 1, 13)
    assert report.troubles == []
    assert len(report.head) == 32
    assert seen[-1][0] == seen[-1][1] == sum(path.stat().st_size for path in framing.segments(folder))


def test_old_segments_may_go(folder: Path) -> None:
    framing.segments(folder)[0].unlink()
    report = verify(folder)
    assert (report.first, report.troubles) == (5, [])


def test_a_segment_that_is_missing_is_a_gap(folder: Path) -> None:
    framing.segments(folder)[1].unlink()
    report = verify(folder)
    assert kinds(report) == ["gap"]
    assert "4 records are missing" in report.troubles[0].text


def test_every_changed_byte_is_found(folder: Path, tmp_path: Path) -> None:
    dice = random.Random(1)
    for trial in range(120):
        copy = tmp_path / f"copy{trial}"
        shutil.copytree(folder, copy)
        path = dice.choice(framing.segments(copy))
        data = bytearray(path.read_bytes())
        place = dice.randrange(len(data))
        data[place] ^= 1 << dice.randrange(8)
        path.write_bytes(data)
        assert verify(copy).troubles, (path.name, place)


def test_every_cut_is_found(folder: Path, tmp_path: Path) -> None:
    for number, path in enumerate(framing.segments(folder)):
        for cut in (1, 17, 48, 49, 96, 97, 200):
            copy = tmp_path / f"copy{number}.{cut}"
            shutil.copytree(folder, copy)
            target = copy / path.name
            target.write_bytes(path.read_bytes()[:-cut])
            assert kinds(verify(copy))[0] == "cut"


def test_a_block_taken_out_is_found(folder: Path) -> None:
    path = framing.segments(folder)[1]
    data = path.read_bytes()
    header = framing.read_header(data)
    assert isinstance(header, framing.Header)
    second = list(framing.blocks(data, header))[1]
    assert isinstance(second, framing.Block)
    path.write_bytes(data[: second.offset] + data[second.end :])
    assert kinds(verify(folder)) == ["edit"]


def test_a_segment_made_anew_does_not_fit_its_neighbours(folder: Path) -> None:
    """A forger who makes all digests of a segment right is betrayed by the next one."""
    path = framing.segments(folder)[1]
    header = framing.read_header(path.read_bytes())
    assert isinstance(header, framing.Header)
    data, link = framing.start("node1", 1, header.first, header.previous, header.created)
    for number in range(4):
        body = b"N\n1\ntest\nforged%d" % number
        more, link = framing.block(
            framing.BLOCK, framing.LENGTH.pack(len(body)) + body, header.first + number, 1, 1, link
        )
        data += more
    seal, _ = framing.block(framing.SEAL, b"", header.first + 4, 1, 1, link)
    path.write_bytes(data + seal)
    (trouble,) = verify(folder).troubles
    assert (trouble.kind, trouble.file) == ("edit", framing.segments(folder)[2].name)


def test_something_behind_the_seal(folder: Path) -> None:
    path = framing.segments(folder)[0]
    data = path.read_bytes()
    header = framing.read_header(data)
    assert isinstance(header, framing.Header)
    seal = list(framing.blocks(data, header))[-1]
    assert isinstance(seal, framing.Block)
    more, _ = framing.block(framing.BLOCK, b"", seal.first, 1, 1, seal.link)
    path.write_bytes(data + more)
    assert "something follows the seal" in verify(folder).troubles[0].text


def test_half_a_block_at_the_end_of_the_open_segment_is_no_trouble(folder: Path) -> None:
    newest = framing.segments(folder)[-1]
    newest.rename(newest.with_suffix(".open"))
    newest = newest.with_suffix(".open")
    newest.write_bytes(newest.read_bytes()[:-50])
    report = verify(folder)
    assert (report.troubles, report.records) == ([], 11)
    assert report.open_bytes > 0


def test_what_is_no_segment(folder: Path) -> None:
    (folder / framing.name_of(13, ".rec")).write_bytes(b"something else that is long enough")
    assert kinds(verify(folder)) == ["header"]


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(RecordsError, match="cannot be read"):
        verify(tmp_path / "none")
