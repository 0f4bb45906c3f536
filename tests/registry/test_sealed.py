"""Files at rest: read back whole or refused, whatever is done to them."""

from __future__ import annotations

import io
import random
from pathlib import Path

import pytest

from ringfence.registry.errors import RegistryError
from ringfence.registry.numbers import KeyRing
from ringfence.registry.sealed import CHUNK, HEADER_BYTES, SealingWriter, is_current, reader, rewrapped

OLD, NEW = bytes(range(32)), bytes(range(1, 33))
RING = KeyRing([OLD])
SEALED = CHUNK + 16
DICE = random.Random(1)
LONG = DICE.randbytes(2 * CHUNK + 1000)


def sealed(data: bytes, ring: KeyRing = RING, pieces: int = 10_000) -> bytes:
    target = io.BytesIO()
    writer = SealingWriter(target, ring)
    for at in range(0, len(data), pieces):
        writer.write(data[at : at + pieces])
    writer.finish()
    return target.getvalue()


def opened(file: Path, data: bytes, ring: KeyRing = RING) -> io.BufferedReader:
    file.write_bytes(data)
    return reader(file.open("rb"), ring)


@pytest.mark.parametrize("size", [0, 1, 15, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 2 * CHUNK + 1])
@pytest.mark.parametrize("pieces", [7000, CHUNK, 10 * CHUNK])
def test_what_is_sealed_is_read_back(tmp_path: Path, size: int, pieces: int) -> None:
    data = LONG[:size]
    box = sealed(data, pieces=pieces)
    assert len(box) == HEADER_BYTES + size + 16 * max(1, -(-size // CHUNK))
    with opened(tmp_path / "f", box) as source:
        assert source.read() == data
        assert source.read() == b""


def test_nothing_of_it_shows_and_no_two_are_alike() -> None:
    text = b"I agree to be called. " * 100
    one, other = sealed(text), sealed(text)
    assert b"agree" not in one
    assert one[HEADER_BYTES:] != other[HEADER_BYTES:]


def test_any_place_is_read_without_the_rest(tmp_path: Path) -> None:
    box = bytearray(sealed(LONG))
    box[HEADER_BYTES] ^= 1  # the first chunk is broken: nobody looks
    with opened(tmp_path / "f", bytes(box)) as source:
        for place in (CHUNK, 2 * CHUNK - 3, 2 * CHUNK + 990, len(LONG)):
            assert source.seek(place) == place
            assert source.read(20) == LONG[place : place + 20]
        assert source.seek(-5, io.SEEK_END) == len(LONG) - 5
        assert source.readline() == LONG[-5:]
        source.seek(0)
        with pytest.raises(RegistryError, match="changed or cut short"):
            source.read(1)


CUTS = [HEADER_BYTES - 1, HEADER_BYTES, HEADER_BYTES + 15, HEADER_BYTES + SEALED, HEADER_BYTES + 2 * SEALED]
CUTS += [HEADER_BYTES + SEALED + 10, HEADER_BYTES + 2 * SEALED + 16, HEADER_BYTES + 2 * SEALED + 17]


@pytest.mark.parametrize("cut", CUTS)
def test_a_file_that_was_cut_short_is_not_read(tmp_path: Path, cut: int) -> None:
    with pytest.raises(RegistryError, match="cut short"), opened(tmp_path / "f", sealed(LONG)[:cut]) as source:
        source.read()


def test_a_file_that_was_changed_is_not_read(tmp_path: Path) -> None:
    box = sealed(LONG)
    first, second = box[HEADER_BYTES : HEADER_BYTES + SEALED], box[HEADER_BYTES + SEALED : HEADER_BYTES + 2 * SEALED]
    head, last = box[:HEADER_BYTES], box[HEADER_BYTES + 2 * SEALED :]
    forged = [
        head + second + first + last,
        head + first + first + last,
        head + first + last,
        head + first + second + last + last,
        box + b"x",
        sealed(b"other")[:HEADER_BYTES] + box[HEADER_BYTES:],
    ]
    for place in (9, 20, 60, HEADER_BYTES + 1, len(box) - 1):
        forged.append(box[:place] + bytes((box[place] ^ 1,)) + box[place + 1 :])
    for one in forged:
        with pytest.raises(RegistryError), opened(tmp_path / "f", one) as source:
            source.read()


def test_another_key_does_not_open_it(tmp_path: Path) -> None:
    with pytest.raises(RegistryError, match="under a key that is not in"):
        opened(tmp_path / "f", sealed(LONG), KeyRing([NEW]))


@pytest.mark.parametrize("before", [sealed(LONG), LONG])
def test_wrapped_anew(tmp_path: Path, before: bytes) -> None:
    both = KeyRing([NEW, OLD])
    assert not is_current(before[:HEADER_BYTES], both)
    target = io.BytesIO()
    rewrapped(io.BytesIO(before), target, both)
    assert is_current(target.getvalue()[:HEADER_BYTES], both)
    with opened(tmp_path / "f", target.getvalue(), KeyRing([NEW])) as source:
        assert source.read() == LONG
