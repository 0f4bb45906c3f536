import asyncio
import os
import socket
import stat
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from ringfence.control import channel
from ringfence.control.channel import ChannelServer, ask
from ringfence.control.errors import ControlError, Refused, Unanswered
from ringfence.errors import RingfenceError


async def slow(arguments: dict[str, Any]) -> str:
    await asyncio.sleep(float(arguments["seconds"]))
    return "done"


def refuse(_: dict[str, Any]) -> None:
    raise RingfenceError("not while draining")


def fail(_: dict[str, Any]) -> None:
    raise ZeroDivisionError("our own bug")


@pytest.fixture
async def path(tmp_path: Path) -> AsyncIterator[Path]:
    path = tmp_path / "control.sock"
    commands = {"echo": lambda arguments: arguments, "slow": slow, "refuse": refuse, "fail": fail, "big": big}
    server = ChannelServer(path, commands)
    await server.open()
    yield path
    await server.close()
    await server.close()
    assert not path.exists()


def big(_: dict[str, Any]) -> str:
    return "x" * 5_000_000


async def test_one_request_one_answer(path: Path) -> None:
    assert await ask(path, "echo", {"a": [1, "é", None]}) == {"a": [1, "é", None]}
    assert await ask(path, "echo") == {}
    assert await ask(path, "slow", {"seconds": 0}) == "done"
    assert len(await ask(path, "big")) == 5_000_000


async def test_only_the_owner_may_open_it(path: Path) -> None:
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


async def test_refusals_and_bugs_are_told_apart_from_silence(path: Path) -> None:
    with pytest.raises(Refused, match="not while draining"):
        await ask(path, "refuse")
    with pytest.raises(Refused, match="the log says why"):
        await ask(path, "fail")
    with pytest.raises(Refused, match="no such command"):
        await ask(path, "shutdown")
    assert await ask(path, "echo") == {}


async def test_a_slow_answer_is_no_answer_and_holds_up_nobody(path: Path) -> None:
    waiting = asyncio.ensure_future(ask(path, "slow", {"seconds": 30}, timeout=0.1))
    assert await ask(path, "echo") == {}
    with pytest.raises(Unanswered):
        await waiting


async def test_nobody_there(tmp_path: Path) -> None:
    with pytest.raises(Unanswered):
        await ask(tmp_path / "none.sock", "echo")


@pytest.mark.parametrize(
    "line", [b"not json\n", b"[]\n", b"{}\n", b'{"command": ["x"]}\n', b'{"command": 7}\n', b"null\n", b'"x"\n']
)
async def test_nonsense_gets_an_error(path: Path, line: bytes) -> None:
    reader, writer = await asyncio.open_unix_connection(path)
    writer.write(line)
    assert await reader.read() == b'{"error":"no such command"}\n'
    writer.close()


async def test_who_sends_no_end_is_dropped(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(channel, "REQUEST_TIMEOUT", 0.05)
    reader, writer = await asyncio.open_unix_connection(path)
    writer.write(b'{"command"')
    assert await reader.read() == b""
    writer.close()


async def test_who_sends_too_much_is_dropped(path: Path) -> None:
    reader, writer = await asyncio.open_unix_connection(path)
    writer.write(b"x" * (channel.LONGEST_REQUEST * 2))
    try:
        assert await reader.read() == b""
    except ConnectionResetError:
        pass
    writer.close()
    assert await ask(path, "echo") == {}


async def test_who_hangs_up_early_hurts_nobody(path: Path) -> None:
    for line in (b"", b'{"command"', b'{"command": "big"}\n'):
        _, writer = await asyncio.open_unix_connection(path)
        writer.write(line)
        writer.transport.abort()
    assert await ask(path, "echo") == {}


async def test_connections_are_bounded(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(channel, "CONNECTIONS", 1)
    waiting = asyncio.ensure_future(ask(path, "slow", {"seconds": 30}, timeout=30))
    await asyncio.sleep(0.05)
    with pytest.raises(Unanswered):
        await ask(path, "echo")
    waiting.cancel()


async def test_a_dead_processes_socket_is_replaced_a_live_ones_is_not(tmp_path: Path) -> None:
    path = tmp_path / "control.sock"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as dead:
        dead.bind(os.fsencode(path))
    first, second = ChannelServer(path, {"echo": dict}), ChannelServer(path, {})
    await first.open()
    with pytest.raises(ControlError, match="already"):
        await second.open()
    await second.close()
    assert await ask(path, "echo") == {}
    await first.close()


async def test_a_file_that_is_no_socket_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "precious"
    path.write_text("data")
    with pytest.raises(ControlError, match="control socket"):
        await ChannelServer(path, {}).open()
    assert path.read_text() == "data"


async def test_a_path_that_is_too_long_is_told(tmp_path: Path) -> None:
    with pytest.raises(ControlError, match="107 bytes"):
        await ChannelServer(tmp_path / ("x" * 120), {}).open()


async def test_closing_drops_who_waits(tmp_path: Path) -> None:
    path = tmp_path / "control.sock"
    server = ChannelServer(path, {"slow": slow})
    await server.open()
    waiting = asyncio.ensure_future(ask(path, "slow", {"seconds": 30}, timeout=30))
    await asyncio.sleep(0.05)
    await server.close()
    with pytest.raises(Unanswered):
        await waiting
