"""A writer that is killed: `python -m tests.registry.killed FOLDER ROUNDS`.

Forks a child a round, which opens the registry and records refusals, telling each one on a pipe when `record` has
returned. The child is killed with SIGKILL after a random while. Prints what was told, one number a line.
"""

from __future__ import annotations

import asyncio
import os
import random
import select
import signal
import sys
import time
from pathlib import Path

from ringfence.registry.actors import Actor
from ringfence.registry.opening import open_registry
from ringfence.registry.settings import RegistrySettings
from ringfence.registry.statements import refusal

LONGEST_LIFE = 0.06  # seconds between the first word of a child and its end
PATIENCE = 30.0  # seconds until a child's first word
ACTOR = Actor("operator:killed", "operator", "test")


def number(round_: int, place: int) -> str:
    return f"+8613{round_:04}{place:05}"


async def write(folder: Path, round_: int, pipe: int) -> None:
    """Record for ever, two at a time: a kill may fall between any two steps of either."""
    async with await open_registry(RegistrySettings(), folder) as registry:

        async def some(start: int) -> None:
            for place in range(start, 100_000, 2):
                callee = number(round_, place)
                await registry.record(refusal(callee, "*", 1_700_000_000), ACTOR)
                os.write(pipe, f"{callee}\n".encode())

        await asyncio.gather(some(0), some(1))


def play(folder: Path, round_: int, dice: random.Random) -> bytes:
    """One child from its birth to its death; what it told."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        asyncio.run(write(folder, round_, writing))
        os._exit(1)
    os.close(writing)
    try:
        if not select.select([reading], [], [], PATIENCE)[0]:
            raise SystemExit(f"round {round_}: the writer said nothing")
        time.sleep(dice.uniform(0, LONGEST_LIFE))
    finally:
        os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
    assert os.WTERMSIG(status) == signal.SIGKILL, "the writer ended by itself"
    told = b""
    while piece := os.read(reading, 65_536):
        told += piece
    os.close(reading)
    return told


if __name__ == "__main__":
    dice = random.Random(5)
    for round_ in range(int(sys.argv[2])):
        sys.stdout.write(play(Path(sys.argv[1]), round_, dice).decode())
        sys.stdout.flush()
