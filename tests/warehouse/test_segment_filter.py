"""The filter beside an index: never no for what is there, nearly always no for what is not, nothing from a bad file."""

from __future__ import annotations

import random
from array import array
from pathlib import Path

import pytest

from ringfence.warehouse import segment_filter
from ringfence.warehouse.segment_filter import BITS, BITS_A_KEY, PAGE, may_hold

KEY = bytes(range(32))
DICE = random.Random(6)
INSIDE = [DICE.getrandbits(47) for _ in range(4 * BITS // BITS_A_KEY - 7)]  # fills four pages
OUTSIDE = [DICE.getrandbits(47) for _ in range(20_000)]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "1.filter"
    segment_filter.write(path, array("Q", INSIDE), KEY)
    return path


def test_what_is_there_may_be_there(path: Path) -> None:
    assert path.stat().st_size == 4 * PAGE
    assert path.stat().st_mode & 0o777 == 0o600
    assert all(may_hold(path, [digest], KEY) for digest in INSIDE)


def test_what_is_not_there_is_seldom_asked_for(path: Path) -> None:
    assert sum(may_hold(path, [digest], KEY) for digest in OUTSIDE) < len(OUTSIDE) / 150


def test_all_of_several(path: Path) -> None:
    absent = next(digest for digest in OUTSIDE if not may_hold(path, [digest], KEY))
    assert may_hold(path, INSIDE[:2], KEY)
    assert not may_hold(path, [INSIDE[0], absent], KEY)
    assert not may_hold(path, [absent, INSIDE[0]], KEY)


def test_a_filter_of_nothing(tmp_path: Path) -> None:
    path = tmp_path / "2.filter"
    segment_filter.write(path, array("Q"), KEY)
    assert path.stat().st_size == PAGE
    assert not may_hold(path, [INSIDE[0]], KEY)


@pytest.mark.parametrize("size", [0, 1, PAGE - 1, PAGE, 2 * PAGE, 4 * PAGE - 1])
def test_a_cut_one_proves_nothing(path: Path, size: int) -> None:
    path.write_bytes(path.read_bytes()[:size])
    assert all(may_hold(path, [digest], KEY) for digest in INSIDE)


def test_a_torn_one_proves_nothing(path: Path) -> None:
    """A page of zeros, pages in another order, more pages, a bit."""
    data = path.read_bytes()
    for torn in (
        bytes(PAGE) + data[PAGE:],
        data[:PAGE] + bytes(3 * PAGE),
        data[PAGE : 2 * PAGE] + data[:PAGE] + data[2 * PAGE :],
        data + data,
        data[:-1] + bytes([data[-1] ^ 1]),
        bytes(each & ~0x10 for each in data),
    ):
        path.write_bytes(torn)
        assert all(may_hold(path, [digest], KEY) for digest in INSIDE)


def test_one_of_another_segment_proves_nothing(path: Path) -> None:
    assert all(may_hold(path, [digest], bytes(32)) for digest in OUTSIDE[:500])


def test_none_proves_nothing(tmp_path: Path) -> None:
    assert may_hold(tmp_path / "none", [INSIDE[0]], KEY)
