"""A snapshot is read as it was written, or not at all."""

from __future__ import annotations

from array import array

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringfence.ledger.snapshot import Records, Snapshot, SnapshotError, records, written

DIGEST = bytes(range(32))


def joined(*pieces: bytes) -> bytes:
    sections = [("numbers", (array("q", [1, 2, 3]),)), *records("texts", pieces), ("empty", ())]
    return b"".join(bytes(memoryview(piece).cast("B")) for piece in written(sections, {"said": [1, None]}, DIGEST))


@given(st.lists(st.binary(max_size=40), max_size=8))
def test_what_was_written_is_read(pieces: list[bytes]) -> None:
    snapshot = Snapshot(joined(*pieces))
    assert (snapshot.facts, snapshot.digest) == ({"said": [1, None]}, DIGEST)
    assert list(snapshot.section("numbers").cast("q")) == [1, 2, 3]
    assert snapshot.place("numbers")[0] % 8 == 0 and snapshot.place("empty")[1] == 0
    found = Records(snapshot, "texts")
    assert [found[place] for place in range(len(found))] == pieces


@given(st.integers(0, 10_000), st.integers(1, 255))
def test_any_change_is_noticed(place: int, change: int) -> None:
    data = bytearray(joined(b"one", b"two"))
    place %= len(data)
    if 28 <= place < 64:
        return  # the digest and the padding behind it say what it is made of, and are compared by who asks
    data[place] ^= change
    with pytest.raises(SnapshotError):
        Snapshot(bytes(data))


@pytest.mark.parametrize("size", [0, 10, 63, 100])
def test_a_piece_of_one_is_none(size: int) -> None:
    with pytest.raises(SnapshotError):
        Snapshot(joined(b"one")[:size])
