"""The fuzz targets for a moment: on every seed as it is, then on a fixed number of random changes to them."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest
from tests.fuzz.targets import SIP_TARGETS as TARGETS
from tests.support.torture import corpus_elsewhere, rfc4475, rfc5118, shipped_corpus

ROUNDS = 8_000  # about a second each

SEEDS = [
    seed
    for seed in (
        *(case.data for case in rfc4475()),
        *(case.data for case in rfc5118()),
        *shipped_corpus(),
        *(corpus_elsewhere() or ()),
    )
    if len(seed) < 4_000
]

# What separates things in SIP, and what is hard to read.
PIECES = [
    b"\r\n",
    b"\r",
    b"\n",
    b"\r\n ",
    b"\r\n\r\n",
    b" ",
    b"\t",
    b",",
    b";",
    b":",
    b"=",
    b"?",
    b"@",
    b"<",
    b">",
    b'"',
    b"\\",
    b'\\"',
    b"[",
    b"]",
    b"%",
    b"%00",
    b"%4",
    b"/",
    b"\0",
    b"\x7f",
    b"\xff",
    b"\xe7\x8e\x8b",
    b"0",
    b"-1",
    b"99999999999999999999",
    b"Via: ",
    b"v:",
    b"l: 5\r\n",
    b"To: ",
    b"SIP/2.0",
    b"sip:",
    b"tel:",
    b";tag=",
    b";branch=z9hG4bK",
    b";rport",
    b";received=1",
    b"INVITE",
    b"ACK",
    b"INVITE sip:a@b SIP/2.0\r\n",
    b"SIP/2.0 200 OK\r\n",
    b"Content-Length: 0\r\n",
]


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
