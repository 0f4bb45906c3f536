import asyncio
import fcntl
import os
import subprocess
import sys
from pathlib import Path

import pytest

from ringfence.lookups import StoreError, lock


async def test_it_is_held_until_it_is_closed(folder: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(lock, "PATIENCE", 0.1)
    first = await lock.locked(folder / "lock")
    with pytest.raises(StoreError, match="another process"):
        await lock.locked(folder / "lock")
    os.close(first)
    os.close(await lock.locked(folder / "lock"))


async def test_a_child_that_inherited_it_keeps_it(folder: Path):
    held = await lock.locked(folder / "lock")
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, pass_fds=(held,))
    os.close(held)
    waiting = asyncio.create_task(lock.locked(folder / "lock"))
    done, _ = await asyncio.wait({waiting}, timeout=0.2)
    assert not done
    child.kill()
    child.wait()
    os.close(await waiting)


async def test_one_that_is_not_waited_for_any_more_leaves_nothing_open(folder: Path):
    held = await lock.locked(folder / "lock")
    waiting = asyncio.create_task(lock.locked(folder / "lock"))
    await asyncio.sleep(0)
    before = len(os.listdir("/proc/self/fd"))
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert len(os.listdir("/proc/self/fd")) == before - 1
    assert fcntl.fcntl(held, fcntl.F_GETFD) & fcntl.FD_CLOEXEC
    os.close(held)
