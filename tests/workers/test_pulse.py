"""Who hangs, and who only seems to: real processes that are stopped, busy, or in a debugger's hands."""

from __future__ import annotations

import asyncio
import ctypes
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from ringfence.workers import pulse
from ringfence.workers.line import Line
from ringfence.workers.pulse import excused, silence_of

WORKER = """
import asyncio, socket, sys, time
from ringfence.workers.line import serve_line

async def beat(_):
    pass

async def hang(_):
    while True:
        pass

asyncio.run(serve_line(socket.socket(fileno=int(sys.argv[1])), {"beat": beat, "hang": hang}))
"""
PTRACE_ATTACH, PTRACE_DETACH = 16, 17


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pulse, "BEAT", 0.05)


@asynccontextmanager
async def worker() -> AsyncIterator[tuple[Line, int]]:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    line = Line(1)
    with (
        theirs,
        subprocess.Popen([sys.executable, "-c", WORKER, str(theirs.fileno())], pass_fds=[theirs.fileno()]) as process,
    ):
        try:
            await line.open(ours)
            await line.ask("beat", timeout=20)
            yield line, process.pid
        finally:
            line.close()
            process.kill()


def patience() -> float:
    return 0.2


async def test_one_that_answers_is_never_silent() -> None:
    async with worker() as (line, pid):
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(silence_of(line, pid, patience), 0.6)


@pytest.mark.parametrize("how", ["stopped", "busy"])
async def test_one_that_does_not_answer_is(how: str) -> None:
    async with worker() as (line, pid):
        if how == "stopped":
            os.kill(pid, signal.SIGSTOP)
        else:
            line.tell("hang")
        assert await asyncio.wait_for(silence_of(line, pid, patience), 5) == pytest.approx(0.2)


async def test_what_holds_us_up_as_well_counts_for_nothing() -> None:
    """A machine that was suspended: a long time has gone by when both of us wake."""
    async with worker() as (line, pid):
        listening = asyncio.create_task(silence_of(line, pid, patience))
        await asyncio.sleep(0.1)
        os.kill(pid, signal.SIGSTOP)
        time.sleep(0.5)
        os.kill(pid, signal.SIGCONT)
        await asyncio.sleep(0.4)
        assert not listening.done()
        listening.cancel()


async def test_a_debugger_may_hold_it_for_as_long_as_it_likes() -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    async with worker() as (line, pid):
        if libc.ptrace(PTRACE_ATTACH, pid, None, None) != 0:
            pytest.skip(f"no process may be traced here: {os.strerror(ctypes.get_errno())}")
        os.waitpid(pid, os.WUNTRACED)
        assert excused(pid)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(silence_of(line, pid, patience), 0.6)
        libc.ptrace(PTRACE_DETACH, pid, None, None)
        assert not excused(pid)
        await line.ask("beat")


def test_nobody_is_excused_who_is_gone() -> None:
    process = subprocess.Popen([sys.executable, "-S", "-c", "pass"])
    process.wait()
    assert not excused(process.pid)
