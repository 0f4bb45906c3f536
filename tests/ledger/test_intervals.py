"""Looking numbers up in a buffer: what is no number is in no range."""

from __future__ import annotations

from array import array

import pytest
from tests.ledger.test_flatten import INTERVALS

from ringfence.ledger.intervals import Intervals
from ringfence.ledger.pack import pack

BOUNDS = [pack("110"), pack("110") + 1, pack("+862162340000"), pack("+862162350000")]
COVERS = [9, 0, 7, 0]
BUFFER = bytes(8) + array("q", BOUNDS).tobytes() + array("I", COVERS).tobytes()


@pytest.mark.parametrize("make", INTERVALS)
@pytest.mark.parametrize(
    ("value", "cover"),
    [
        ("+862162340000", 7),
        ("+862162349999", 7),
        ("+862162345678", 7),
        ("+862162339999", 0),
        ("+862162350000", 0),
        ("+86216234567", 0),
        ("+8621623456789", 0),
        ("862162345678", 0),
        ("110", 9),
        ("+110", 0),
        ("111", 0),
        ("", 0),
        ("+", 0),
        ("urn:service:sos", 0),
        ("+86216234567a", 0),
        ("+1234567890123456", 0),
        ("１１０", 0),
        ("\ud800", 0),
    ],
)
def test_edges(make: type[Intervals], value: str, cover: int) -> None:
    assert make(BUFFER, 8, 4).find(value) == cover


@pytest.mark.parametrize("make", INTERVALS)
def test_an_empty_buffer_covers_nothing(make: type[Intervals]) -> None:
    assert make(b"", 0, 0).find("110") == 0


@pytest.mark.parametrize("make", INTERVALS)
@pytest.mark.parametrize(("offset", "count"), [(0, 99), (-8, 1), (4, 1), (8, -1), (800, 0)])
def test_a_buffer_that_is_too_short_is_refused(make: type[Intervals], offset: int, count: int) -> None:
    with pytest.raises(ValueError, match="does not hold"):
        make(BUFFER, offset, count)


@pytest.mark.skipif(len(INTERVALS) == 1, reason="not compiled here")
def test_the_compiled_one_keeps_its_buffer() -> None:
    buffer = bytearray(BUFFER)
    kept = INTERVALS[1](buffer, 8, 4)
    with pytest.raises(BufferError):
        buffer.clear()
    assert kept.find("110") == 9
    del kept
    buffer.clear()


@pytest.mark.parametrize("make", INTERVALS)
@pytest.mark.parametrize("count", [1, 63, 64, 65, 128, 129, 1000])
def test_every_bound_of_many_is_found(make: type[Intervals], count: int) -> None:
    bounds = [pack(f"{each * 3:05}") for each in range(count)]
    covers = [each + 1 for each in range(count - 1)] + [0]
    find = make(array("q", bounds).tobytes() + array("I", covers).tobytes(), 0, count).find
    for each in range(count * 3 + 3):
        assert find(f"{each:05}") == (each // 3 + 1 if each < count * 3 - 3 else 0)
