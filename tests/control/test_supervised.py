import asyncio
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from ringfence.control import supervised
from ringfence.control.supervised import Supervised

FOR_EVER = [sys.executable, "-S", "-c", "import signal; signal.pause()"]
DEAF = [
    sys.executable, "-S", "-c",
    "import signal, sys; signal.signal(signal.SIGTERM, signal.SIG_IGN); open(sys.argv[1], 'w'); signal.pause()",
]  # fmt: skip


async def until(met: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not met():
            await asyncio.sleep(0.01)


def lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


async def test_it_runs_until_stopped() -> None:
    child = Supervised("child", FOR_EVER)
    assert child.pid is None
    await child.start()
    pid = child.pid
    assert pid is not None and lives(pid)
    await child.stop()
    assert not lives(pid) and child.pid is None and child.restarts == 0
    await child.stop()


async def test_it_is_started_again_when_it_dies(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervised, "FIRST_PAUSE", 0.01)
    child = Supervised("child", FOR_EVER)
    await child.start()
    first = child.pid
    assert first is not None
    os.kill(first, 9)
    await until(lambda: child.restarts == 1)
    assert child.pid is not None and child.pid != first
    await child.stop()


async def test_pauses_grow_while_it_does_not_help(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervised, "FIRST_PAUSE", 0.01)
    monkeypatch.setattr(supervised, "LONGEST_PAUSE", 0.03)
    pauses: list[float] = []
    real = Supervised._again

    async def again(self: Supervised, pause: float) -> asyncio.subprocess.Process:
        pauses.append(pause)
        return await real(self, pause)

    monkeypatch.setattr(Supervised, "_again", again)
    child = Supervised("child", [sys.executable, "-S", "-c", "raise SystemExit(3)"])
    await child.start()
    await until(lambda: len(pauses) >= 4)
    await child.stop()
    assert pauses[:4] == [0.01, 0.02, 0.03, 0.03]
    assert child.pid is None


async def test_a_long_life_resets_the_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervised, "FIRST_PAUSE", 0.01)
    monkeypatch.setattr(supervised, "HEALTHY", 0.0)
    pauses: list[float] = []

    async def again(self: Supervised, pause: float) -> asyncio.subprocess.Process:
        pauses.append(pause)
        return await self._launch()

    monkeypatch.setattr(Supervised, "_again", again)
    child = Supervised("child", [sys.executable, "-S", "-c", "pass"])
    await child.start()
    await until(lambda: len(pauses) >= 3)
    await child.stop()
    assert set(pauses) == {0.01}


async def test_a_start_that_fails_later_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervised, "FIRST_PAUSE", 0.01)
    monkeypatch.setattr(supervised, "LONGEST_PAUSE", 0.02)
    child = Supervised("child", FOR_EVER)
    await child.start()
    real, failures = Supervised._launch, [OSError(11, "no more processes")]

    async def launch(self: Supervised) -> asyncio.subprocess.Process:
        if failures:
            raise failures.pop()
        return await real(self)

    monkeypatch.setattr(Supervised, "_launch", launch)
    first = child.pid
    assert first is not None
    os.kill(first, 9)
    await until(lambda: child.restarts == 1)
    assert failures == []
    await child.stop()


async def test_what_cannot_be_started_is_told() -> None:
    with pytest.raises(OSError, match="No such file"):
        await Supervised("child", ["/nonexistent/program"]).start()


async def test_who_does_not_end_is_ended(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(Supervised, "stop_patience", 0.1)
    mark = tmp_path / "deaf"
    child = Supervised("child", [*DEAF, str(mark)])
    await child.start()
    pid = child.pid
    assert pid is not None
    await until(mark.exists)
    await child.stop()
    assert not lives(pid)
