"""A worker as the front sees it: begun with what is in force, told of what comes, replaced when it ends."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.cli.command import SAMPLE

from ringfence.config.ledger_store import Here
from ringfence.config.load import Bundle, load_bundle
from ringfence.control import supervised
from ringfence.control.errors import Unanswered
from ringfence.workers import hand as hand_room
from ringfence.workers import pulse
from ringfence.workers.hand import Hand

# Takes generation 1 and even ones, writes what it was told, and ends when told to, or on `begin` where a file says so.
WORKER = """
import asyncio, signal, socket, sys
from pathlib import Path
from ringfence.errors import RingfenceError
from ringfence.workers.line import serve_line

signal.signal(signal.SIGTERM, signal.SIG_IGN)  # as a worker has it while its front lives
folder, line = Path(sys.argv[1]), socket.socket(fileno=int(sys.argv[sys.argv.index("--line") + 1]))

async def main():
    done, hanging = asyncio.Event(), []

    def told(name, takes=lambda argument: True):
        async def command(argument):
            if not takes(argument):
                raise RingfenceError("too much for me")
            if (folder / "hang").exists():
                hanging.append(name)
            with (folder / "told").open("a") as file:
                print(name, argument["generation"] if argument else "", file=file)
            while hanging:
                pass
            if name == "stop":
                done.set()
        return command

    takes = lambda parcel: not (folder / "refuse").exists() and (parcel["generation"] == 1 or parcel["generation"] % 2 == 0)
    beat = lambda _: asyncio.sleep(0)
    commands = {"beat": beat, "begin": told("begin", takes), "adopt": told("adopt", takes), "drain": told("drain"), "stop": told("stop")}
    serving = asyncio.create_task(serve_line(line, commands))
    await asyncio.wait([serving, asyncio.create_task(done.wait())], return_when=asyncio.FIRST_COMPLETED)

asyncio.run(main())
"""


class Front:
    """What a hand needs of its front."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.bundles = [load_bundle(SAMPLE, number, make_ledger=Here()) for number in range(1, 5)]
        self.bundle = self.bundles[0]
        self.events: list[str] = []
        self.hand = Hand(
            2, 3, [sys.executable, "-c", WORKER, str(folder)], [], lambda: self.bundle, self._begun, self._ended
        )  # fmt: skip

    def _begun(self, hand: Hand) -> None:
        self.events.append("begun")

    def _ended(self, hand: Hand) -> None:
        self.events.append("ended")

    async def adopt(self, bundle: Bundle) -> None:
        self.bundle = bundle
        await self.hand.adopt(bundle)

    def told(self) -> list[str]:
        file = self.folder / "told"
        return [line.strip() for line in file.read_text().splitlines()] if file.exists() else []


async def until(met: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not met():
            await asyncio.sleep(0.01)


async def test_its_life(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervised, "FIRST_PAUSE", 0.01)
    front = Front(tmp_path)
    hand = front.hand
    await hand.start()
    try:
        assert await hand.begun() is None
        assert (hand.up, hand.generation, front.events) == (True, 1, ["begun"])
        await front.adopt(front.bundles[1])
        assert (hand.generation, hand.trouble) == (2, None)
        await front.adopt(front.bundles[2])
        assert hand.up and hand.generation == 2
        assert hand.trouble == "keeps settings of generation 2: too much for me"
        await front.adopt(front.bundles[3])
        assert (hand.generation, hand.trouble) == (4, None)
        await hand.drain()
        assert front.told() == ["begin 1", "adopt 2", "adopt 4", "drain"]
        pid = hand.pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        await until(lambda: "ended" in front.events)
        assert not hand.up
        with pytest.raises(Unanswered):
            await hand.ask("drain")
        await hand.adopt(front.bundles[3])  # nobody to tell: it begins with it
        await until(lambda: hand.up)
        assert front.events == ["begun", "ended", "begun"] and hand.restarts == 1
        assert front.told()[4:] == ["begin 4", "drain"]  # its successor does not take calls either
    finally:
        await hand.stop()
    assert hand.pid is None and front.told()[-1] == "stop"


@pytest.mark.parametrize("when", ["at its beginning", "at a reload"])
async def test_it_has_longer_while_it_takes_settings_in_and_not_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    monkeypatch.setattr(supervised, "FIRST_PAUSE", 0.01)
    monkeypatch.setattr(pulse, "BEAT", 0.4)
    monkeypatch.setattr(hand_room, "BEGIN_PATIENCE", 3.0)
    front = Front(tmp_path)
    hand = front.hand
    for bundle in front.bundles:
        bundle.settings = bundle.settings.model_copy(update={"worker_deadline": 0.8})
    if when == "at its beginning":
        (tmp_path / "hang").touch()
    await hand.start()
    try:
        if when == "at a reload":
            assert await hand.begun() is None
            (tmp_path / "hang").touch()
            adopting = asyncio.create_task(front.adopt(front.bundles[1]))
        await until(lambda: ("adopt 2" if when == "at a reload" else "begin 1") in front.told())
        (tmp_path / "hang").unlink()
        await asyncio.sleep(1.3)
        assert hand.hangs == 0
        await until(lambda: hand.hangs == 1)
        await until(lambda: hand.up and hand.restarts == 1)
        assert (hand.generation, hand.trouble) == (front.bundle.generation, None)
        if when == "at a reload":
            await adopting
    finally:
        await hand.stop()


async def test_one_that_cannot_begin_says_why(tmp_path: Path) -> None:
    front = Front(tmp_path)
    (tmp_path / "refuse").touch()
    await front.hand.start()
    try:
        assert await front.hand.begun() == "too much for me"
        assert not front.hand.up and front.events == []
    finally:
        await front.hand.stop()
