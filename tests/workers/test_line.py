"""The line between the front and a worker, both ends in one loop."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from typing import Any

import pytest

from ringfence.control.errors import Refused, Unanswered
from ringfence.errors import RingfenceError
from ringfence.workers import line as line_module
from ringfence.workers.line import Line, serve_line


class Worker:
    """Answers, in its own ways."""

    def __init__(self) -> None:
        self.told: list[Any] = []
        self.released = asyncio.Event()

    async def echo(self, argument: Any) -> Any:
        return argument

    async def refuse(self, _: None) -> None:
        raise RingfenceError("not now")

    async def fail(self, _: None) -> None:
        raise ValueError("a bug")

    async def unwritable(self, _: None) -> Any:
        return object()

    async def wait(self, _: None) -> str:
        await self.released.wait()
        return "late"

    async def note(self, argument: Any) -> None:
        self.told.append(argument)


Ends = tuple[Line, Worker, "asyncio.Task[None]"]


@pytest.fixture
async def ends() -> AsyncIterator[Ends]:
    ours, theirs = socket.socketpair()
    worker, line = Worker(), Line(7)
    names = ("echo", "refuse", "fail", "unwritable", "wait", "note")
    serving = asyncio.create_task(serve_line(theirs, {name: getattr(worker, name) for name in names}))
    await line.open(ours)
    yield line, worker, serving
    line.close()
    await asyncio.gather(serving, return_exceptions=True)


async def test_answers_come_to_who_asked_in_whatever_order(ends: Ends) -> None:
    line, worker, _ = ends
    late = asyncio.create_task(line.ask("wait", timeout=5))
    await asyncio.sleep(0)
    answers = await asyncio.gather(*(line.ask("echo", [number, "x" * 100_000]) for number in range(5)))
    assert [number for number, _ in answers] == [0, 1, 2, 3, 4]
    worker.released.set()
    assert await late == "late"


async def test_a_refusal_a_bug_and_what_cannot_be_written_are_answers_too(ends: Ends) -> None:
    line, _, _ = ends
    with pytest.raises(Refused, match="not now"):
        await line.ask("refuse")
    for command in ("fail", "unwritable"):
        with pytest.raises(Refused, match="the log says why"):
            await line.ask(command)
    assert await line.ask("echo", 1) == 1


async def test_an_answer_that_comes_too_late_is_nobodys(ends: Ends) -> None:
    line, worker, _ = ends
    with pytest.raises(Unanswered, match="worker 7 does not answer"):
        await line.ask("wait", timeout=0.05)
    worker.released.set()
    assert await line.ask("echo", "next") == "next"


async def test_what_wants_no_answer_gets_none_and_waits_for_nobody(ends: Ends, monkeypatch: pytest.MonkeyPatch) -> None:
    line, worker, _ = ends
    line.tell("note", (1, b"\xff"))
    assert await line.ask("echo", 2) == 2
    assert worker.told == [(1, b"\xff")]
    monkeypatch.setattr(line_module, "MOST_UNREAD", 1_000)
    for _ in range(300):  # nobody reads meanwhile: the loop is here
        line.tell("note", b"x" * 10_000)
    with pytest.raises(Unanswered):
        await line.ask("echo")
    await asyncio.sleep(0.1)
    assert 0 < len(worker.told) < 300


async def test_the_end_of_a_worker_is_an_answer(ends: Ends) -> None:
    line, _, serving = ends
    waiting = asyncio.create_task(line.ask("wait", timeout=5))
    await asyncio.sleep(0.05)
    serving.cancel()
    with pytest.raises(Unanswered, match="worker 7 is gone"):
        await waiting
    with pytest.raises(Unanswered):
        await line.ask("echo")
    line.tell("note")
    with pytest.raises(asyncio.CancelledError):
        await serving


async def test_the_end_of_the_front_ends_the_worker(ends: Ends) -> None:
    line, _, serving = ends
    line.close()
    async with asyncio.timeout(2):
        await serving
