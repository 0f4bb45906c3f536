"""The fuzz targets for a moment: on every seed as it is, then on a fixed number of random changes to them."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest
from tests.fuzz.pieces import PIECES, SEEDS
from tests.fuzz.targets import TARGETS

ROUNDS = 8_000  # about a second each


def changed(dice: random.Random, data: bytes) -> bytes:
    """One to four small changes: a piece put in or over others, bytes cut out, doubled or flipped, another's tail."""
    for _ in range(dice.randint(1, 4)):
        at = dice.randrange(len(data) + 1)
        end = min(len(data), at + dice.choice((0, 1, 2, 8, 60)))
        match dice.randrange(5):
            case 0:
                data = data[:at] + dice.choice(PIECES) + data[end:]
            case 1:
                data = data[:at] + data[end:]
            case 2:
                data = data[:end] + data[at:]
            case 3:
                data = data[:at] + bytes((dice.randrange(256),)) + data[at + 1 :]
            case _:
                other = dice.choice(SEEDS)
                data = data[:at] + other[dice.randrange(len(other) + 1) :]
    return data[:8_000]


def values(data: bytes) -> list[bytes]:
    """The values of a message's lines, for the target that takes less than a message."""
    return [line.partition(b":")[2].strip() for line in data.split(b"\r\n")[1:] if b":" in line] or [data]


@pytest.mark.parametrize("name", TARGETS)
def test_seeds(name: str) -> None:
    for seed in SEEDS:
        TARGETS[name](seed)
        for value in values(seed):
            TARGETS[name](value)


@pytest.mark.parametrize("name", TARGETS)
def test_random_changes(name: str) -> None:
    target: Callable[[bytes], None] = TARGETS[name]
    dice = random.Random(4475)
    for _ in range(ROUNDS):
        seed = dice.choice(SEEDS)
        if name == "uri":
            seed = dice.choice(values(seed))
        data = changed(dice, seed)
        try:
            target(data)
        except Exception:
            print("reproduce with:", repr(data))
            raise
