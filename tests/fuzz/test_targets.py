"""The fuzz targets for a moment: on every seed as it is, then on a fixed number of random changes to them."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.fuzz.pieces import PIECES, SEEDS
from tests.fuzz.targets import OWN_TARGETS as TARGETS

ROUNDS = {"plan": 500, "calendar": 500}  # a file takes ten times as long as a message
ROUNDS_ELSE = 8_000  # about a second each

PLANS = [path.read_bytes() for path in sorted(Path("config/numbering").glob("*.yaml"))]
CALENDARS = [path.read_bytes() for path in sorted(Path("config/calendar").glob("*.yaml"))]
NUMBERS = [
    b"+8613800138000", b"0086 (0)21-6234.5678", b"8613800138000", b"021110", b"95588", b"955881234", b"0755 12345",
    b"17909013800138000", b"442079460001", b"+442079460001", b"anonymous", b"62345678;phone-context=+8621",
    b"1440012345678", b"10690123456789012345", b"*31#110", b"+86",
]  # fmt: skip


def changed(dice: random.Random, data: bytes, seeds: list[bytes]) -> bytes:
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
                other = dice.choice(seeds)
                data = data[:at] + other[dice.randrange(len(other) + 1) :]
    return data[:16_000]


def values(data: bytes) -> list[bytes]:
    """The values of a message's lines, for the target that takes less than a message."""
    return [line.partition(b":")[2].strip() for line in data.split(b"\r\n")[1:] if b":" in line] or [data]


def seeds(name: str) -> list[bytes]:
    """What a target starts from: files for the loaders of plans and calendars, numbers for their reading, else messages."""
    if name == "plan":
        return PLANS
    if name == "calendar":
        return CALENDARS
    if name == "number":
        return NUMBERS
    return [each for seed in SEEDS for each in values(seed)] if name == "uri" else SEEDS


@pytest.mark.parametrize("name", TARGETS)
def test_seeds(name: str) -> None:
    for seed in seeds(name):
        TARGETS[name](seed)
    for seed in SEEDS if name not in ("plan", "calendar", "number") else ():
        TARGETS[name](seed)
        for value in values(seed):
            TARGETS[name](value)


@pytest.mark.parametrize("name", TARGETS)
def test_random_changes(name: str) -> None:
    target: Callable[[bytes], None] = TARGETS[name]
    dice = random.Random(4475)
    found = seeds(name)
    for _ in range(ROUNDS.get(name, ROUNDS_ELSE)):
        data = changed(dice, dice.choice(found), found)
        try:
            target(data)
        except Exception:
            print("reproduce with:", repr(data))
            raise
